/* Checkpoint -> graph -> ONNX. Batch norm is folded into the convolution before it, in double and rounded once; bins
 * that no AveragePool has (adaptive pooling where they overlap) become products with averaging matrices, which is exact
 * and which every runtime has; sizes are given as numbers, so that resizing with aligned corners stays exact. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "formats/onnx_build.h"
#include "import/import.h"

enum { OPSET_LOW = 11, OPSET_HIGH = 18, FLOAT = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT };

struct exporter {
    struct onnx_builder b;
    const struct graph *graph;
    const char *names[GRAPH_MAX_NODES]; /* of the tensor that node i makes */
    int folded[GRAPH_MAX_NODES];        /* a convolution: the affine node folded into it; that node: itself; else -1 */
    int64_t batch;                      /* 0: dynamic */
    int opset;
    struct fscnn_error *err;
};

/* Text in the builder's arena; "" where there is no memory, which the builder reports in the end. */
__attribute__((format(printf, 2, 3))) static const char *text_of(struct exporter *e, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const char *copy = arena_strdup(&e->b.arena, text);
    e->b.failed |= !copy;
    return copy ? copy : "";
}

static const char *input_name(const struct exporter *e, const struct node *node, int k) {
    return e->names[node->inputs[k]];
}

static struct shape input_shape(const struct exporter *e, const struct node *node) {
    return e->graph->nodes[node->inputs[0]].shape;
}

/* ---- names ---- */

static bool name_taken(const struct exporter *e, const int *order, int count, const char *name) {
    bool taken = strcmp(name, e->graph->input_name) == 0 || strcmp(name, e->graph->output_name) == 0;
    for (int i = 0; i < count && !taken; i++) {
        taken = strcmp(e->names[order[i]], name) == 0;
    }
    return taken;
}

static void name_tensors(struct exporter *e, const int *order, int count) {
    for (int i = 0; i < count; i++) {
        int index = order[i];
        const struct node *node = &e->graph->nodes[index];
        if (index == e->graph->input) {
            e->names[index] = e->graph->input_name;
        } else if (index == e->graph->output) {
            e->names[index] = e->graph->output_name;
        } else if (e->folded[index] == index) {
            e->names[index] = e->names[node->inputs[0]];
        } else {
            e->names[index] = name_taken(e, order, i, node->name) ? text_of(e, "%s_%d", node->name, index) : node->name;
        }
    }
}

/* Finds affine nodes that alone use a convolution. */
static void find_folded(struct exporter *e, const int *order, int count) {
    int uses[GRAPH_MAX_NODES];
    graph_count_uses(e->graph, order, count, uses);
    for (int i = 0; i < e->graph->num_nodes; i++) {
        e->folded[i] = -1;
    }
    for (int i = 0; i < count; i++) {
        const struct node *node = &e->graph->nodes[order[i]];
        if (node->op == OP_AFFINE && e->graph->nodes[node->inputs[0]].op == OP_CONV && uses[node->inputs[0]] == 1) {
            e->folded[node->inputs[0]] = e->folded[order[i]] = order[i];
        }
    }
}

/* ---- operators ---- */

/* [o, kh, kw, i] -> ONNX's [o, i, kh, kw], times the affine's scale. */
static void export_weights(struct exporter *e, const struct node *node, const double *scale, const char *name) {
    const struct conv_attr *a = &node->attr.conv;
    size_t area = (size_t)a->kh * (size_t)a->kw, in = (size_t)input_shape(e, node).c / (size_t)a->groups;
    size_t out = (size_t)a->out_channels;
    const int64_t dims[4] = {(int64_t)out, (int64_t)in, a->kh, a->kw};
    float *weights = arena_alloc(&e->b.arena, out * in, area * sizeof(*weights));
    if (!weights) {
        e->b.failed = true;
        return;
    }
    for (size_t o = 0; o < out; o++) {
        for (size_t k = 0; k < area; k++) {
            for (size_t i = 0; i < in; i++) {
                double value = (double)a->weights[(o * area + k) * in + i];
                weights[(o * in + i) * area + k] = (float)(value * (scale ? scale[o] : 1));
            }
        }
    }
    onnx_build_floats(&e->b, name, 4, dims, weights);
}

