/* Resize and Upsample: every coordinate mode of ONNX as position = scale * i + offset. */
#include <math.h>
#include <string.h>

#include "import/onnx_ops.h"

/* One axis. `factor` is out / in as the file has it: given, or from the sizes. */
struct axis_map {
    int in, out;
    double factor;
    double scale, offset;
};

/* False for a mode that is not of the form scale * i + offset, or unknown. */
static bool map_axis(const char *mode, struct axis_map *a) {
    a->scale = 1 / a->factor;
    if (strcmp(mode, "half_pixel") == 0 || (strcmp(mode, "pytorch_half_pixel") == 0 && a->out > 1)) {
        a->offset = 0.5 * a->scale - 0.5;
    } else if (strcmp(mode, "pytorch_half_pixel") == 0) {
        a->scale = a->offset = 0;
    } else if (strcmp(mode, "align_corners") == 0) {
        a->scale = a->out > 1 ? (a->in - 1.0) / (a->out - 1.0) : 0;
        a->offset = 0;
    } else if (strcmp(mode, "asymmetric") == 0) {
        a->offset = 0;
    } else if (strcmp(mode, "tf_half_pixel_for_nn") == 0) {
        a->offset = 0.5 * a->scale;
    } else if (strcmp(mode, "half_pixel_symmetric") == 0) {
        double adjustment = a->out / (a->factor * a->in);
        a->offset = a->in / 2.0 * (1 - adjustment) + 0.5 * a->scale - 0.5;
    } else {
        return false;
    }
    return true;
}

static double round_nearest(enum resize_mode mode, double position) {
    switch (mode) {
    case RESIZE_NEAREST_FLOOR: return floor(position);
    case RESIZE_NEAREST_CEIL: return ceil(position);
    case RESIZE_NEAREST_ROUND_DOWN: return ceil(position - 0.5);
    default: return floor(position + 0.5);
    }
}

/* Whether scale * i + offset in float32 picks the pixels that exact arithmetic picks. */
static bool nearest_agrees(enum resize_mode mode, const struct axis_map *a, float scale, float offset) {
    for (int i = 0; i < a->out; i++) {
        double exact = a->scale * i + a->offset, halves = nearbyint(exact * 2) / 2;
        exact = fabs(exact - halves) < 1e-9 * (1 + fabs(exact)) ? halves : exact; /* a tie or a whole number is meant */
        float position = scale * (float)i + offset;
        double expected = fmin(fmax(round_nearest(mode, exact), 0), a->in - 1);
        double actual = fmin(fmax(round_nearest(mode, position), 0), a->in - 1);
        if (expected != actual) {
            return false;
        }
    }
    return true;
}

/* Nearest neighbours jump at whole and half positions, which float32 may miss by a hair (49 * (1 / 49) < 1): then the
 * offset is moved into the gap between positions. */
static bool round_axis(enum resize_mode mode, const struct axis_map *a, float *scale, float *offset) {
    *scale = (float)a->scale;
    *offset = (float)a->offset;
    if (mode == RESIZE_LINEAR || nearest_agrees(mode, a, *scale, *offset)) {
        return true;
    }
    const double nudges[] = {0.25 / a->out, -0.25 / a->out, 1.0 / 65536, -1.0 / 65536};
    for (size_t i = 0; i < ARRAY_SIZE(nudges); i++) {
        *offset = (float)(a->offset + nudges[i]);
        if (nearest_agrees(mode, a, *scale, *offset)) {
            return true;
        }
    }
    return false;
}

static enum fscnn_status emit_resize(struct onnx_import *in, const struct onnx_value *image, enum resize_mode mode,
                                     const char *coordinates, const double *factor, const int *out) {
    struct shape shape = onnx_image_shape(in, image);
    struct axis_map h = {.in = shape.h, .out = out[0], .factor = factor[0]};
    struct axis_map w = {.in = shape.w, .out = out[1], .factor = factor[1]};
    if (!map_axis(coordinates, &h) || !map_axis(coordinates, &w)) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "coordinate_transformation_mode %s", coordinates);
    }
    struct node node = {.op = OP_RESIZE};
    struct resize_attr *a = &node.attr.resize;
    a->mode = mode;
    a->out_h = h.out;
    a->out_w = w.out;
    if (!round_axis(mode, &h, &a->scale_h, &a->offset_h) || !round_axis(mode, &w, &a->scale_w, &a->offset_w)) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "nearest neighbours from %dx%d to %dx%d cannot be told apart",
                           shape.h, shape.w, h.out, w.out);
    }
    bool nothing =
        h.in == h.out && w.in == w.out && a->scale_h == 1 && a->scale_w == 1 && a->offset_h == 0 && a->offset_w == 0;
    return nothing ? onnx_set_alias(in, image) : onnx_emit(in, &node, image, image);
}

