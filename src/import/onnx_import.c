/* An ONNX file -> graph: picks the input and the output, finds the nodes that the output needs, and reads these in
 * order. What each operator means is in onnx_ops.c (images) and onnx_shape_math.c (constants). */
#include <stdlib.h>
#include <string.h>

#include "import/onnx_import.h"

enum {
    OPSET_LOW = 7,
    OPSET_HIGH = 21,
    ARENA_BASE = 32 << 20, /* bytes for constants and for weights, each, for any file */
    ARENA_FACTOR = 32,     /* and for each byte of it: int8 weights become float, dilated kernels are spread out */
    FREE_HEIGHT = 1024,    /* for dimensions that neither the file nor the options give */
    FREE_WIDTH = 2048,
    FREE_CHANNELS = 3,
};

/* ---- the input ---- */

static const Onnx__ValueInfoProto *find_input(const struct onnx_import *in) {
    const Onnx__GraphProto *graph = in->model->graph;
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = graph->input[i]->name;
        if (name && !onnx_value_find(in, name)->initializer) {
            return graph->input[i];
        }
    }
    return NULL;
}

/* dims[4] as the file gives them, 0 for free ones. */
static enum fscnn_status read_input_dims(struct onnx_import *in, const Onnx__ValueInfoProto *input, int64_t *dims) {
    const Onnx__TypeProto *type = input->type;
    bool tensor = type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    enum dtype dtype = DTYPE_BOOL;
    if (!tensor || !onnx_dtype(type->tensor_type->elem_type, &dtype) || dtype > DTYPE_F64) {
        return onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED, "input %.80s is not a tensor of floats but of %s",
                                 input->name, tensor ? onnx_dtype_name(type->tensor_type->elem_type) : "another kind");
    }
    const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
    if (!shape || shape->n_dim != 4) {
        return onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED, "input %.80s has %d dimensions instead of 4", input->name,
                                 shape ? (int)(shape->n_dim < 99 ? shape->n_dim : 99) : 0);
    }
    for (int i = 0; i < 4; i++) {
        bool fixed = shape->dim[i]->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dims[i] = fixed && shape->dim[i]->dim_value > 0 ? shape->dim[i]->dim_value : 0;
        if (dims[i] > GRAPH_MAX_SIDE) {
            return onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED, "input %.80s: a dimension of %lld", input->name,
                                     (long long)dims[i]);
        }
    }
    return FSCNN_OK;
}

static bool may_be_channels(int64_t dim) { return dim == 1 || dim == 3 || dim == 4; }

/* Whether a node turns N H W C into N C H W, as models from TensorFlow begin. */
static bool turns_channels(const Onnx__NodeProto *node) {
    static const int64_t to_front[4] = {0, 3, 1, 2};
    if (!node->op_type || strcmp(node->op_type, "Transpose") != 0 || node->n_attribute != 1) {
        return false;
    }
    const Onnx__AttributeProto *perm = node->attribute[0];
    return perm->n_ints == 4 && memcmp(perm->ints, to_front, sizeof(to_front)) == 0;
}

static bool has_channels_last(const struct onnx_import *in, const int64_t *dims) {
    if (!may_be_channels(dims[3]) || may_be_channels(dims[1])) {
        return false;
    }
    for (size_t i = 0; i < in->model->graph->n_node; i++) {
        if (turns_channels(in->model->graph->node[i])) {
            return true;
        }
    }
    return false;
}

/* The size asked for, the file's, or the usual one. */
static enum fscnn_status pick_size(struct onnx_import *in, const char *name, int64_t file_h, int64_t file_w,
                                   struct shape *out) {
    int h = in->options->height, w = in->options->width;
    if ((h && file_h && h != file_h) || (w && file_w && w != file_w)) {
        return onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED,
                                 "input %.80s is fixed to %lldx%lld in the file; it cannot be read for %dx%d", name,
                                 (long long)file_h, (long long)file_w, h, w);
    }
    if (h < 0 || w < 0 || h > GRAPH_MAX_SIDE || w > GRAPH_MAX_SIDE) {
        return onnx_refuse_model(in, FSCNN_ERROR_USAGE, "an input of %dx%d", h, w);
    }
    out->h = h ? h : file_h ? (int)file_h : FREE_HEIGHT;
    out->w = w ? w : file_w ? (int)file_w : FREE_WIDTH;
    return FSCNN_OK;
}

