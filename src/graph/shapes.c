/* Shape inference and the checks that every later stage relies on: whatever graph_add accepted, the compiler can lower
 * without looking for nonsense again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

enum { MAX_CHANNELS = 1 << 16, MAX_KERNEL = 255 };

static enum fscnn_status bad(struct fscnn_error *err, const struct node *node, const char *what) {
    return error_set(err, FSCNN_ERROR_FORMAT, "node %s (%s): %s", node->name ? node->name : "?", op_name(node->op),
                     what);
}

static bool pads_fit(int a, int b, int c, int d) {
    return a >= 0 && b >= 0 && c >= 0 && d >= 0 && a < GRAPH_MAX_SIDE && b < GRAPH_MAX_SIDE && c < GRAPH_MAX_SIDE &&
           d < GRAPH_MAX_SIDE;
}

static enum fscnn_status infer_conv(const struct node *node, struct shape in, struct shape *out,
                                    struct fscnn_error *err) {
    const struct conv_attr *a = &node->attr.conv;
    if (a->kh < 1 || a->kw < 1 || a->kh > MAX_KERNEL || a->kw > MAX_KERNEL || a->stride_h < 1 || a->stride_w < 1 ||
        a->stride_h > MAX_KERNEL || a->stride_w > MAX_KERNEL ||
        !pads_fit(a->pad_top, a->pad_left, a->pad_bottom, a->pad_right)) {
        return bad(err, node, "a kernel size, stride or padding is out of range");
    }
    if (a->groups < 1 || a->out_channels < 1 || a->out_channels > MAX_CHANNELS || in.c % a->groups ||
        a->out_channels % a->groups) {
        return error_set(err, FSCNN_ERROR_FORMAT,
                         "node %s (conv): %d groups do not divide %d input and %d output channels", node->name,
                         a->groups, in.c, a->out_channels);
    }
    int span_h = in.h + a->pad_top + a->pad_bottom - a->kh;
    int span_w = in.w + a->pad_left + a->pad_right - a->kw;
    if (span_h < 0 || span_w < 0) {
        return error_set(err, FSCNN_ERROR_FORMAT,
                         "node %s (conv): the picture of %dx%d is smaller than the %dx%d kernel", node->name, in.h,
                         in.w, a->kh, a->kw);
    }
    *out = (struct shape){span_h / a->stride_h + 1, span_w / a->stride_w + 1, a->out_channels};
    return FSCNN_OK;
}

static enum fscnn_status infer_pool(const struct node *node, struct shape in, struct shape *out,
                                    struct fscnn_error *err) {
    const struct pool_axis *axes[] = {&node->attr.pool.h, &node->attr.pool.w};
    const int sizes[] = {in.h, in.w};
    for (int k = 0; k < 2; k++) {
        if (axes[k]->bins < 1) {
            return bad(err, node, "no bins");
        }
        for (int i = 0; i < axes[k]->bins; i++) {
            if (axes[k]->start[i] < 0 || axes[k]->start[i] >= axes[k]->end[i] || axes[k]->end[i] > sizes[k]) {
                return bad(err, node, "a bin is empty or outside the picture");
            }
        }
    }
    *out = (struct shape){axes[0]->bins, axes[1]->bins, in.c};
    return FSCNN_OK;
}

static enum fscnn_status infer_resize(const struct node *node, struct shape in, struct shape *out,
                                      struct fscnn_error *err) {
    const struct resize_attr *a = &node->attr.resize;
    if (a->out_h < 1 || a->out_w < 1 || a->out_h > GRAPH_MAX_SIDE || a->out_w > GRAPH_MAX_SIDE ||
        !isfinite(a->scale_h) || !isfinite(a->scale_w) || !isfinite(a->offset_h) || !isfinite(a->offset_w)) {
        return bad(err, node, "a size or scale is out of range");
    }
    *out = (struct shape){a->out_h, a->out_w, in.c};
    return FSCNN_OK;
}

static enum fscnn_status infer_many(const struct graph *graph, const struct node *node, struct shape *out,
                                    struct fscnn_error *err) {
    *out = graph->nodes[node->inputs[0]].shape;
    for (int k = 1; k < node->num_inputs; k++) {
        struct shape other = graph->nodes[node->inputs[k]].shape;
        if (other.h != out->h || other.w != out->w || (node->op == OP_ADD && other.c != out->c)) {
            return error_set(err, FSCNN_ERROR_FORMAT, "node %s (%s): inputs of [%d, %d, %d] and [%d, %d, %d]",
                             node->name, op_name(node->op), out->h, out->w, out->c, other.h, other.w, other.c);
        }
        out->c += node->op == OP_CONCAT ? other.c : 0;
    }
    return FSCNN_OK;
}

static enum fscnn_status infer(const struct graph *graph, struct node *node, struct fscnn_error *err) {
    int expected = node->op == OP_INPUT ? 0 : node->op == OP_ADD ? 2 : node->op == OP_CONCAT ? node->num_inputs : 1;
    expected += node->has_addend;
    if (node->num_inputs != expected || node->num_inputs > GRAPH_MAX_INPUTS ||
        (node->op == OP_CONCAT && node->num_inputs < 1)) {
        return bad(err, node, "a wrong number of inputs");
    }
    for (int k = 0; k < node->num_inputs; k++) {
        if (node->inputs[k] < 0 || node->inputs[k] >= graph->num_nodes) {
            return bad(err, node, "an input that does not exist");
        }
    }
    struct shape in = node->num_inputs ? graph->nodes[node->inputs[0]].shape : node->shape;
    struct shape out = in;
    enum fscnn_status status = FSCNN_OK;
    switch (node->op) {
    case OP_CONV: status = infer_conv(node, in, &out, err); break;
    case OP_PAD: {
        const struct pad_attr *a = &node->attr.pad;
        if (!pads_fit(a->top, a->left, a->bottom, a->right)) {
            return bad(err, node, "a padding is out of range");
        }
        out = (struct shape){in.h + a->top + a->bottom, in.w + a->left + a->right, in.c};
        break;
    }
    case OP_POOL: status = infer_pool(node, in, &out, err); break;
    case OP_RESIZE: status = infer_resize(node, in, &out, err); break;
    case OP_ADD:
    case OP_CONCAT: status = infer_many(graph, node, &out, err); break;
    case OP_ARGMAX: out.c = 1; break;
    default: break; /* the same shape as the input */
    }
    if (status != FSCNN_OK) {
        return status;
    }
    if (out.h < 1 || out.w < 1 || out.c < 1 || out.h > GRAPH_MAX_SIDE || out.w > GRAPH_MAX_SIDE ||
        out.c > MAX_CHANNELS || (int64_t)out.h * out.w > GRAPH_MAX_PIXELS ||
        (int64_t)out.h * out.w * out.c > (int64_t)1 << 34) {
        return error_set(err, FSCNN_ERROR_FORMAT, "node %s (%s): a tensor of [%d, %d, %d] is beyond the limits",
                         node->name ? node->name : "?", op_name(node->op), out.h, out.w, out.c);
    }
    if (node->has_addend) {
        struct shape addend = graph->nodes[node->inputs[node->num_inputs - 1]].shape;
        if (addend.h != out.h || addend.w != out.w || addend.c != out.c) {
            return bad(err, node, "an addend of another shape");
        }
    }
    node->shape = out;
    return FSCNN_OK;
}