/* Two factors from a list of one number an axis of the file; those of batch and channels must be 1. The product is one
 * of float32, as runtimes compute it: 10 * 1.9 is 19 there, and a hair less in double. Where the factor is a size ratio
 * that has been rounded to float32, the ratio is meant. */
static enum fscnn_status scales_to_sizes(struct onnx_import *in, const struct onnx_value *image, const double *scales,
                                         double *factor, int *out) {
    struct shape shape = onnx_image_shape(in, image);
    const int sizes[4] = {1, 1, shape.h, shape.w};
    for (int i = 0; i < 4; i++) {
        float scale = (float)scales[i], product = scale * (float)sizes[i];
        if (i < 2 && scale != 1) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it resizes the batch or the channels");
        }
        if (!(product >= 1 && product <= GRAPH_MAX_SIDE)) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a scale of %g for a picture of %dx%d", scales[i], shape.h,
                               shape.w);
        }
        if (i >= 2) {
            double ratio = floor((double)product) / sizes[i];
            out[i - 2] = (int)product;
            factor[i - 2] = (float)ratio == scale ? ratio : scales[i];
        }
    }
    return FSCNN_OK;
}

/* Scales given as an input; axes[count] says which dimensions they are of. */
static enum fscnn_status read_scales(struct onnx_import *in, int input, const struct onnx_value *image, const int *axes,
                                     int count, double *factor, int *out) {
    const struct tensor *t;
    double scales[4] = {1, 1, 1, 1};
    enum fscnn_status status = onnx_need_floats(in, input, -1, &t);
    if (status == FSCNN_OK && tensor_count(t) != (size_t)count) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "%zu scales for %d axes", tensor_count(t), count);
    }
    for (int i = 0; status == FSCNN_OK && i < count; i++) {
        scales[axes[i]] = tensor_get_double(t, (size_t)i);
    }
    return status == FSCNN_OK ? scales_to_sizes(in, image, scales, factor, out) : status;
}

static enum fscnn_status read_sizes(struct onnx_import *in, int input, const struct onnx_value *image, const int *axes,
                                    int count, double *factor, int *out) {
    int64_t sizes[4], expected[4];
    int given;
    enum fscnn_status status = onnx_get_ints_or_input(in, "sizes", 0, input, 4, sizes, &given);
    if (status == FSCNN_OK && given != count) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "%d sizes for %d axes", given, count);
    }
    for (int i = 0; status == FSCNN_OK && i < 4; i++) {
        expected[i] = onnx_image_dim(in, image, i);
        if (i >= 2) {
            out[i - 2] = (int)expected[i];
            factor[i - 2] = 1;
        }
    }
    for (int i = 0; status == FSCNN_OK && i < count; i++) {
        int axis = axes[i];
        if (axis < 2 && sizes[i] != expected[axis]) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it resizes the batch or the channels");
        }
        if (sizes[i] < 1 || sizes[i] > GRAPH_MAX_SIDE) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a size of %lld", (long long)sizes[i]);
        }
        if (axis >= 2) {
            out[axis - 2] = (int)sizes[i];
            factor[axis - 2] = (double)sizes[i] / (double)expected[axis];
        }
    }
    return status;
}

static enum fscnn_status read_mode(struct onnx_import *in, enum resize_mode *out) {
    static const struct {
        const char *name;
        enum resize_mode mode;
    } roundings[] = {{"floor", RESIZE_NEAREST_FLOOR},
                     {"ceil", RESIZE_NEAREST_CEIL},
                     {"round_prefer_floor", RESIZE_NEAREST_ROUND_DOWN},
                     {"round_prefer_ceil", RESIZE_NEAREST_ROUND_UP}};
    char mode[16], rounding[24];
    *out = RESIZE_LINEAR;
    enum fscnn_status status = onnx_get_text(in, "mode", "nearest", mode, sizeof(mode));
    if (status == FSCNN_OK) { /* before opset 11 there was no choice */
        status = onnx_get_text(in, "nearest_mode", in->opset < 11 ? "floor" : "round_prefer_floor", rounding,
                               sizeof(rounding));
    }
    if (status != FSCNN_OK || strcmp(mode, "linear") == 0) {
        return status;
    }
    for (size_t i = 0; strcmp(mode, "nearest") == 0 && i < ARRAY_SIZE(roundings); i++) {
        if (strcmp(rounding, roundings[i].name) == 0) {
            *out = roundings[i].mode;
            return FSCNN_OK;
        }
    }
    return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "mode %s%s%s", mode,
                       strcmp(mode, "nearest") ? "" : ", nearest_mode ",
                       strcmp(mode, "nearest") ? " (linear and nearest are supported)" : rounding);
}