static void export_bias(struct exporter *e, const struct node *node, const struct affine_attr *affine,
                        const char *name) {
    const struct conv_attr *a = &node->attr.conv;
    const int64_t dim = a->out_channels;
    float *bias = arena_alloc(&e->b.arena, (size_t)dim, sizeof(*bias));
    if (!bias) {
        e->b.failed = true;
        return;
    }
    for (int o = 0; o < a->out_channels; o++) {
        double value = a->bias ? (double)a->bias[o] : 0;
        bias[o] = (float)(affine ? value * affine->scale[o] + affine->shift[o] : value);
    }
    onnx_build_floats(&e->b, name, 1, &dim, bias);
}

static void export_conv(struct exporter *e, int index) {
    const struct node *node = &e->graph->nodes[index];
    const struct conv_attr *a = &node->attr.conv;
    int fold = e->folded[index];
    const struct affine_attr *affine = fold >= 0 ? &e->graph->nodes[fold].attr.affine : NULL;
    const char *weight = text_of(e, "%s.weight", node->name), *bias = text_of(e, "%s.bias", node->name);
    bool has_bias = a->bias || affine;
    export_weights(e, node, affine ? affine->scale : NULL, weight);
    if (has_bias) {
        export_bias(e, node, affine, bias);
    }
    const char *inputs =
        text_of(e, "%s %s%s%s", input_name(e, node, 0), weight, has_bias ? " " : "", has_bias ? bias : "");
    Onnx__NodeProto *conv = onnx_build_node(&e->b, "Conv", node->name, inputs, e->names[fold >= 0 ? fold : index]);
    onnx_node_ints(&e->b, conv, "dilations", 2, (const int64_t[]){1, 1});
    onnx_node_int(&e->b, conv, "group", a->groups);
    onnx_node_ints(&e->b, conv, "kernel_shape", 2, (const int64_t[]){a->kh, a->kw});
    onnx_node_ints(&e->b, conv, "pads", 4, (const int64_t[]){a->pad_top, a->pad_left, a->pad_bottom, a->pad_right});
    onnx_node_ints(&e->b, conv, "strides", 2, (const int64_t[]){a->stride_h, a->stride_w});
}

/* An affine node that follows no convolution: Mul, then Add. */
static void export_affine(struct exporter *e, int index) {
    const struct node *node = &e->graph->nodes[index];
    const double *values[2] = {node->attr.affine.scale, node->attr.affine.shift};
    static const char *const suffixes[2] = {"scale", "shift"}, *const ops[2] = {"Mul", "Add"};
    const int64_t dims[4] = {1, node->shape.c, 1, 1};
    const char *input = input_name(e, node, 0);
    for (int k = 0; k < 2; k++) {
        float *rounded = arena_alloc(&e->b.arena, (size_t)node->shape.c, sizeof(*rounded));
        const char *constant = text_of(e, "%s.%s", node->name, suffixes[k]);
        const char *output = k ? e->names[index] : text_of(e, "%s.scaled", node->name);
        if (!rounded) {
            e->b.failed = true;
            return;
        }
        for (int c = 0; c < node->shape.c; c++) {
            rounded[c] = (float)values[k][c];
        }
        onnx_build_floats(&e->b, constant, 4, dims, rounded);
        onnx_build_node(&e->b, ops[k], text_of(e, "%s.%s", node->name, ops[k]), text_of(e, "%s %s", input, constant),
                        output);
        input = output;
    }
}

static void export_clamp(struct exporter *e, int index) {
    const struct node *node = &e->graph->nodes[index];
    const struct clamp_attr *a = &node->attr.clamp;
    if (a->low == 0 && isinf(a->high)) {
        onnx_build_node(&e->b, "Relu", node->name, input_name(e, node, 0), e->names[index]);
        return;
    }
    const char *bounds[2] = {text_of(e, "%s.low", node->name), text_of(e, "%s.high", node->name)};
    const float values[2] = {a->low, a->high};
    for (int k = 0; k < 2; k++) {
        if (isinf(values[k])) {
            bounds[k] = "-";
        } else {
            onnx_build_floats(&e->b, bounds[k], 0, NULL, &values[k]);
        }
    }
    onnx_build_node(&e->b, "Clip", node->name, text_of(e, "%s %s %s", input_name(e, node, 0), bounds[0], bounds[1]),
                    e->names[index]);
}

