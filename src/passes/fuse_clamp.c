/* An activation as part of the operation before it.
 *
 * Before:      op(x) -> clamp
 * After:       op(x) clamped
 * Conditions:  op is a convolution, resize, addition or affine with no other user; two clamps become one
 * Formula:     clamping to [a, b] and then [c, d] clamps to [min(max(a, c), d), min(max(b, c), d)]
 */
#include <math.h>

#include "passes/passes.h"

enum fscnn_status pass_fuse_clamp(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    (void)err;
    const struct node *clamp = &graph->nodes[index];
    if (clamp->op != OP_CLAMP) {
        return FSCNN_OK;
    }
    int before_index = clamp->inputs[0];
    struct node *before = &graph->nodes[before_index];
    if ((before->op != OP_CONV && before->op != OP_RESIZE && before->op != OP_ADD && before->op != OP_AFFINE) ||
        graph_uses(graph, before_index) != 1) {
        return FSCNN_OK;
    }
    float low = before->has_clamp ? before->low : -INFINITY, high = before->has_clamp ? before->high : INFINITY;
    float low2 = clamp->attr.clamp.low, high2 = clamp->attr.clamp.high;
    before->low = fminf(fmaxf(low, low2), high2);
    before->high = fminf(fmaxf(high, low2), high2);
    before->has_clamp = true;
    graph_replace(graph, index, before_index);
    (*changed)++;
    return FSCNN_OK;
}
