/* Conv and BatchNormalization, and how windows slide. */
#include <math.h>
#include <string.h>

#include "import/onnx_ops.h"

/* One or two of the integers of a window attribute, `preset` where it is absent. */
static enum fscnn_status get_pair(struct onnx_import *in, const char *name, const int64_t *preset, int64_t low,
                                  int *out) {
    int64_t values[2];
    int count;
    enum fscnn_status status = onnx_get_ints(in, name, 2, values, &count);
    if (status == FSCNN_OK && count == 1) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%s of one dimension", name);
    }
    for (int k = 0; status == FSCNN_OK && k < 2; k++) {
        int64_t value = count ? values[k] : preset[k];
        if (value < low || value > GRAPH_MAX_SIDE) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "%s %lld is out of range", name, (long long)value);
        }
        out[k] = (int)value;
    }
    return status;
}

static enum fscnn_status get_pads(struct onnx_import *in, struct onnx_window *out) {
    int64_t pads[4];
    int count;
    enum fscnn_status status = onnx_get_ints(in, "pads", 4, pads, &count);
    if (status == FSCNN_OK && count != 0 && count != 4) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "pads with %d values", count);
    }
    for (int k = 0; status == FSCNN_OK && k < count; k++) {
        if (pads[k] < 0 || pads[k] > GRAPH_MAX_SIDE) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a padding of %lld", (long long)pads[k]);
        }
        (k < 2 ? out->pad_begin : out->pad_end)[k % 2] = (int)pads[k];
    }
    return status;
}

enum fscnn_status onnx_get_window(struct onnx_import *in, const int64_t *kernel, struct shape picture,
                                  struct onnx_window *out) {
    static const int64_t ones[2] = {1, 1};
    char mode[16];
    *out = (struct onnx_window){0};
    enum fscnn_status status = get_pair(in, "kernel_shape", kernel, 1, out->kernel);
    if (status == FSCNN_OK) {
        status = get_pair(in, "strides", ones, 1, out->stride);
    }
    if (status == FSCNN_OK) {
        status = get_pair(in, "dilations", ones, 1, out->dilation);
    }
    if (status == FSCNN_OK) {
        status = get_pads(in, out);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_text(in, "auto_pad", "NOTSET", mode, sizeof(mode));
    }
    if (status != FSCNN_OK || strcmp(mode, "NOTSET") == 0) {
        return status;
    }
    bool same_upper = strcmp(mode, "SAME_UPPER") == 0;
    if (!same_upper && strcmp(mode, "SAME_LOWER") != 0 && strcmp(mode, "VALID") != 0) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "auto_pad %s", mode);
    }
    const int size[2] = {picture.h, picture.w};
    for (int k = 0; k < 2; k++) {
        int64_t span = (int64_t)(out->kernel[k] - 1) * out->dilation[k] + 1;
        int64_t steps = (size[k] + out->stride[k] - 1) / out->stride[k] - 1;
        int64_t total = strcmp(mode, "VALID") == 0 ? 0 : steps * out->stride[k] + span - size[k];
        total = total < 0 ? 0 : total > GRAPH_MAX_SIDE ? GRAPH_MAX_SIDE : total;
        out->pad_begin[k] = (int)(same_upper ? total / 2 : total - total / 2);
        out->pad_end[k] = (int)total - out->pad_begin[k];
    }
    return FSCNN_OK;
}

/* ONNX's [o, i, kh, kw] -> [o, kh, kw, i], spread out by the dilation. */
static enum fscnn_status read_weights(struct onnx_import *in, const struct tensor *w, const struct onnx_window *window,
                                      struct conv_attr *conv) {
    int64_t high[2];
    for (int k = 0; k < 2; k++) {
        high[k] = (int64_t)(window->kernel[k] - 1) * window->dilation[k] + 1;
        if (high[k] > 255) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "a kernel that spans %lld pixels", (long long)high[k]);
        }
    }
    size_t out_channels = (size_t)w->shape[0], in_channels = (size_t)w->shape[1];
    conv->kh = (int)high[0];
    conv->kw = (int)high[1];
    float *weights = onnx_graph_alloc(in, out_channels * in_channels, (size_t)(high[0] * high[1]) * sizeof(float));
    if (!weights) {
        return FSCNN_ERROR_MEMORY;
    }
    size_t from = 0;
    for (size_t o = 0; o < out_channels; o++) {
        for (size_t i = 0; i < in_channels; i++) {
            for (int y = 0; y < window->kernel[0]; y++) {
                for (int x = 0; x < window->kernel[1]; x++) {
                    size_t row = o * (size_t)conv->kh + (size_t)(y * window->dilation[0]);
                    size_t at = (row * (size_t)conv->kw + (size_t)(x * window->dilation[1])) * in_channels + i;
                    weights[at] = (float)tensor_get_double(w, from++);
                }
            }
        }
    }
    in->graph->source_parameters += from;
    conv->weights = weights;
    return FSCNN_OK;
}