static void export_concat(struct exporter *e, int index) {
    const struct node *node = &e->graph->nodes[index];
    const char *inputs = input_name(e, node, 0);
    for (int k = 1; k < node->num_inputs; k++) {
        inputs = text_of(e, "%s %s", inputs, input_name(e, node, k));
    }
    Onnx__NodeProto *concat = onnx_build_node(&e->b, "Concat", node->name, inputs, e->names[index]);
    onnx_node_int(&e->b, concat, "axis", 1);
}

/* ---- pooling ---- */

/* Whether the bins are what AveragePool makes of a kernel and a stride, all of them within the picture. */
static bool is_window(const struct pool_axis *a, int size, int64_t *kernel, int64_t *stride) {
    *kernel = a->end[0] - a->start[0];
    *stride = a->bins > 1 ? a->start[1] - a->start[0] : size;
    bool window = *stride >= 1 && (size - *kernel) / *stride + 1 == a->bins;
    for (int i = 0; i < a->bins && window; i++) {
        window = a->start[i] == i * *stride && a->end[i] == a->start[i] + *kernel && a->divisor[i] == (float)*kernel;
    }
    return window;
}

/* The matrix [bins, size] for the product on the left, [size, bins] for the one on the right. */
static void export_matrix(struct exporter *e, const struct pool_axis *a, int size, bool left, const char *name) {
    const int64_t dims[2] = {left ? a->bins : size, left ? size : a->bins};
    float *matrix = arena_alloc(&e->b.arena, (size_t)a->bins * (size_t)size, sizeof(*matrix));
    if (!matrix) {
        e->b.failed = true;
        return;
    }
    for (int i = 0; i < a->bins; i++) {
        for (int p = a->start[i]; p < a->end[i]; p++) {
            size_t at = left ? (size_t)i * (size_t)size + (size_t)p : (size_t)p * (size_t)a->bins + (size_t)i;
            matrix[at] = 1 / a->divisor[i];
        }
    }
    onnx_build_floats(&e->b, name, 2, dims, matrix);
}

static void export_pool(struct exporter *e, int index) {
    const struct node *node = &e->graph->nodes[index];
    const struct pool_attr *a = &node->attr.pool;
    struct shape in = input_shape(e, node);
    int64_t kernel[2], stride[2];
    bool window = is_window(&a->h, in.h, &kernel[0], &stride[0]) && is_window(&a->w, in.w, &kernel[1], &stride[1]);
    if (window && a->h.bins == 1 && a->w.bins == 1 && kernel[0] == in.h && kernel[1] == in.w) {
        onnx_build_node(&e->b, "GlobalAveragePool", node->name, input_name(e, node, 0), e->names[index]);
    } else if (window) {
        Onnx__NodeProto *pool =
            onnx_build_node(&e->b, "AveragePool", node->name, input_name(e, node, 0), e->names[index]);
        onnx_node_ints(&e->b, pool, "kernel_shape", 2, kernel);
        onnx_node_ints(&e->b, pool, "strides", 2, stride);
    } else {
        const char *rows = text_of(e, "%s.rows", node->name), *columns = text_of(e, "%s.columns", node->name);
        const char *between = text_of(e, "%s.pooled_rows", node->name);
        export_matrix(e, &a->h, in.h, true, rows);
        export_matrix(e, &a->w, in.w, false, columns);
        onnx_build_node(&e->b, "MatMul", between, text_of(e, "%s %s", rows, input_name(e, node, 0)), between);
        onnx_build_node(&e->b, "MatMul", node->name, text_of(e, "%s %s", between, columns), e->names[index]);
    }
}

/* ---- resizing ---- */

static bool is_aligned(float scale, float offset, int in, int out) {
    return offset == 0 && scale == (out > 1 ? (float)(in - 1) / (float)(out - 1) : 0);
}

