/* An addition as part of one of its operands.
 *
 * Before:      op(x) + y
 * After:       op(x, addend y)
 * Conditions:  op is a dense convolution or a resize with no other user and nothing fused yet
 * Formula:     the same sum
 */
#include "passes/passes.h"

static bool takes_addend(const struct graph *graph, int index) {
    const struct node *node = &graph->nodes[index];
    bool dense = node->op == OP_CONV && node->attr.conv.groups == 1;
    return (dense || node->op == OP_RESIZE) && !node->has_addend && !node->has_clamp && graph_uses(graph, index) == 1;
}

enum fscnn_status pass_fuse_add(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    const struct node add = graph->nodes[index];
    if (add.op != OP_ADD || add.has_clamp || add.inputs[0] == add.inputs[1]) {
        return FSCNN_OK;
    }
    for (int k = 0; k < 2; k++) {
        int target = add.inputs[k];
        if (takes_addend(graph, target)) {
            struct node *node = &graph->nodes[target];
            node->has_addend = true;
            node->inputs[node->num_inputs++] = add.inputs[1 - k];
            graph_replace(graph, index, target);
            (*changed)++;
            return graph_infer(graph, target, err);
        }
    }
    return FSCNN_OK;
}
