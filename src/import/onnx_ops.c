/* ONNX operators on images -> graph nodes: the table, arithmetic, and what only renames or reorders. */
#include "import/onnx_ops.h"

#include <math.h>
#include <string.h>

/* ---- helpers for all operators ---- */

enum fscnn_status onnx_need_picture(struct onnx_import *in, int i, struct onnx_value **out) {
    struct onnx_value *value = onnx_input(in, i);
    *out = value;
    if (!value || value->kind != ONNX_IMAGE) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "input %d is not computed from the picture", i);
    }
    if (value->labels) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it computes with the result of ArgMax");
    }
    for (int k = 0; k < 4; k++) {
        if (value->rank != 4 || value->axes[k] != (enum axis)k) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "its input is squeezed or transposed; expected N C H W");
        }
    }
    return FSCNN_OK;
}

enum fscnn_status onnx_need_floats(struct onnx_import *in, int i, int rank, const struct tensor **out) {
    const struct onnx_value *value = onnx_input(in, i);
    *out = NULL;
    if (!value || value->kind != ONNX_CONSTANT) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "input %d is not a constant", i);
    }
    if (value->constant.dtype > DTYPE_F64 || (rank >= 0 && value->constant.rank != rank)) {
        char shape[128];
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "input %d is %s of %s", i,
                           tensor_shape_text(&value->constant, shape, sizeof(shape)),
                           dtype_name(value->constant.dtype));
    }
    *out = &value->constant;
    return FSCNN_OK;
}

void *onnx_graph_alloc(struct onnx_import *in, size_t count, size_t size) {
    void *data = arena_alloc(&in->graph->arena, count, size);
    if (!data) {
        onnx_set_refusal(in, FSCNN_ERROR_MEMORY, "no memory for %zu elements", count);
    }
    return data;
}

enum fscnn_status onnx_add(struct onnx_import *in, struct node *node, const struct onnx_value *image, int *index) {
    if (image) {
        node->num_inputs = 1;
        node->inputs[0] = image->node;
    }
    node->name = text_make_printable(arena_strdup(&in->graph->arena, onnx_node_name(in->node)));
    if (!node->name) {
        return onnx_refuse(in, FSCNN_ERROR_MEMORY, "no memory for its name");
    }
    enum fscnn_status status = graph_add(in->graph, node, index, in->err);
    return status == FSCNN_OK ? status : error_prefix(in->err, status, "%.120s", in->file);
}

enum fscnn_status onnx_emit(struct onnx_import *in, struct node *node, const struct onnx_value *image,
                            const struct onnx_value *like) {
    int index;
    enum fscnn_status status = onnx_add(in, node, image, &index);
    return status == FSCNN_OK ? onnx_set_image(in, index, like) : status;
}

enum fscnn_status onnx_emit_affine(struct onnx_import *in, const struct onnx_value *image, const double *scale,
                                   const double *shift) {
    size_t channels = (size_t)onnx_image_shape(in, image).c;
    double *presets[2] = {NULL};
    for (int k = 0; k < 2; k++) {
        if (k == 0 ? scale != NULL : shift != NULL) {
            continue;
        }
        presets[k] = onnx_graph_alloc(in, channels, sizeof(double));
        if (!presets[k]) {
            return FSCNN_ERROR_MEMORY;
        }
        for (size_t c = 0; c < channels; c++) {
            presets[k][c] = k == 0 ? 1 : 0;
        }
    }
    struct node node = {.op = OP_AFFINE};
    node.attr.affine.scale = scale ? scale : presets[0];
    node.attr.affine.shift = shift ? shift : presets[1];
    return onnx_emit(in, &node, image, image);
}

/* ---- arithmetic ---- */

static enum fscnn_status refuse_labels(struct onnx_import *in) {
    for (int i = 0; i < in->num_inputs; i++) {
        if (in->inputs[i] && in->inputs[i]->kind == ONNX_IMAGE && in->inputs[i]->labels) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it computes with the result of ArgMax");
        }
    }
    return FSCNN_OK;
}