/* The name of [batch, c, h, w] as int64. With a dynamic batch, batch and c come from the tensor itself. */
static const char *export_sizes(struct exporter *e, const struct node *node) {
    const int64_t sizes[4] = {e->batch, node->shape.c, node->shape.h, node->shape.w};
    const char *name = text_of(e, "%s.sizes", node->name);
    if (e->batch > 0) {
        onnx_build_ints(&e->b, name, 4, sizes);
        return name;
    }
    const char *shape = text_of(e, "%s.shape", node->name), *front = text_of(e, "%s.batch", node->name);
    const char *back = text_of(e, "%s.size", node->name), *start = text_of(e, "%s.start", node->name);
    const char *end = text_of(e, "%s.end", node->name);
    onnx_build_ints(&e->b, start, 1, (const int64_t[]){0});
    onnx_build_ints(&e->b, end, 1, (const int64_t[]){2});
    onnx_build_ints(&e->b, back, 2, sizes + 2);
    onnx_build_node(&e->b, "Shape", shape, input_name(e, node, 0), shape);
    onnx_build_node(&e->b, "Slice", front, text_of(e, "%s %s %s", shape, start, end), front);
    Onnx__NodeProto *concat = onnx_build_node(&e->b, "Concat", name, text_of(e, "%s %s", front, back), name);
    onnx_node_int(&e->b, concat, "axis", 0);
    return name;
}

static enum fscnn_status export_resize(struct exporter *e, int index) {
    const struct node *node = &e->graph->nodes[index];
    const struct resize_attr *a = &node->attr.resize;
    struct shape in = input_shape(e, node);
    if (a->mode != RESIZE_LINEAR || !is_aligned(a->scale_h, a->offset_h, in.h, a->out_h) ||
        !is_aligned(a->scale_w, a->offset_w, in.w, a->out_w)) {
        return error_set(e->err, FSCNN_ERROR_UNSUPPORTED,
                         "node %s: a resize without aligned corners cannot be exported", node->name);
    }
    const char *none = "-", *sizes = export_sizes(e, node);
    if (e->opset < 13) { /* roi and scales had to be there, if only empty */
        const int64_t dim = 0;
        none = text_of(e, "%s.none", node->name);
        onnx_build_initializer(&e->b, none, FLOAT, 1, &dim, NULL, 0);
    }
    Onnx__NodeProto *resize =
        onnx_build_node(&e->b, "Resize", node->name,
                        text_of(e, "%s %s %s %s", input_name(e, node, 0), none, none, sizes), e->names[index]);
    onnx_node_text(&e->b, resize, "coordinate_transformation_mode", "align_corners");
    onnx_node_text(&e->b, resize, "mode", "linear");
    return FSCNN_OK;
}

/* ---- the whole ---- */

static enum fscnn_status export_node(struct exporter *e, int index) {
    const struct node *node = &e->graph->nodes[index];
    switch (node->op) {
    case OP_INPUT: return FSCNN_OK;
    case OP_CONV: export_conv(e, index); return FSCNN_OK;
    case OP_AFFINE:
        if (e->folded[index] != index) {
            export_affine(e, index);
        }
        return FSCNN_OK;
    case OP_CLAMP: export_clamp(e, index); return FSCNN_OK;
    case OP_ADD:
        onnx_build_node(&e->b, "Add", node->name, text_of(e, "%s %s", input_name(e, node, 0), input_name(e, node, 1)),
                        e->names[index]);
        return FSCNN_OK;
    case OP_CONCAT: export_concat(e, index); return FSCNN_OK;
    case OP_POOL: export_pool(e, index); return FSCNN_OK;
    case OP_RESIZE: return export_resize(e, index);
    default:
        return error_set(e->err, FSCNN_ERROR_UNSUPPORTED, "node %s: %s is nothing that a checkpoint leads to",
                         node->name, op_name(node->op));
    }
}

/* When each operator set appeared, files had this version of the container. */
static int64_t ir_version_of(int opset) { return opset == 11 ? 6 : opset < 15 ? 7 : 8; }

