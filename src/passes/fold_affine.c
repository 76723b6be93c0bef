/* Batch norms and per-channel arithmetic as part of a neighbouring convolution.
 *
 * Before:      conv(x) * s + t;   conv(x * s + t);   (x * s + t) * u + v
 * After:       conv'(x);          conv'(x);          x * (s * u) + (t * u + v)
 * Conditions:  the inner one has no other user; folding into a convolution from before needs one without padding (the
 *              padding is 0, not t)
 * Formula:     w'[n] = w[n] * s[n], b'[n] = b[n] * s[n] + t[n];  w'[.., c] = w[.., c] * s[c], b' = b + sum of w * t
 *              in double, rounded once
 */
#include "passes/passes.h"

static float *new_floats(struct graph *graph, size_t count) { return arena_alloc(&graph->arena, count, sizeof(float)); }

static enum fscnn_status fold_after(struct graph *graph, struct node *conv, const struct affine_attr *affine,
                                    struct fscnn_error *err) {
    struct conv_attr *a = &conv->attr.conv;
    size_t per = (size_t)a->kh * (size_t)a->kw * (size_t)(graph->nodes[conv->inputs[0]].shape.c / a->groups);
    size_t channels = (size_t)a->out_channels;
    float *weights = new_floats(graph, channels * per), *bias = new_floats(graph, channels);
    if (!weights || !bias) {
        return error_memory(err, channels * per * sizeof(float), "folded weights");
    }
    for (size_t n = 0; n < channels; n++) {
        for (size_t k = 0; k < per; k++) {
            weights[n * per + k] = (float)(a->weights[n * per + k] * affine->scale[n]);
        }
        bias[n] = (float)((a->bias ? a->bias[n] : 0.0) * affine->scale[n] + affine->shift[n]);
    }
    a->weights = weights;
    a->bias = bias;
    return FSCNN_OK;
}

static enum fscnn_status fold_before(struct graph *graph, struct node *conv, const struct affine_attr *affine,
                                     struct fscnn_error *err) {
    struct conv_attr *a = &conv->attr.conv;
    size_t part = (size_t)(graph->nodes[conv->inputs[0]].shape.c / a->groups), channels = (size_t)a->out_channels;
    size_t taps = (size_t)a->kh * (size_t)a->kw;
    float *weights = new_floats(graph, channels * taps * part), *bias = new_floats(graph, channels);
    if (!weights || !bias) {
        return error_memory(err, channels * taps * part * sizeof(float), "folded weights");
    }
    for (size_t n = 0; n < channels; n++) {
        size_t first = n / (channels / (size_t)a->groups) * part;
        double sum = a->bias ? a->bias[n] : 0.0;
        for (size_t k = 0; k < taps * part; k++) {
            double w = a->weights[n * taps * part + k];
            weights[n * taps * part + k] = (float)(w * affine->scale[first + k % part]);
            sum += w * affine->shift[first + k % part];
        }
        bias[n] = (float)sum;
    }
    a->weights = weights;
    a->bias = bias;
    return FSCNN_OK;
}

static enum fscnn_status fold_affines(struct graph *graph, struct node *second, const struct affine_attr *first,
                                      struct fscnn_error *err) {
    size_t channels = (size_t)second->shape.c;
    double *scale = arena_alloc(&graph->arena, channels, sizeof(double));
    double *shift = arena_alloc(&graph->arena, channels, sizeof(double));
    if (!scale || !shift) {
        return error_memory(err, channels * sizeof(double), "folded constants");
    }
    for (size_t c = 0; c < channels; c++) {
        scale[c] = first->scale[c] * second->attr.affine.scale[c];
        shift[c] = first->shift[c] * second->attr.affine.scale[c] + second->attr.affine.shift[c];
    }
    second->attr.affine = (struct affine_attr){scale, shift};
    return FSCNN_OK;
}

enum fscnn_status pass_fold_affine(struct graph *graph, int index, int *changed, struct fscnn_error *err) {
    struct node *node = &graph->nodes[index];
    if (node->num_inputs != 1 || (node->op != OP_AFFINE && node->op != OP_CONV)) {
        return FSCNN_OK;
    }
    int before_index = node->inputs[0];
    struct node *before = &graph->nodes[before_index];
    const struct conv_attr *a = &node->attr.conv;
    if (before->has_addend || before->has_clamp || graph_uses(graph, before_index) != 1) {
        return FSCNN_OK;
    }
    enum fscnn_status status;
    if (node->op == OP_AFFINE && before->op == OP_CONV) {
        status = fold_after(graph, before, &node->attr.affine, err);
        graph_replace(graph, index, before_index);
    } else if (node->op == OP_AFFINE && before->op == OP_AFFINE) {
        status = fold_affines(graph, node, &before->attr.affine, err);
        node->inputs[0] = before->inputs[0];
    } else if (node->op == OP_CONV && before->op == OP_AFFINE && !a->pad_top && !a->pad_left && !a->pad_bottom &&
               !a->pad_right) {
        status = fold_before(graph, node, &before->attr.affine, err);
        node->inputs[0] = before->inputs[0];
    } else {
        return FSCNN_OK;
    }
    (*changed)++;
    return status;
}