/* Before opset 11, the nearest of an axis that shrinks lies above, that of one that grows below. */
static enum fscnn_status round_as_opset_10(struct onnx_import *in, const double *factor, enum resize_mode *mode) {
    bool up = false, down = false;
    for (int i = 0; i < 2; i++) {
        const double step = 1 / factor[i];
        up |= factor[i] < 1 && fabs(step - round(step)) > 1e-6; /* else both are the same */
        down |= factor[i] > 1;
    }
    if (up && down) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "nearest, one side shrinks by %g and the other grows by %g",
                           factor[0], factor[1]);
    }
    *mode = up ? RESIZE_NEAREST_CEIL : *mode;
    return FSCNN_OK;
}

/* Attributes that matter only to what is refused anyway, and those that must be at their presets. */
static enum fscnn_status check_attributes(struct onnx_import *in) {
    static const char *const zero[] = {"antialias", "exclude_outside"};
    char policy[16];
    float ignored;
    enum fscnn_status status = onnx_get_float(in, "cubic_coeff_a", 0, &ignored);
    if (status == FSCNN_OK) {
        status = onnx_get_float(in, "extrapolation_value", 0, &ignored); /* of tf_crop_and_resize */
    }
    if (status == FSCNN_OK) {
        status = onnx_get_text(in, "keep_aspect_ratio_policy", "stretch", policy, sizeof(policy));
    }
    if (status == FSCNN_OK && strcmp(policy, "stretch") != 0) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "keep_aspect_ratio_policy %s", policy);
    }
    for (size_t i = 0; status == FSCNN_OK && i < ARRAY_SIZE(zero); i++) {
        int64_t value;
        status = onnx_get_int(in, zero[i], 0, &value);
        if (status == FSCNN_OK && value != 0) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%s = %lld", zero[i], (long long)value);
        }
    }
    return status;
}

/* Which dimensions scales and sizes are of: all, or (opset 18) the attribute axes. */
static enum fscnn_status read_axes(struct onnx_import *in, int *axes, int *count) {
    int64_t values[4];
    enum fscnn_status status = onnx_get_ints(in, "axes", 4, values, count);
    bool all = *count == 0;
    *count = all ? 4 : *count;
    for (int i = 0; status == FSCNN_OK && i < *count; i++) {
        status = onnx_fix_axis(in, all ? i : values[i], 4, &axes[i]);
    }
    return status;
}

static bool given(const struct onnx_import *in, int i) {
    const struct onnx_value *value = onnx_input(in, i);
    return value && (value->kind != ONNX_CONSTANT || tensor_count(&value->constant) > 0);
}

enum fscnn_status onnx_resize(struct onnx_import *in) {
    struct onnx_value *image;
    enum resize_mode mode = RESIZE_LINEAR;
    char coordinates[32];
    int axes[4], count = 0, out[2];
    double factor[2];
    enum fscnn_status status = onnx_need_picture(in, 0, &image);
    if (status == FSCNN_OK) {
        status = read_mode(in, &mode);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_text(in, "coordinate_transformation_mode", in->opset < 11 ? "asymmetric" : "half_pixel",
                               coordinates, sizeof(coordinates));
    }
    if (status == FSCNN_OK) {
        status = check_attributes(in);
    }
    if (status == FSCNN_OK) {
        status = read_axes(in, axes, &count);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    if (in->opset < 11) { /* X, scales */
        status = read_scales(in, 1, image, axes, count, factor, out);
        if (status == FSCNN_OK && mode != RESIZE_LINEAR) {
            status = round_as_opset_10(in, factor, &mode);
        }
    } else if (given(in, 3)) { /* X, roi, scales, sizes */
        status = read_sizes(in, 3, image, axes, count, factor, out);
    } else if (given(in, 2)) {
        status = read_scales(in, 2, image, axes, count, factor, out);
    } else {
        status = onnx_refuse(in, FSCNN_ERROR_FORMAT, "neither scales nor sizes");
    }
    return status == FSCNN_OK ? emit_resize(in, image, mode, coordinates, factor, out) : status;
}

/* The forerunner of Resize: scales as an attribute (opset 7) or an input (9). */
enum fscnn_status onnx_upsample(struct onnx_import *in) {
    static const int all[4] = {0, 1, 2, 3};
    struct onnx_value *image;
    enum resize_mode mode = RESIZE_LINEAR;
    double factor[2], scales[4];
    int out[2];
    enum fscnn_status status = onnx_need_picture(in, 0, &image);
    if (status == FSCNN_OK) {
        status = read_mode(in, &mode);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    if (in->opset >= 9) {
        status = read_scales(in, 1, image, all, 4, factor, out);
    } else {
        const Onnx__AttributeProto *list = onnx_find_attribute(in, "scales");
        if (!list || list->n_floats != 4) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "attribute scales is missing or not four numbers");
        }
        for (int i = 0; i < 4; i++) {
            scales[i] = (double)list->floats[i];
        }
        status = scales_to_sizes(in, image, scales, factor, out);
    }
    return status == FSCNN_OK ? emit_resize(in, image, mode, "asymmetric", factor, out) : status;
}