/* A constant that is one number, or one a channel, as [c] doubles in the graph's arena. */
static enum fscnn_status read_per_channel(struct onnx_import *in, const struct onnx_value *image,
                                          const struct tensor *t, double **out) {
    size_t channels = (size_t)onnx_image_shape(in, image).c;
    *out = NULL;
    bool fits = t->rank <= image->rank;
    for (int i = 0; fits && i < t->rank; i++) {
        enum axis axis = image->axes[image->rank - t->rank + i];
        fits = t->shape[i] == 1 || (axis == AXIS_C && t->shape[i] == (int64_t)channels);
    }
    if (!fits) {
        char shape[128];
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "a constant of %s that is neither one number nor one a channel",
                           tensor_shape_text(t, shape, sizeof(shape)));
    }
    *out = onnx_graph_alloc(in, channels, sizeof(double));
    if (!*out) {
        return FSCNN_ERROR_MEMORY;
    }
    for (size_t c = 0; c < channels; c++) {
        (*out)[c] = tensor_get_double(t, tensor_count(t) == 1 ? 0 : c);
    }
    in->graph->source_parameters += tensor_count(t);
    return FSCNN_OK;
}

/* Image op constant, or constant op image where `swapped`. */
static enum fscnn_status arithmetic_constant(struct onnx_import *in, const struct onnx_value *image,
                                             const struct tensor *t, bool swapped) {
    char op = in->node->op_type[0]; /* Add, Sub, Mul, Div */
    double *values;
    enum fscnn_status status = read_per_channel(in, image, t, &values);
    if (status != FSCNN_OK || op == 'A') {
        return status == FSCNN_OK ? onnx_emit_affine(in, image, NULL, values) : status;
    }
    int channels = onnx_image_shape(in, image).c;
    if (op == 'S' && swapped) { /* c - x */
        double *minus = onnx_graph_alloc(in, (size_t)channels, sizeof(double));
        for (int c = 0; minus && c < channels; c++) {
            minus[c] = -1;
        }
        return minus ? onnx_emit_affine(in, image, minus, values) : FSCNN_ERROR_MEMORY;
    }
    if (op == 'D' && swapped) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "division by the picture");
    }
    for (int c = 0; c < channels; c++) {
        if (op == 'D' && values[c] == 0) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "division by zero");
        }
        values[c] = op == 'S' ? -values[c] : op == 'D' ? 1 / values[c] : values[c];
    }
    return op == 'S' ? onnx_emit_affine(in, image, NULL, values) : onnx_emit_affine(in, image, values, NULL);
}

static enum fscnn_status add_images(struct onnx_import *in, const struct onnx_value *a, const struct onnx_value *b) {
    struct node node = {.op = OP_ADD, .num_inputs = 2, .inputs = {a->node, b->node}};
    if (a->rank != b->rank || memcmp(a->axes, b->axes, (size_t)a->rank * sizeof(a->axes[0])) != 0) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "its inputs are in different orders of axes");
    }
    return onnx_emit(in, &node, NULL, a);
}

static enum fscnn_status arithmetic(struct onnx_import *in) {
    struct onnx_value *a = onnx_input(in, 0), *b = onnx_input(in, 1);
    enum fscnn_status status = refuse_labels(in);
    if (status != FSCNN_OK) {
        return status;
    }
    if (in->num_inputs != 2 || !a || !b) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "%d inputs instead of 2", in->num_inputs);
    }
    if (a->kind == ONNX_CONSTANT) {
        return arithmetic_constant(in, b, &a->constant, true);
    }
    if (b->kind == ONNX_CONSTANT) {
        return arithmetic_constant(in, a, &b->constant, false);
    }
    if (strcmp(in->node->op_type, "Add") == 0) {
        return add_images(in, a, b);
    }
    return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "of two pictures; only their sum is supported");
}