enum fscnn_status graph_infer(struct graph *graph, int index, struct fscnn_error *err) {
    return infer(graph, &graph->nodes[index], err);
}

enum fscnn_status graph_add(struct graph *graph, const struct node *node, int *index, struct fscnn_error *err) {
    struct node copy = *node;
    enum fscnn_status status = infer(graph, &copy, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (graph->num_nodes == graph->capacity) {
        int capacity = graph->capacity ? 2 * graph->capacity : 128;
        if (capacity > GRAPH_MAX_NODES) {
            return error_set(err, FSCNN_ERROR_UNSUPPORTED, "more than %d nodes", GRAPH_MAX_NODES);
        }
        struct node *nodes = realloc(graph->nodes, (size_t)capacity * sizeof(*nodes));
        if (!nodes) {
            return error_memory(err, (size_t)capacity * sizeof(*nodes), "nodes");
        }
        graph->nodes = nodes;
        graph->capacity = capacity;
    }
    copy.name = copy.name ? copy.name : op_name(copy.op);
    *index = graph->num_nodes;
    graph->nodes[graph->num_nodes++] = copy;
    if (copy.op == OP_INPUT) {
        graph->input = *index;
    }
    return FSCNN_OK;
}

struct bins {
    int *start, *end;
    float *divisor;
};

static enum fscnn_status axis_create(struct graph *graph, int bins, struct bins *b, struct pool_axis *out,
                                     struct fscnn_error *err) {
    b->start = arena_alloc(&graph->arena, (size_t)bins, sizeof(int));
    b->end = arena_alloc(&graph->arena, (size_t)bins, sizeof(int));
    b->divisor = arena_alloc(&graph->arena, (size_t)bins, sizeof(float));
    if (!b->start || !b->end || !b->divisor) {
        return error_memory(err, (size_t)bins * 12, "pooling bins");
    }
    *out = (struct pool_axis){.bins = bins, .start = b->start, .end = b->end, .divisor = b->divisor};
    return FSCNN_OK;
}

enum fscnn_status pool_axis_adaptive(struct graph *graph, int size, int bins, struct pool_axis *out,
                                     struct fscnn_error *err) {
    if (size < 1 || bins < 1 || size > GRAPH_MAX_SIDE || bins > GRAPH_MAX_SIDE) {
        return error_set(err, FSCNN_ERROR_FORMAT, "adaptive pooling of %d to %d", size, bins);
    }
    struct bins b;
    enum fscnn_status status = axis_create(graph, bins, &b, out, err);
    for (int i = 0; status == FSCNN_OK && i < bins; i++) {
        b.start[i] = (int)((int64_t)i * size / bins);
        b.end[i] = (int)(((int64_t)(i + 1) * size + bins - 1) / bins);
        b.divisor[i] = (float)(b.end[i] - b.start[i]);
    }
    return status;
}

enum fscnn_status pool_axis_window(struct graph *graph, int size, int kernel, int stride, int pad_begin, int pad_end,
                                   bool count_padding, bool ceil_mode, struct pool_axis *out, struct fscnn_error *err) {
    if (size < 1 || kernel < 1 || stride < 1 || pad_begin < 0 || pad_end < 0 || size > GRAPH_MAX_SIDE ||
        kernel > GRAPH_MAX_SIDE || stride > GRAPH_MAX_SIDE || pad_begin >= kernel || pad_end >= kernel ||
        size + pad_begin + pad_end < kernel) {
        return error_set(err, FSCNN_ERROR_FORMAT,
                         "average pooling of %d positions with kernel %d, stride %d, padding %d and %d", size, kernel,
                         stride, pad_begin, pad_end);
    }
    int span = size + pad_begin + pad_end - kernel;
    int bins = (span + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (ceil_mode && (bins - 1) * stride >= size + pad_begin) {
        bins--; /* a window that would start in the end padding is left out */
    }
    struct bins b;
    enum fscnn_status status = axis_create(graph, bins, &b, out, err);
    for (int i = 0; status == FSCNN_OK && i < bins; i++) {
        int from = i * stride - pad_begin, to = from + kernel;
        int padded_to = to < size + pad_end ? to : size + pad_end;
        b.start[i] = from > 0 ? from : 0;
        b.end[i] = to < size ? to : size;
        b.divisor[i] = (float)(count_padding ? padded_to - from : b.end[i] - b.start[i]);
    }
    return status;
}
