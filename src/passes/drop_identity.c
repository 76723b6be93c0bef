/* Operations without effect.
 *
 * Before:      x -> resize to its own size at scale 1 | padding of 0 | concatenation of one | clamp to +-infinity
 *              x -> softmax -> arg max
 * After:       x;  x -> arg max
 * Conditions:  none
 * Formula:     softmax is monotonic in each of its inputs: the largest stays the largest
 */
#include <math.h>

#include "passes/passes.h"

static bool is_identity(const struct graph *graph, const struct node *node) {
    if (node->num_inputs != 1 || node->has_clamp) {
        return false;
    }
    struct shape in = graph->nodes[node->inputs[0]].shape;
    const struct resize_attr *r = &node->attr.resize;
    const struct pad_attr *p = &node->attr.pad;
    switch (node->op) {
    case OP_RESIZE:
        /* A scale of 1 (any on an axis of one position) and no offset samples every position itself. */
        return in.h == r->out_h && in.w == r->out_w && (in.h == 1 || (r->scale_h == 1.0F && r->offset_h == 0.0F)) &&
               (in.w == 1 || (r->scale_w == 1.0F && r->offset_w == 0.0F));
    case OP_PAD: return p->top == 0 && p->left == 0 && p->bottom == 0 && p->right == 0;
    case OP_CONCAT: return true;
    case OP_CLAMP: return node->attr.clamp.low == -INFINITY && node->attr.clamp.high == INFINITY;
    default: return false;
    }
}

enum fscnn_status pass_drop_identity(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    (void)err;
    struct node *node = &graph->nodes[index];
    if (is_identity(graph, node)) {
        graph_replace(graph, index, node->inputs[0]);
        (*changed)++;
    } else if (node->op == OP_ARGMAX && graph->nodes[node->inputs[0]].op == OP_SOFTMAX) {
        node->inputs[0] = graph->nodes[node->inputs[0]].inputs[0];
        (*changed)++;
    }
    return FSCNN_OK;
}