static enum fscnn_status sum(struct onnx_import *in) {
    enum fscnn_status status = refuse_labels(in);
    for (int i = 0; status == FSCNN_OK && i < in->num_inputs; i++) {
        if (!in->inputs[i] || in->inputs[i]->kind != ONNX_IMAGE) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "input %d is not computed from the picture", i);
        }
    }
    struct onnx_value total = status == FSCNN_OK ? *in->inputs[0] : (struct onnx_value){0};
    for (int i = 1; status == FSCNN_OK && i < in->num_inputs; i++) {
        struct onnx_value *next = in->inputs[i];
        status = add_images(in, &total, next);
        if (status == FSCNN_OK) {
            total.node = onnx_value_find(in, in->node->output[0])->node;
        }
    }
    return status == FSCNN_OK ? onnx_set_alias(in, &total) : status;
}

static enum fscnn_status emit_clamp(struct onnx_import *in, const struct onnx_value *image, double low, double high) {
    if (isnan(low) || isnan(high)) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a bound is not a number");
    }
    struct node node = {.op = OP_CLAMP};
    /* Exporters write the largest float for "no bound". */
    node.attr.clamp.low = low <= -3.4e38 ? -INFINITY : (float)low;
    node.attr.clamp.high = high >= 3.4e38 ? INFINITY : (float)high;
    bool nothing = isinf(node.attr.clamp.low) && isinf(node.attr.clamp.high) && node.attr.clamp.low < 0 &&
                   node.attr.clamp.high > 0;
    return nothing ? onnx_set_alias(in, image) : onnx_emit(in, &node, image, image);
}

static enum fscnn_status relu(struct onnx_import *in) {
    enum fscnn_status status = refuse_labels(in);
    return status == FSCNN_OK ? emit_clamp(in, in->inputs[0], 0, INFINITY) : status;
}

/* A bound given as an input: one number, or left out. */
static enum fscnn_status read_bound(struct onnx_import *in, int i, double *out) {
    const struct tensor *t;
    if (!onnx_input(in, i)) {
        return FSCNN_OK;
    }
    enum fscnn_status status = onnx_need_floats(in, i, -1, &t);
    if (status == FSCNN_OK && tensor_count(t) != 1) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a bound of %zu numbers", tensor_count(t));
    }
    *out = status == FSCNN_OK ? tensor_get_double(t, 0) : 0;
    return status;
}

static enum fscnn_status clip(struct onnx_import *in) {
    double low = -INFINITY, high = INFINITY;
    enum fscnn_status status = refuse_labels(in);
    if (status == FSCNN_OK && in->opset < 11) {
        float bounds[2] = {0};
        status = onnx_get_float(in, "min", -INFINITY, &bounds[0]);
        if (status == FSCNN_OK) {
            status = onnx_get_float(in, "max", INFINITY, &bounds[1]);
        }
        low = (double)bounds[0];
        high = (double)bounds[1];
    } else if (status == FSCNN_OK) {
        status = read_bound(in, 1, &low);
        if (status == FSCNN_OK) {
            status = read_bound(in, 2, &high);
        }
    }
    if (status == FSCNN_OK && onnx_input(in, 0) && in->inputs[0]->kind == ONNX_IMAGE) {
        return emit_clamp(in, in->inputs[0], low, high);
    }
    return status == FSCNN_OK ? onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "a bound that depends on the picture")
                              : status;
}

/* Max and Min with a number, which is how clamp and relu are written now and then. */
static enum fscnn_status bound(struct onnx_import *in) {
    double value = 0;
    enum fscnn_status status = refuse_labels(in);
    if (status == FSCNN_OK && (in->num_inputs != 2 || !in->inputs[0] || !in->inputs[1])) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%d inputs instead of 2", in->num_inputs);
    }
    int image = status == FSCNN_OK && in->inputs[0]->kind == ONNX_IMAGE ? 0 : 1;
    if (status == FSCNN_OK) {
        status = read_bound(in, 1 - image, &value);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    bool max = strcmp(in->node->op_type, "Max") == 0;
    return emit_clamp(in, in->inputs[image], max ? value : -INFINITY, max ? INFINITY : value);
}

/* ---- channels ---- */