static enum fscnn_status read_bias(struct onnx_import *in, struct conv_attr *conv) {
    const struct tensor *bias;
    if (!onnx_input(in, 2)) {
        return FSCNN_OK;
    }
    enum fscnn_status status = onnx_need_floats(in, 2, 1, &bias);
    if (status != FSCNN_OK) {
        return status;
    }
    if (bias->shape[0] != conv->out_channels) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "%lld biases for %d channels", (long long)bias->shape[0],
                           conv->out_channels);
    }
    float *values = onnx_graph_alloc(in, (size_t)conv->out_channels, sizeof(float));
    if (!values) {
        return FSCNN_ERROR_MEMORY;
    }
    tensor_to_f32(bias, values);
    in->graph->source_parameters += (uint64_t)conv->out_channels;
    conv->bias = values;
    return FSCNN_OK;
}

enum fscnn_status onnx_conv(struct onnx_import *in) {
    struct onnx_value *image;
    const struct tensor *w;
    struct onnx_window window;
    int64_t groups;
    enum fscnn_status status = onnx_need_picture(in, 0, &image);
    if (status == FSCNN_OK) {
        status = onnx_need_floats(in, 1, 4, &w);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "group", 1, &groups);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_window(in, w->shape + 2, onnx_image_shape(in, image), &window);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    if (window.kernel[0] != w->shape[2] || window.kernel[1] != w->shape[3]) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "kernel_shape is not that of the weights");
    }
    int channels = onnx_image_shape(in, image).c;
    if (groups < 1 || groups > channels || w->shape[0] < 1 || w->shape[0] > GRAPH_MAX_SIDE ||
        w->shape[1] * groups != channels || w->shape[0] % groups) {
        char shape[128];
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "weights of %s in %lld groups for a picture of %d channels",
                           tensor_shape_text(w, shape, sizeof(shape)), (long long)groups, channels);
    }
    struct node node = {.op = OP_CONV};
    struct conv_attr *conv = &node.attr.conv;
    *conv = (struct conv_attr){.stride_h = window.stride[0],
                               .stride_w = window.stride[1],
                               .pad_top = window.pad_begin[0],
                               .pad_left = window.pad_begin[1],
                               .pad_bottom = window.pad_end[0],
                               .pad_right = window.pad_end[1],
                               .groups = (int)groups,
                               .out_channels = (int)w->shape[0]};
    status = read_weights(in, w, &window, conv);
    if (status == FSCNN_OK) {
        status = read_bias(in, conv);
    }
    return status == FSCNN_OK ? onnx_emit(in, &node, image, image) : status;
}

/* Attributes that only say "not for training", under the names of several versions. */
static enum fscnn_status check_inference(struct onnx_import *in) {
    static const struct {
        const char *name;
        int64_t expected;
    } switches[] = {{"training_mode", 0}, {"spatial", 1}, {"is_test", 1}};
    float momentum;
    enum fscnn_status status = onnx_get_float(in, "momentum", 0.9F, &momentum); /* for training */
    for (size_t i = 0; status == FSCNN_OK && i < ARRAY_SIZE(switches); i++) {
        int64_t value;
        status = onnx_get_int(in, switches[i].name, switches[i].expected, &value);
        if (status == FSCNN_OK && value != switches[i].expected) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%s = %lld; export the model for inference",
                               switches[i].name, (long long)value);
        }
    }
    return status;
}

/* y = (x - mean) / sqrt(variance + epsilon) * scale + bias, as one scale and one shift a channel. */
enum fscnn_status onnx_batch_normalization(struct onnx_import *in) {
    struct onnx_value *image;
    const struct tensor *t[4] = {NULL}; /* scale, bias, mean, variance */
    float epsilon = 0;
    enum fscnn_status status = onnx_need_picture(in, 0, &image);
    if (status == FSCNN_OK) {
        status = onnx_get_float(in, "epsilon", 1e-5F, &epsilon);
    }
    if (status == FSCNN_OK) {
        status = check_inference(in);
    }
    for (int k = 0; status == FSCNN_OK && k < 4; k++) {
        status = onnx_need_floats(in, k + 1, 1, &t[k]);
        if (status == FSCNN_OK && t[k]->shape[0] != onnx_image_shape(in, image).c) {
            status = onnx_refuse(in, FSCNN_ERROR_FORMAT, "%lld values for %d channels", (long long)t[k]->shape[0],
                                 onnx_image_shape(in, image).c);
        }
    }
    if (status != FSCNN_OK) {
        return status;
    }
    size_t channels = (size_t)onnx_image_shape(in, image).c;
    double *scale = onnx_graph_alloc(in, channels, sizeof(double));
    double *shift = onnx_graph_alloc(in, channels, sizeof(double));
    if (!scale || !shift) {
        return FSCNN_ERROR_MEMORY;
    }
    for (size_t c = 0; c < channels; c++) {
        double variance = tensor_get_double(t[3], c) + (double)epsilon;
        if (!(variance > 0)) { /* NaN too */
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "the variance of channel %zu is not positive", c);
        }
        scale[c] = tensor_get_double(t[0], c) / sqrt(variance);
        shift[c] = tensor_get_double(t[1], c) - tensor_get_double(t[2], c) * scale[c];
    }
    in->graph->source_parameters += 4 * channels;
    return onnx_emit_affine(in, image, scale, shift);
}
