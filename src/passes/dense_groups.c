/* Grouped convolutions that are neither dense nor depthwise, written as dense ones: there are kernels for those two.
 *
 * Before:      conv with 1 < groups, other than one input and one output channel a group
 * After:       the same conv with groups = 1 and zeros where a group does not look
 * Conditions:  the dense weights stay below 2^24 elements
 * Formula:     adding 0 * x changes nothing (x finite)
 */
#include <string.h>

#include "passes/passes.h"

enum { MAX_DENSE = 1 << 24 };

enum fscnn_status pass_dense_groups(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    struct node *node = &graph->nodes[index];
    struct conv_attr *a = &node->attr.conv;
    if (node->op != OP_CONV || a->groups == 1) {
        return FSCNN_OK;
    }
    int in_channels = graph->nodes[node->inputs[0]].shape.c;
    if (a->groups == in_channels && a->out_channels == in_channels) {
        return FSCNN_OK; /* depthwise */
    }
    size_t taps = (size_t)a->kh * (size_t)a->kw, part = (size_t)(in_channels / a->groups);
    size_t count = (size_t)a->out_channels * taps * (size_t)in_channels;
    if (count > MAX_DENSE) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED,
                         "node %s: a grouped convolution that made dense has %zu weights, at most %zu", node->name,
                         count, (size_t)MAX_DENSE);
    }
    float *dense = arena_alloc(&graph->arena, count, sizeof(float));
    if (!dense) {
        return error_memory(err, count * sizeof(float), "a grouped convolution's weights");
    }
    for (size_t n = 0; n < (size_t)a->out_channels; n++) {
        size_t first = n / (size_t)(a->out_channels / a->groups) * part;
        for (size_t t = 0; t < taps; t++) {
            memcpy(dense + (n * taps + t) * (size_t)in_channels + first, a->weights + (n * taps + t) * part,
                   part * sizeof(float));
        }
    }
    a->weights = dense;
    a->groups = 1;
    (*changed)++;
    return FSCNN_OK;
}