static enum fscnn_status get_channel_axis(struct onnx_import *in, const struct onnx_value *image, int64_t preset,
                                          int *axis) {
    int64_t value;
    enum fscnn_status status = onnx_get_int(in, "axis", preset, &value);
    if (status == FSCNN_OK) {
        status = onnx_fix_axis(in, value, image->rank, axis);
    }
    if (status == FSCNN_OK && image->axes[*axis] != AXIS_C) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "axis %lld is not that of the channels", (long long)value);
    }
    return status;
}

/* More inputs than a node takes become a chain. */
static enum fscnn_status concat(struct onnx_import *in) {
    struct onnx_value *first = onnx_input(in, 0);
    int axis;
    enum fscnn_status status = refuse_labels(in);
    for (int i = 0; status == FSCNN_OK && i < in->num_inputs; i++) {
        const struct onnx_value *value = in->inputs[i];
        if (!value || value->kind != ONNX_IMAGE || value->rank != first->rank ||
            memcmp(value->axes, first->axes, (size_t)first->rank * sizeof(first->axes[0])) != 0) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "input %d is no picture like the first", i);
        }
    }
    if (status == FSCNN_OK) {
        status = get_channel_axis(in, first, 1, &axis);
    }
    if (status != FSCNN_OK || in->num_inputs == 1) {
        return status == FSCNN_OK ? onnx_set_alias(in, first) : status;
    }
    int done = first->node;
    for (int i = 1; status == FSCNN_OK && i < in->num_inputs;) {
        struct node node = {.op = OP_CONCAT, .num_inputs = 1, .inputs = {done}};
        while (i < in->num_inputs && node.num_inputs < GRAPH_MAX_INPUTS) {
            node.inputs[node.num_inputs++] = in->inputs[i++]->node;
        }
        status = onnx_add(in, &node, NULL, &done);
    }
    return status == FSCNN_OK ? onnx_set_image(in, done, first) : status;
}

static enum fscnn_status softmax(struct onnx_import *in) {
    struct onnx_value *image = onnx_input(in, 0);
    int axis = 0;
    enum fscnn_status status = refuse_labels(in);
    if (status == FSCNN_OK) {
        status = get_channel_axis(in, image, in->opset < 13 ? 1 : -1, &axis);
    }
    for (int i = status == FSCNN_OK ? axis + 1 : 4; in->opset < 13 && i < image->rank; i++) {
        if (onnx_image_dim(in, image, i) != 1) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED,
                               "before opset 13 it runs over channels, height and width together");
        }
    }
    struct node node = {.op = OP_SOFTMAX};
    return status == FSCNN_OK ? onnx_emit(in, &node, image, image) : status;
}

/* The same image without its channel axis, which must be a single one. */
static enum fscnn_status squeeze_channels(struct onnx_import *in, const struct onnx_value *image,
                                          struct onnx_value *out) {
    int at = onnx_image_find(image, AXIS_C);
    if (at < 0 || onnx_image_shape(in, image).c != 1) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "only a single channel may be squeezed out");
    }
    *out = *image;
    out->rank = 3;
    memmove(&out->axes[at], &out->axes[at + 1], (size_t)(3 - at) * sizeof(out->axes[0]));
    return FSCNN_OK;
}

static enum fscnn_status arg_max(struct onnx_import *in) {
    struct onnx_value *image = onnx_input(in, 0), result;
    int64_t keep, last;
    int axis, index;
    enum fscnn_status status = refuse_labels(in);
    if (status == FSCNN_OK) {
        status = get_channel_axis(in, image, 0, &axis);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "keepdims", 1, &keep);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "select_last_index", 0, &last);
    }
    if (status == FSCNN_OK && last) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "select_last_index");
    }
    struct node node = {.op = OP_ARGMAX};
    if (status == FSCNN_OK) {
        status = onnx_add(in, &node, image, &index);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    result = *image;
    result.node = index;
    result.labels = true;
    if (!keep) {
        struct onnx_value kept = result;
        status = squeeze_channels(in, &kept, &result);
    }
    return status == FSCNN_OK ? onnx_set_alias(in, &result) : status;
}

/* ---- padding ---- */