static void export_ends(struct exporter *e) {
    const struct graph *g = e->graph;
    const struct {
        const char *name;
        struct shape shape;
        void (*build)(struct onnx_builder *, const char *, int32_t, size_t, const struct onnx_dim *);
    } ends[2] = {{g->input_name, g->nodes[g->input].shape, onnx_build_input},
                 {g->output_name, g->nodes[g->output].shape, onnx_build_output}};
    for (int k = 0; k < 2; k++) {
        const struct onnx_dim dims[4] = {{e->batch, e->batch > 0 ? NULL : "batch"},
                                         {.value = ends[k].shape.c},
                                         {.value = ends[k].shape.h},
                                         {.value = ends[k].shape.w}};
        ends[k].build(&e->b, ends[k].name, FLOAT, 4, dims);
    }
}

static enum fscnn_status export_graph(struct exporter *e) {
    int order[GRAPH_MAX_NODES], count;
    enum fscnn_status status = graph_order(e->graph, order, &count, e->err);
    if (status != FSCNN_OK) {
        return status;
    }
    e->b.model.producer_name = (char *)"fastscnn";
    e->b.model.producer_version = (char *)FSCNN_VERSION;
    e->b.graph.name = (char *)"fast_scnn";
    find_folded(e, order, count);
    name_tensors(e, order, count);
    export_ends(e);
    for (int i = 0; status == FSCNN_OK && i < count; i++) {
        status = export_node(e, order[i]);
    }
    return status;
}

static enum fscnn_status check_options(const struct fscnn_export_options *options, struct fscnn_error *err) {
    if (options->opset && (options->opset < OPSET_LOW || options->opset > OPSET_HIGH)) {
        return error_set(err, FSCNN_ERROR_USAGE, "opset %d cannot be written (%d to %d can)", options->opset, OPSET_LOW,
                         OPSET_HIGH);
    }
    if (options->batch_size < 0 || options->batch_size > FSCNN_MAX_BATCH) {
        return error_set(err, FSCNN_ERROR_USAGE, "a batch of %d (1 to %d)", options->batch_size, FSCNN_MAX_BATCH);
    }
    if ((unsigned)options->pool > FSCNN_POOL_ADAPTIVE) {
        return error_set(err, FSCNN_ERROR_USAGE, "pooling %d is out of range", (int)options->pool);
    }
    return FSCNN_OK;
}

static enum fscnn_status write_graph(const struct graph *graph, const struct fscnn_export_options *options,
                                     const char *path, struct fscnn_error *err) {
    uint8_t *data = NULL;
    size_t size = 0;
    struct exporter *e = calloc(1, sizeof(*e));
    if (!e) {
        return error_memory(err, sizeof(*e), path);
    }
    e->graph = graph;
    e->err = err;
    e->opset = options->opset ? options->opset : OPSET_LOW;
    e->batch = options->dynamic_batch ? 0 : options->batch_size ? options->batch_size : 1;
    onnx_builder_start(&e->b, ir_version_of(e->opset), e->opset);
    enum fscnn_status status = export_graph(e);
    if (status == FSCNN_OK) {
        status = onnx_builder_pack(&e->b, &data, &size, err);
    }
    if (status != FSCNN_OK) {
        error_prefix(err, status, "%s", path);
    } else {
        status = file_write(path, data, size, err);
    }
    free(data);
    onnx_builder_free(&e->b);
    free(e);
    return status;
}

enum fscnn_status fscnn_export_onnx(const char *pth_path, const char *onnx_path,
                                    const struct fscnn_export_options *options, struct fscnn_error *err) {
    static const struct fscnn_export_options presets;
    options = options ? options : &presets;
    struct import_options import = {.height = options->height, .width = options->width, .pool = options->pool};
    struct checkpoint checkpoint;
    struct graph *graph = NULL;
    enum fscnn_status status = check_options(options, err);
    if (status == FSCNN_OK) {
        status = checkpoint_open(pth_path, &checkpoint, err);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    status = import_fast_scnn(&checkpoint, &import, &graph, err);
    if (status == FSCNN_OK) {
        status = write_graph(graph, options, onnx_path, err);
    }
    graph_free(&graph);
    checkpoint_close(&checkpoint);
    return status;
}