static enum fscnn_status read_input(struct onnx_import *in) {
    const Onnx__ValueInfoProto *input = find_input(in);
    int64_t dims[4];
    if (!input) {
        return onnx_refuse_model(in, FSCNN_ERROR_FORMAT, "the model has no input");
    }
    enum fscnn_status status = read_input_dims(in, input, dims);
    if (status != FSCNN_OK) {
        return status;
    }
    bool last = has_channels_last(in, dims);
    int c = last ? 3 : 1, h = last ? 1 : 2;
    struct node node = {.op = OP_INPUT, .name = text_make_printable(arena_strdup(&in->graph->arena, input->name))};
    node.shape.c = dims[c] ? (int)dims[c] : FREE_CHANNELS;
    status = pick_size(in, input->name, dims[h], dims[h + 1], &node.shape);
    if (status == FSCNN_OK && dims[0] > FSCNN_MAX_BATCH) {
        status = onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED, "a batch of %lld (at most %d)", (long long)dims[0],
                                   FSCNN_MAX_BATCH);
    }
    struct onnx_value *value = onnx_value_find(in, input->name);
    if (status == FSCNN_OK) {
        status = graph_add(in->graph, &node, &value->node, in->err);
        if (status != FSCNN_OK) {
            return error_prefix(in->err, status, "%.120s", in->file);
        }
    }
    static const enum axis orders[2][4] = {{AXIS_N, AXIS_C, AXIS_H, AXIS_W}, {AXIS_N, AXIS_H, AXIS_W, AXIS_C}};
    memcpy(value->axes, orders[last], sizeof(value->axes));
    value->rank = 4;
    value->kind = ONNX_IMAGE;
    in->batch = dims[0] ? dims[0] : 1;
    in->graph->batch = (int)dims[0];
    in->graph->input_name = node.name;
    return status;
}

/* ---- the output, and what it needs ---- */

static enum fscnn_status pick_output(struct onnx_import *in, struct onnx_value **out) {
    const Onnx__GraphProto *graph = in->model->graph;
    const char *wanted = in->options->output_name;
    *out = NULL;
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = graph->output[i]->name ? graph->output[i]->name : "";
        if (!*out && (!wanted || strcmp(name, wanted) == 0)) {
            *out = onnx_value_find(in, name);
            if (!*out) {
                return onnx_refuse_model(in, FSCNN_ERROR_FORMAT, "no node makes the output %.80s", name);
            }
        } else {
            log_line(in->options->log, "%s: output %s is left out", in->file, name);
        }
    }
    if (!*out && wanted) {
        return onnx_refuse_model(in, FSCNN_ERROR_USAGE, "no output is called %.80s; the first is %.80s", wanted,
                                 graph->n_output > 0 && graph->output[0]->name ? graph->output[0]->name : "(none)");
    }
    return *out ? FSCNN_OK : onnx_refuse_model(in, FSCNN_ERROR_FORMAT, "the model has no output");
}

/* needed[i] for every node that the value depends on. Each node goes onto the stack once, so that cycles end. */
static enum fscnn_status mark_needed(struct onnx_import *in, const struct onnx_value *output, bool **needed) {
    const Onnx__GraphProto *graph = in->model->graph;
    *needed = arena_alloc(&in->arena, graph->n_node, sizeof(**needed));
    int *stack = arena_alloc(&in->arena, graph->n_node, sizeof(*stack));
    if (!*needed || !stack) {
        return onnx_refuse_model(in, FSCNN_ERROR_MEMORY, "no memory for %zu nodes", graph->n_node);
    }
    size_t depth = 0;
    if (output->producer >= 0) {
        (*needed)[output->producer] = true;
        stack[depth++] = output->producer;
    }
    while (depth > 0) {
        const Onnx__NodeProto *node = graph->node[stack[--depth]];
        for (size_t i = 0; i < node->n_input; i++) {
            const struct onnx_value *value = onnx_value_find(in, node->input[i]);
            if (value && value->producer >= 0 && !(*needed)[value->producer]) {
                (*needed)[value->producer] = true;
                stack[depth++] = value->producer;
            }
        }
    }
    return FSCNN_OK;
}

/* ---- nodes ---- */

static enum fscnn_status read_input_value(struct onnx_import *in, const char *name, struct onnx_value **out) {
    *out = NULL;
    if (!*name) {
        return FSCNN_OK; /* an optional input left out */
    }
    struct onnx_value *value = onnx_value_find(in, name);
    if (!value) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "its input %.80s is not defined", name);
    }
    if (value->kind == ONNX_UNDEFINED && value->initializer) {
        enum fscnn_status status = onnx_tensor_view(value->initializer, &in->arena, &value->constant, in->err);
        if (status != FSCNN_OK) {
            return onnx_refuse_prefix(in, status);
        }
        value->kind = ONNX_CONSTANT;
    }
    if (value->kind == ONNX_UNDEFINED && value->input) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%.80s is a second input of the model; one picture goes in",
                           name);
    }
    if (value->kind == ONNX_UNDEFINED) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT,
                           "its input %.80s is not made before it (nodes out of order, a cycle, or a side output)",
                           name);
    }
    *out = value;
    return FSCNN_OK;
}

static enum fscnn_status check_node(struct onnx_import *in) {
    const Onnx__NodeProto *node = in->node;
    if (!node->op_type || (node->domain && *node->domain && strcmp(node->domain, "ai.onnx") != 0)) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "operators of domain %.60s are not supported",
                           node->domain ? node->domain : "?");
    }
    if (node->n_input > ONNX_MAX_NODE_INPUTS || node->n_attribute > ONNX_MAX_ATTRIBUTES) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%zu inputs and %zu attributes", node->n_input,
                           node->n_attribute);
    }
    return FSCNN_OK;
}