static enum fscnn_status read_pad_list(struct onnx_import *in, int64_t *pads, int *axes, int *count) {
    int64_t values[4];
    int pad_count, axis_count = 0;
    enum fscnn_status status = onnx_get_ints_or_input(in, "pads", 11, 1, 8, pads, &pad_count);
    if (status == FSCNN_OK && in->opset >= 18) {
        status = onnx_get_ints_or_input(in, "axes", 18, 3, 4, values, &axis_count);
    }
    *count = axis_count ? axis_count : 4;
    if (status == FSCNN_OK && pad_count != 2 * *count) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "%d pads for %d axes", pad_count, *count);
    }
    for (int i = 0; status == FSCNN_OK && i < *count; i++) {
        status = onnx_fix_axis(in, axis_count ? values[i] : i, 4, &axes[i]);
    }
    return status;
}

static enum fscnn_status check_pad_value(struct onnx_import *in) {
    char mode[16];
    float attribute = 0;
    double value = 0;
    enum fscnn_status status = onnx_get_text(in, "mode", "constant", mode, sizeof(mode));
    if (status == FSCNN_OK && strcmp(mode, "constant") != 0) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "mode %s (only constant is supported)", mode);
    }
    if (status == FSCNN_OK && in->opset < 11) {
        status = onnx_get_float(in, "value", 0, &attribute);
        value = (double)attribute;
    } else if (status == FSCNN_OK) {
        status = read_bound(in, 2, &value);
    }
    if (status == FSCNN_OK && value != 0) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "padding with %g (only zeros are supported)", value);
    }
    return status;
}

static enum fscnn_status pad(struct onnx_import *in) {
    struct onnx_value *image;
    int64_t pads[8];
    int axes[4] = {0}, count = 0;
    struct node node = {.op = OP_PAD};
    enum fscnn_status status = onnx_need_picture(in, 0, &image);
    if (status == FSCNN_OK) {
        status = check_pad_value(in);
    }
    if (status == FSCNN_OK) {
        status = read_pad_list(in, pads, axes, &count);
    }
    bool any = false;
    int *ends[4][2] = {
        {NULL}, {NULL}, {&node.attr.pad.top, &node.attr.pad.bottom}, {&node.attr.pad.left, &node.attr.pad.right}};
    for (int i = 0; status == FSCNN_OK && i < 2 * count; i++) {
        int *to = ends[axes[i % count]][i / count];
        if (pads[i] < 0 || pads[i] > GRAPH_MAX_SIDE || (pads[i] && !to)) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED,
                               "padding of %lld on axis %d (cropping, and padding of "
                               "batch or channels, are not supported)",
                               (long long)pads[i], axes[i % count]);
        }
        if (to) {
            *to = (int)pads[i];
        }
        any |= pads[i] != 0;
    }
    if (status == FSCNN_OK && !any) {
        return onnx_set_alias(in, image);
    }
    return status == FSCNN_OK ? onnx_emit(in, &node, image, image) : status;
}

/* ---- what does not compute ---- */

static enum fscnn_status identity(struct onnx_import *in) { return onnx_set_alias(in, in->inputs[0]); }

static enum fscnn_status dropout(struct onnx_import *in) {
    float ratio;
    int64_t seed, test;
    const struct onnx_value *training = onnx_input(in, 2);
    enum fscnn_status status = onnx_get_float(in, "ratio", 0.5F, &ratio);
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "seed", 0, &seed);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "is_test", 1, &test);
    }
    if (status == FSCNN_OK &&
        (!onnx_input(in, 0) || in->inputs[0]->kind != ONNX_IMAGE ||
         (training && (training->kind != ONNX_CONSTANT || tensor_count(&training->constant) != 1 ||
                       tensor_get_double(&training->constant, 0) != 0)))) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it is in training mode");
    }
    return status == FSCNN_OK ? onnx_set_alias(in, in->inputs[0]) : status;
}

