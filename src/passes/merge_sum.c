/* The sum of two 1x1 convolutions as one with a longer K.
 *
 * Before:      conv_a(a) + conv_b(b)
 * After:       conv([a; b]) with weights [W_a, W_b] and bias b_a + b_b
 * Conditions:  both are 1x1, nothing is fused to them, neither has another user
 * Formula:     W_a a + W_b b = [W_a, W_b] [a; b]; the concatenation is never made, the kernel walks over both
 */
#include <string.h>

#include "passes/passes.h"

static bool can_merge(const struct graph *graph, int index) {
    const struct node *node = &graph->nodes[index];
    return node_is_pointwise(node) && !node->has_addend && !node->has_clamp && graph_uses(graph, index) == 1;
}

enum fscnn_status pass_merge_sum(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    const struct node add = graph->nodes[index];
    if (add.op != OP_ADD || add.has_clamp || add.inputs[0] == add.inputs[1] || !can_merge(graph, add.inputs[0]) ||
        !can_merge(graph, add.inputs[1])) {
        return FSCNN_OK;
    }
    const struct node a = graph->nodes[add.inputs[0]], b = graph->nodes[add.inputs[1]];
    size_t ka = (size_t)graph->nodes[a.inputs[0]].shape.c, kb = (size_t)graph->nodes[b.inputs[0]].shape.c;
    size_t channels = (size_t)a.attr.conv.out_channels;
    float *weights = arena_alloc(&graph->arena, channels * (ka + kb), sizeof(float));
    float *bias = arena_alloc(&graph->arena, channels, sizeof(float));
    if (!weights || !bias) {
        return error_memory(err, channels * (ka + kb) * sizeof(float), "merged weights");
    }
    for (size_t n = 0; n < channels; n++) {
        memcpy(weights + n * (ka + kb), a.attr.conv.weights + n * ka, ka * sizeof(float));
        memcpy(weights + n * (ka + kb) + ka, b.attr.conv.weights + n * kb, kb * sizeof(float));
        bias[n] = (a.attr.conv.bias ? a.attr.conv.bias[n] : 0.0F) + (b.attr.conv.bias ? b.attr.conv.bias[n] : 0.0F);
    }
    struct node concat = {.op = OP_CONCAT, .name = add.name, .num_inputs = 2, .inputs = {a.inputs[0], b.inputs[0]}};
    struct node merged = {.op = OP_CONV, .name = add.name, .num_inputs = 1, .attr = a.attr};
    merged.attr.conv.weights = weights;
    merged.attr.conv.bias = bias;
    int merged_index;
    enum fscnn_status status = graph_add(graph, &concat, &merged.inputs[0], err);
    if (status == FSCNN_OK) {
        status = graph_add(graph, &merged, &merged_index, err);
    }
    if (status == FSCNN_OK) {
        graph_replace(graph, index, merged_index);
        (*changed)++;
    }
    return status;
}
