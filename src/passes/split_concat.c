/* A 1x1 convolution over a concatenation with enlarged parts: each such part is convolved before it is enlarged.
 *
 * Before:      concat(x, resize(a), resize(b)) -> 1x1 conv (-> addend r)
 * After:       x -> 1x1 conv (its part of the weights, the bias) + addend, where
 *              addend = resize(conv_b(b)) + addend (resize(conv_a(a)) + addend r)
 * Conditions:  concat and the enlarging resizes have no other user; at least one part is not resized
 * Formula:     W [x; y] = W_x x + W_y y, and a 1x1 convolution commutes with a resize (hoist_pointwise)
 */
#include "passes/passes.h"

static bool part_is_enlarged(const struct graph *graph, int part) {
    const struct node *node = &graph->nodes[part];
    if (node->op != OP_RESIZE || node->has_addend || node->has_clamp || graph_uses(graph, part) != 1) {
        return false;
    }
    struct shape small = graph->nodes[node->inputs[0]].shape;
    return (int64_t)small.h * small.w < (int64_t)node->shape.h * node->shape.w;
}

/* Copies columns [first, first + count) of a 1x1 convolution's weights behind `used` columns already in `out`. */
static void copy_columns(const struct conv_attr *a, int in_channels, int first, int count, float *out, int out_columns,
                         int used) {
    for (int n = 0; n < a->out_channels; n++) {
        for (int c = 0; c < count; c++) {
            out[(size_t)n * (size_t)out_columns + (size_t)(used + c)] =
                a->weights[(size_t)n * (size_t)in_channels + (size_t)(first + c)];
        }
    }
}

static float *new_weights(struct graph *graph, const struct conv_attr *a, int columns) {
    return arena_alloc(&graph->arena, (size_t)a->out_channels * (size_t)columns, sizeof(float));
}

/* Lets the enlarged part's resize work on convolved input; *addend becomes its result. */
static enum fscnn_status split_part(struct graph *graph, const struct node *conv, int in_channels, int part, int first,
                                    int *addend, struct fscnn_error *err) {
    int small = graph->nodes[part].inputs[0], index;
    int channels = graph->nodes[small].shape.c;
    float *weights = new_weights(graph, &conv->attr.conv, channels);
    if (!weights) {
        return error_memory(err, (size_t)channels * sizeof(float), "split weights");
    }
    copy_columns(&conv->attr.conv, in_channels, first, channels, weights, channels, 0);
    struct node piece = {.op = OP_CONV, .name = conv->name, .num_inputs = 1, .inputs = {small}, .attr = conv->attr};
    piece.attr.conv.weights = weights;
    piece.attr.conv.bias = NULL;
    enum fscnn_status status = graph_add(graph, &piece, &index, err);
    if (status != FSCNN_OK) {
        return status;
    }
    struct node *resize = &graph->nodes[part];
    resize->inputs[0] = index;
    if (*addend >= 0) {
        resize->has_addend = true;
        resize->inputs[resize->num_inputs++] = *addend;
    }
    *addend = part;
    return graph_infer(graph, part, err);
}

/* The parts that stay: their columns of the weights and, when there are several, a smaller concatenation. */
static enum fscnn_status keep_rest(struct graph *graph, struct node *conv, const struct node *concat, int in_channels,
                                   const int *channels, const bool *enlarged, struct fscnn_error *err) {
    struct node rest = {.op = OP_CONCAT, .name = concat->name};
    int columns = 0, used = 0, first = 0;
    for (int k = 0; k < concat->num_inputs; k++) {
        if (!enlarged[k]) {
            rest.inputs[rest.num_inputs++] = concat->inputs[k];
            columns += channels[k];
        }
    }
    float *weights = new_weights(graph, &conv->attr.conv, columns);
    if (!weights) {
        return error_memory(err, (size_t)columns * sizeof(float), "split weights");
    }
    for (int k = 0; k < concat->num_inputs; k++) {
        if (!enlarged[k]) {
            copy_columns(&conv->attr.conv, in_channels, first, channels[k], weights, columns, used);
            used += channels[k];
        }
        first += channels[k];
    }
    conv->attr.conv.weights = weights;
    conv->inputs[0] = rest.inputs[0];
    return rest.num_inputs == 1 ? FSCNN_OK : graph_add(graph, &rest, &conv->inputs[0], err);
}

enum fscnn_status pass_split_concat(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    struct node conv = graph->nodes[index];
    struct node concat = graph->nodes[conv.num_inputs ? conv.inputs[0] : 0];
    if (!node_is_pointwise(&conv) || concat.op != OP_CONCAT || graph_uses(graph, conv.inputs[0]) != 1) {
        return FSCNN_OK;
    }
    bool enlarged[GRAPH_MAX_INPUTS] = {false};
    int channels[GRAPH_MAX_INPUTS]; /* of the parts, before anything changes */
    int num_enlarged = 0, in_channels = concat.shape.c, first = 0;
    for (int k = 0; k < concat.num_inputs; k++) {
        channels[k] = graph->nodes[concat.inputs[k]].shape.c;
        enlarged[k] = part_is_enlarged(graph, concat.inputs[k]);
        num_enlarged += enlarged[k];
    }
    if (num_enlarged == 0 || num_enlarged == concat.num_inputs) {
        return FSCNN_OK;
    }
    int addend = conv.has_addend ? conv.inputs[1] : -1;
    enum fscnn_status status = FSCNN_OK;
    for (int k = 0; k < concat.num_inputs && status == FSCNN_OK; k++) {
        if (enlarged[k]) {
            status = split_part(graph, &conv, in_channels, concat.inputs[k], first, &addend, err);
        }
        first += channels[k];
    }
    if (status == FSCNN_OK) {
        status = keep_rest(graph, &conv, &concat, in_channels, channels, enlarged, err);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    conv.has_addend = true;
    conv.num_inputs = 2;
    conv.inputs[1] = addend;
    graph->nodes[index] = conv;
    *changed += num_enlarged;
    return graph_infer(graph, index, err);
}
