/* Zero padding as part of the operation after it.
 *
 * Before:      x -> pad -> conv | pool
 * After:       x -> conv with larger padding | pool over the bins' part inside x
 * Conditions:  pool: every bin keeps a position inside x
 * Formula:     convolution and average read zeros there either way; a bin keeps its divisor
 */
#include "passes/passes.h"

static void fold_into_conv(const struct pad_attr *pad, struct conv_attr *conv) {
    conv->pad_top += pad->top;
    conv->pad_left += pad->left;
    conv->pad_bottom += pad->bottom;
    conv->pad_right += pad->right;
}

/* The bins moved by the padding and cut at the picture; false where one would be empty. */
static enum fscnn_status shift_axis(struct graph *graph, struct pool_axis *axis, int before, int size, bool *fits,
                                    struct fscnn_error *err) {
    int *start = arena_alloc(&graph->arena, (size_t)axis->bins, sizeof(int));
    int *end = arena_alloc(&graph->arena, (size_t)axis->bins, sizeof(int));
    if (!start || !end) {
        return error_memory(err, (size_t)axis->bins * sizeof(int), "pooling bins");
    }
    for (int i = 0; i < axis->bins; i++) {
        start[i] = axis->start[i] > before ? axis->start[i] - before : 0;
        end[i] = axis->end[i] - before < size ? axis->end[i] - before : size;
        *fits &= start[i] < end[i];
    }
    axis->start = start;
    axis->end = end;
    return FSCNN_OK;
}

enum fscnn_status pass_fold_pad(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    struct node *node = &graph->nodes[index];
    if ((node->op != OP_CONV && node->op != OP_POOL) || graph->nodes[node->inputs[0]].op != OP_PAD) {
        return FSCNN_OK;
    }
    const struct node *before = &graph->nodes[node->inputs[0]];
    const struct pad_attr *pad = &before->attr.pad;
    if (node->op == OP_CONV) {
        fold_into_conv(pad, &node->attr.conv);
    } else {
        struct pool_attr pool = node->attr.pool;
        struct shape in = graph->nodes[before->inputs[0]].shape;
        bool fits = true;
        enum fscnn_status status = shift_axis(graph, &pool.h, pad->top, in.h, &fits, err);
        if (status == FSCNN_OK) {
            status = shift_axis(graph, &pool.w, pad->left, in.w, &fits, err);
        }
        if (status != FSCNN_OK || !fits) {
            return status;
        }
        node->attr.pool = pool;
    }
    node->inputs[0] = before->inputs[0];
    (*changed)++;
    return graph_infer(graph, index, err);
}