/* An attribute that nobody asked for may change what the node does. */
static enum fscnn_status check_attributes(struct onnx_import *in) {
    for (size_t i = 0; i < in->node->n_attribute; i++) {
        if (!(in->attributes_read >> i & 1)) {
            const char *name = in->node->attribute[i]->name;
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "attribute %.60s is not understood", name ? name : "?");
        }
    }
    return FSCNN_OK;
}

static enum fscnn_status read_node(struct onnx_import *in, const Onnx__NodeProto *node) {
    bool image = false;
    in->node = node;
    in->num_inputs = 0;
    in->attributes_read = 0;
    enum fscnn_status status = check_node(in);
    for (size_t i = 0; status == FSCNN_OK && i < node->n_input; i++) {
        status = read_input_value(in, node->input[i], &in->inputs[i]);
        in->num_inputs = (int)i + 1;
        image |= status == FSCNN_OK && in->inputs[i] && in->inputs[i]->kind == ONNX_IMAGE;
    }
    if (status == FSCNN_OK) {
        status = image ? onnx_translate(in) : onnx_fold(in);
    }
    return status == FSCNN_OK ? check_attributes(in) : status;
}

static enum fscnn_status read_nodes(struct onnx_import *in, const bool *needed) {
    enum fscnn_status status = FSCNN_OK;
    for (size_t i = 0; status == FSCNN_OK && i < in->model->graph->n_node; i++) {
        if (needed[i]) {
            status = read_node(in, in->model->graph->node[i]);
        }
    }
    return status;
}

/* ---- the whole ---- */

/* N C H W; the place of a single channel, and whether it is there, do not matter. */
static bool in_usual_order(const struct onnx_value *image, int channels) {
    static const enum axis expected[] = {AXIS_N, AXIS_H, AXIS_W};
    size_t seen = 0;
    for (int i = 0; i < image->rank; i++) {
        if (image->axes[i] == AXIS_C ? channels != 1 && i != 1
                                     : seen == ARRAY_SIZE(expected) || image->axes[i] != expected[seen++]) {
            return false;
        }
    }
    return true;
}

static enum fscnn_status finish(struct onnx_import *in, const struct onnx_value *output) {
    struct graph *graph = in->graph;
    if (output->kind != ONNX_IMAGE) {
        return onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED, "output %.80s does not depend on the picture",
                                 output->name);
    }
    struct shape shape = onnx_image_shape(in, output);
    if (!in_usual_order(output, shape.c)) {
        return onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED, "output %.80s is transposed; expected N C H W",
                                 output->name);
    }
    graph->output = output->node;
    graph->output_name = text_make_printable(arena_strdup(&graph->arena, output->name));
    if (!graph->output_name || !graph->input_name) {
        return onnx_refuse_model(in, FSCNN_ERROR_MEMORY, "no memory for a name");
    }
    struct shape image = graph->nodes[graph->input].shape;
    log_line(in->options->log, "%s: ONNX opset %lld by %s %s: input %s [%d, %d, %d], output %s [%d, %d, %d]", in->file,
             (long long)in->opset, in->model->producer_name ? in->model->producer_name : "?",
             in->model->producer_version ? in->model->producer_version : "", graph->input_name, image.c, image.h,
             image.w, graph->output_name, shape.c, shape.h, shape.w);
    return FSCNN_OK;
}

static enum fscnn_status import_model(struct onnx_import *in) {
    struct onnx_value *output;
    bool *needed;
    if (in->opset < OPSET_LOW || in->opset > OPSET_HIGH) {
        return onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED, "opset %lld is not supported (%d to %d are)",
                                 (long long)in->opset, OPSET_LOW, OPSET_HIGH);
    }
    enum fscnn_status status = onnx_values_create(in);
    if (status == FSCNN_OK) {
        status = read_input(in);
    }
    if (status == FSCNN_OK) {
        status = pick_output(in, &output);
    }
    if (status == FSCNN_OK) {
        status = mark_needed(in, output, &needed);
    }
    if (status == FSCNN_OK) {
        status = read_nodes(in, needed);
    }
    return status == FSCNN_OK ? finish(in, output) : status;
}

enum fscnn_status import_onnx(const void *data, size_t size, const char *name, const struct import_options *options,
                              struct graph **out, struct fscnn_error *err) {
    struct onnx_file file;
    struct onnx_import in = {.file = name, .options = options, .err = err};
    *out = NULL;
    enum fscnn_status status = onnx_file_parse(data, size, name, &file, err);
    if (status != FSCNN_OK) {
        return status;
    }
    status = graph_create(&in.graph, err);
    if (status == FSCNN_OK) {
        size_t limit = ARENA_BASE + (size < SIZE_MAX / 2 / ARENA_FACTOR ? size * ARENA_FACTOR : 0);
        in.model = file.model;
        in.opset = file.opset;
        in.arena.limit = in.graph->arena.limit = limit;
        status = import_model(&in);
        in.graph->arena.limit = 0;
    }
    if (status == FSCNN_OK) {
        *out = in.graph;
    } else {
        graph_free(&in.graph);
    }
    arena_free(&in.arena);
    onnx_file_free(&file);
    return status;
}