/* Element types are the compiler's business: floats stay floats, class numbers fit every integer type. */
static enum fscnn_status cast(struct onnx_import *in) {
    int64_t to, saturate;
    enum dtype dtype = DTYPE_BOOL;
    enum fscnn_status status = onnx_get_int(in, "to", 0, &to);
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "saturate", 1, &saturate);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    bool known = to >= 0 && to <= INT32_MAX && onnx_dtype((int32_t)to, &dtype) && dtype != DTYPE_BOOL;
    if (!known || (dtype > DTYPE_F64 && !in->inputs[0]->labels)) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%s to %s", in->inputs[0]->labels ? "classes" : "a picture",
                           onnx_dtype_name(to >= 0 && to <= INT32_MAX ? (int32_t)to : -1));
    }
    return onnx_set_alias(in, in->inputs[0]);
}

static enum fscnn_status shape_of(struct onnx_import *in) {
    int64_t dims[4];
    for (int i = 0; i < in->inputs[0]->rank; i++) {
        dims[i] = onnx_image_dim(in, in->inputs[0], i);
    }
    return onnx_set_shape(in, in->inputs[0]->rank, dims);
}

static enum fscnn_status transpose(struct onnx_import *in) {
    struct onnx_value image = *in->inputs[0];
    int64_t order[4];
    int count;
    unsigned seen = 0;
    enum fscnn_status status = onnx_get_ints(in, "perm", 4, order, &count);
    if (status == FSCNN_OK && count && count != image.rank) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "perm of a wrong length");
    }
    for (int i = 0; status == FSCNN_OK && i < image.rank; i++) {
        int64_t axis = count ? order[i] : image.rank - 1 - i;
        if (axis < 0 || axis >= image.rank || seen >> axis & 1) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "perm is not a permutation");
        }
        seen |= 1U << axis;
        image.axes[i] = in->inputs[0]->axes[axis];
    }
    return status == FSCNN_OK ? onnx_set_alias(in, &image) : status;
}

/* One axis of Squeeze or Unsqueeze; several or none would touch more than the channels. */
static enum fscnn_status get_one_axis(struct onnx_import *in, int rank, int *axis) {
    int64_t values[4];
    int count;
    enum fscnn_status status = onnx_get_ints_or_input(in, "axes", 13, 1, 4, values, &count);
    if (status == FSCNN_OK && count != 1) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%d axes of a picture; only that of a single channel", count);
    }
    return status == FSCNN_OK ? onnx_fix_axis(in, values[0], rank, axis) : status;
}

static enum fscnn_status squeeze(struct onnx_import *in) {
    const struct onnx_value *image = in->inputs[0];
    struct onnx_value result;
    int axis;
    enum fscnn_status status = get_one_axis(in, image->rank, &axis);
    if (status == FSCNN_OK && axis != onnx_image_find(image, AXIS_C)) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "only a single channel may be squeezed out");
    }
    if (status == FSCNN_OK) {
        status = squeeze_channels(in, image, &result);
    }
    return status == FSCNN_OK ? onnx_set_alias(in, &result) : status;
}

/* Puts the channel axis back at `at`. */
static enum fscnn_status set_unsqueezed(struct onnx_import *in, int at) {
    struct onnx_value image = *in->inputs[0];
    memmove(&image.axes[at + 1], &image.axes[at], (size_t)(3 - at) * sizeof(image.axes[0]));
    image.axes[at] = AXIS_C;
    image.rank = 4;
    return onnx_set_alias(in, &image);
}

static enum fscnn_status unsqueeze(struct onnx_import *in) {
    int axis;
    if (in->inputs[0]->rank != 3) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "a picture with five dimensions");
    }
    enum fscnn_status status = get_one_axis(in, 4, &axis);
    return status == FSCNN_OK ? set_unsqueezed(in, axis) : status;
}

static bool same_dims(const int64_t *a, const int64_t *b, int count) {
    return memcmp(a, b, (size_t)count * sizeof(*a)) == 0;
}

