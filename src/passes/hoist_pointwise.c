/* A 1x1 convolution before enlarging instead of after: fewer pixels to work on.
 *
 * Before:      x -> linear resize -> 1x1 conv
 * After:       x -> 1x1 conv -> linear resize
 * Conditions:  the resize enlarges, is linear or nearest, and has no other user; what is fused to either comes after
 * Formula:     a resize takes weighted means of pixels (weights sum to 1), a 1x1 convolution the same linear map of
 * every pixel and adds its bias: they commute
 */
#include "passes/passes.h"

enum fscnn_status pass_hoist_pointwise(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    struct node *conv = &graph->nodes[index];
    if (!node_is_pointwise(conv) || conv->has_addend || conv->has_clamp) {
        return FSCNN_OK;
    }
    int resize_index = conv->inputs[0];
    struct node *resize = &graph->nodes[resize_index];
    if (resize->op != OP_RESIZE || resize->has_addend || resize->has_clamp || graph_uses(graph, resize_index) != 1) {
        return FSCNN_OK;
    }
    struct shape small = graph->nodes[resize->inputs[0]].shape;
    if ((int64_t)small.h * small.w >= (int64_t)resize->shape.h * resize->shape.w) {
        return FSCNN_OK;
    }
    graph_replace(graph, index, resize_index); /* users of the conv now use the resize */
    conv->inputs[0] = resize->inputs[0];
    resize->inputs[0] = index;
    (*changed)++;
    enum fscnn_status status = graph_infer(graph, index, err);
    return status == FSCNN_OK ? graph_infer(graph, resize_index, err) : status;
}