/* To its own shape, or to one without or with the single channel. */
static enum fscnn_status reshape(struct onnx_import *in) {
    const struct onnx_value *image = in->inputs[0];
    struct onnx_value squeezed;
    int64_t from[4], to[TENSOR_MAX_RANK], rest[4];
    int rank;
    for (int i = 0; i < image->rank; i++) {
        from[i] = onnx_image_dim(in, image, i);
    }
    enum fscnn_status status = onnx_get_ints_or_input(in, "shape", 5, 1, TENSOR_MAX_RANK, to, &rank);
    if (status == FSCNN_OK) {
        status = onnx_resolve_reshape(in, from, image->rank, to, rank);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    if (rank == image->rank && same_dims(from, to, rank)) {
        return onnx_set_alias(in, image);
    }
    if (rank == 3 && image->rank == 4 && onnx_image_shape(in, image).c == 1) {
        status = squeeze_channels(in, image, &squeezed);
        for (int i = 0; status == FSCNN_OK && i < 3; i++) {
            rest[i] = onnx_image_dim(in, &squeezed, i);
        }
        if (status != FSCNN_OK || same_dims(rest, to, 3)) {
            return status == FSCNN_OK ? onnx_set_alias(in, &squeezed) : status;
        }
    }
    if (rank == 4 && image->rank == 3) {
        static const int places[] = {1, 3}; /* N C H W before N H W C */
        for (int k = 0; k < 2; k++) {
            int at = places[k];
            memcpy(rest, to, (size_t)at * sizeof(*to));
            memcpy(rest + at, to + at + 1, (size_t)(3 - at) * sizeof(*to));
            if (to[at] == 1 && same_dims(rest, from, 3)) {
                return set_unsqueezed(in, at);
            }
        }
    }
    return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it changes the shape of the picture");
}

/* ---- the table ---- */

static const struct {
    const char *op_type;
    enum fscnn_status (*translate)(struct onnx_import *in);
    bool first; /* its first input must be the image */
} operators[] = {
    {"Conv", onnx_conv, true},
    {"BatchNormalization", onnx_batch_normalization, true},
    {"Relu", relu, true},
    {"Clip", clip, true},
    {"Add", arithmetic, false},
    {"Sub", arithmetic, false},
    {"Mul", arithmetic, false},
    {"Div", arithmetic, false},
    {"Sum", sum, false},
    {"Max", bound, false},
    {"Min", bound, false},
    {"Concat", concat, true},
    {"Pad", pad, true},
    {"AveragePool", onnx_average_pool, true},
    {"GlobalAveragePool", onnx_global_average_pool, true},
    {"ReduceMean", onnx_reduce_mean, true},
    {"MatMul", onnx_mat_mul, false},
    {"Resize", onnx_resize, true},
    {"Upsample", onnx_upsample, true},
    {"Softmax", softmax, true},
    {"ArgMax", arg_max, true},
    {"Dropout", dropout, true},
    {"Identity", identity, true},
    {"Cast", cast, true},
    {"Shape", shape_of, true},
    {"Transpose", transpose, true},
    {"Squeeze", squeeze, true},
    {"Unsqueeze", unsqueeze, true},
    {"Reshape", reshape, true},
};

enum fscnn_status onnx_refuse_operator(struct onnx_import *in) {
    char list[400];
    size_t used = 0;
    list[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
        if (strcmp(operators[i].op_type, in->node->op_type) == 0) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it does not depend on the picture");
        }
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", operators[i].op_type);
    }
    if (onnx_can_fold(in->node->op_type)) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it is supported for constants only, not for pictures");
    }
    return error_set(in->err, FSCNN_ERROR_UNSUPPORTED,
                     "%.50s: node %.50s: operator %.40s (opset %lld) is not supported; supported: %s", in->file,
                     onnx_node_name(in->node), in->node->op_type, (long long)in->opset, list);
}

enum fscnn_status onnx_translate(struct onnx_import *in) {
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
        if (strcmp(operators[i].op_type, in->node->op_type) != 0) {
            continue;
        }
        const struct onnx_value *first = onnx_input(in, 0);
        if (operators[i].first && (!first || first->kind != ONNX_IMAGE)) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "its first input is not computed from the picture");
        }
        return operators[i].translate(in);
    }
    return onnx_refuse_operator(in);
}
