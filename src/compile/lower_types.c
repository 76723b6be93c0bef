/* Which type each node computes in: what was asked for where there is a kernel, else the next larger type that has one.
 * Where neighbours differ, lower.c puts a copy stage between them that converts. */
#include "compile/lower.h"

#include <math.h>

/* So much finer the steps of one channel may be than those of another. */
enum { SCALE_RATIO = 64 };

/* bfloat16 is multiplied in pairs of channels and uint8 in quads, so a convolution of another number of them is left to
 * float32, but for the image, whose rows are loaded with channels of zeros. */
static bool channels_fit(const struct lowering *l, const struct node *conv, int type) {
    const struct node *input = node_at(l, conv->inputs[0]);
    int group = type == ELEM_U8 ? 4 : type == ELEM_BF16 ? 2 : 1;
    bool fit =
        conv->attr.conv.groups > 1 || input->shape.c % group == 0 || (l->image_is_padded && input->op == OP_INPUT);
    for (int k = 0; input->op == OP_CONCAT && k < input->num_inputs; k++) {
        fit &= node_at(l, input->inputs[k])->shape.c % group == 0;
    }
    return fit;
}

/* Whether bins are sums of as many values as they are divided by. With padding counted they are not: bytes of 0, which
 * is what is missing, may stand for any number. */
static bool averages_plainly(const struct pool_attr *pool) {
    const struct pool_axis *axes[] = {&pool->h, &pool->w};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < axes[k]->bins; i++) {
            if (axes[k]->divisor[i] != (float)(axes[k]->end[i] - axes[k]->start[i])) {
                return false;
            }
        }
    }
    return true;
}

/* Why a node cannot be done in uint8, NULL if it can. `padded_average`: it is read by pooling that counts padding. */
static const char *why_not_quantised(const struct lowering *l, const struct node *node, bool walked,
                                     bool padded_average) {
    const struct conv_attr *a = &node->attr.conv;
    if (padded_average) {
        return "int8 averages without padding";
    }
    if (node->op == OP_RESIZE || node->op == OP_POOL || node->op == OP_AFFINE || (node->op == OP_CONCAT && walked)) {
        return NULL;
    }
    if (node->op != OP_CONV) {
        return "no int8 kernel";
    }
    const int64_t products = (int64_t)a->kh * a->kw * (node_at(l, node->inputs[0])->shape.c / a->groups);
    if (products > INT32_MAX / (255 * 127)) {
        return "the sums of so many products exceed 32 bits";
    }
    bool padded = a->pad_top || a->pad_left || a->pad_bottom || a->pad_right;
    bool image = l->image_is_padded && node->inputs[0] == l->graph->input;
    if (image && node_at(l, l->graph->input)->shape.c != 3) {
        return "int8 takes RGB images";
    }
    if (padded && (image || l->options->quants[node->inputs[0]].zero != 0)) {
        return "int8 pads only what cannot be negative";
    }
    return channels_fit(l, node, ELEM_U8) ? NULL : "int8 needs a number of channels that 4 divides";
}

/* The type in which a node computes; `walked`: a concatenation whose reader takes it part by part. */
static int compute_type(const struct lowering *l, int index, bool walked, bool padded_average) {
    static const char *const names[] = {[ELEM_F32] = "fp32", [ELEM_BF16] = "bf16"};
    const struct node *node = node_at(l, index);
    int type = l->options->types ? l->options->types[index] : l->options->type;
    const char *why = type == ELEM_U8 ? why_not_quantised(l, node, walked, padded_average) : NULL;
    if (why) {
        type = ELEM_BF16;
    }
    if (node->op == OP_CONV && !channels_fit(l, node, type)) {
        type = ELEM_F32;
    }
    if (why) {
        log_line(l->options->log, "stays in %s: %s (%s): %s", names[type], node->name, op_name(node->op), why);
    }
    return type;
}

/* Marks what `user` reads in uint8. */
static void mark_quantised_reads(const struct lowering *l, const struct node *user, bool *quantised) {
    for (int k = 0; k < user->num_inputs; k++) {
        const struct node *input = node_at(l, user->inputs[k]);
        quantised[user->inputs[k]] = true;
        for (int i = 0; lowering_walks(l, user->inputs[k], user) && i < input->num_inputs; i++) {
            quantised[input->inputs[i]] = true;
        }
    }
}

/* The type of a node's rows: logits are float32, and so is what a quantised convolution gives only to readers that are
 * not: it would be quantised for nothing. */
static int row_type(const struct lowering *l, int index, bool quantised_read) {
    const struct node *node = node_at(l, index);
    bool dense = node->op == OP_CONV && node->attr.conv.groups == 1;
    if (node->op == OP_POOL) {
        return l->rows[node->inputs[0]];
    }
    if (dense && ((index == l->base && l->uses[index] == 1) || (l->types[index] == ELEM_U8 && !quantised_read))) {
        return ELEM_F32;
    }
    return l->types[index];
}

/* ---- steps of their own for each channel ---- */

/* Of all that read a node: whether they are convolutions in uint8, and whether these are depthwise ones. */
struct readers {
    bool convolve, depthwise;
};

/* Whether a quantised convolution can give rows with steps for each channel: they are 0 or more, not clamped from below
 * at more than that (which one bound for all channels cannot say), and nothing but its weights and biases knows the
 * steps. */
static bool can_scale_channels(const struct lowering *l, int index, const struct readers *readers) {
    const struct node *node = node_at(l, index);
    const struct quant *q = &l->options->quants[index];
    const bool plain = !node->has_clamp || (node->low <= 0 && node->high > 0);
    return q->most && q->zero == 0 && plain && node->op == OP_CONV && !node->has_addend && l->rows[index] == ELEM_U8 &&
           index != l->base && readers->convolve;
}

/* A depthwise convolution has weights and a multiplier for each channel: steps as fine as the channel allows cost
 * nothing. In a dense one, the weights of all channels share a scale, and finer steps of one channel ask for larger
 * weights of it: the square root shares the loss between activations and weights. Channels that are all but 0 get no
 * finer steps than a part of the others'. */
static const float *channel_scales(struct lowering *l, int index, bool depthwise) {
    const struct node *node = node_at(l, index);
    const float *most = l->options->quants[index].most;
    float *scales = arena_alloc(&l->plan->arena, (size_t)node->shape.c, sizeof(float)), all = 0;
    l->pack->failed |= !scales;
    for (int c = 0; c < node->shape.c; c++) {
        all = most[c] > all ? most[c] : all;
    }
    for (int c = 0; scales && c < node->shape.c; c++) {
        float part = all > 1e-18F && most[c] > 0 ? most[c] / all : 0;
        part = fmaxf(part, 1.0F / (float)SCALE_RATIO);
        scales[c] = (all > 1e-18F ? all : 255.0F) / 255.0F * (depthwise ? part : sqrtf(part));
        if (node->has_clamp && 255.0F * scales[c] > node->high) {
            scales[c] = node->high / 255.0F;
        }
    }
    return scales;
}

static void choose_scales(struct lowering *l) {
    struct readers readers[GRAPH_MAX_NODES];
    for (int i = 0; i < l->count; i++) {
        readers[l->order[i]] = (struct readers){true, true};
    }
    for (int i = 0; i < l->count; i++) {
        const struct node *user = node_at(l, l->order[i]);
        bool convolves = user->op == OP_CONV && l->types[l->order[i]] == ELEM_U8;
        for (int k = 0; k < user->num_inputs; k++) {
            struct readers *r = &readers[user->inputs[k]];
            r->convolve &= convolves && k == 0;
            r->depthwise &= convolves && user->attr.conv.groups > 1;
        }
    }
    for (int i = 0; l->options->quants && i < l->count; i++) {
        int index = l->order[i];
        const struct quant *q = &l->options->quants[index];
        l->quants[index] = (struct node_quant){q->scale, q->zero, NULL, q->mean};
        if (can_scale_channels(l, index, &readers[index])) {
            l->quants[index].channels = channel_scales(l, index, readers[index].depthwise);
        }
    }
}

void lowering_choose_types(struct lowering *l) {
    bool walked[GRAPH_MAX_NODES] = {false}, quantised[GRAPH_MAX_NODES] = {false}, at_end[GRAPH_MAX_NODES] = {false};
    bool padded_average[GRAPH_MAX_NODES] = {false};
    int image = l->graph->input;
    for (int at = l->graph->output; at != l->base; at = node_at(l, at)->inputs[0]) {
        at_end[at] = true; /* the OUTPUT stage does it in float32 */
    }
    for (int i = 0; i < l->count; i++) {
        const struct node *node = node_at(l, l->order[i]);
        for (int k = 0; k < node->num_inputs; k++) {
            walked[node->inputs[k]] |= lowering_walks(l, node->inputs[k], node);
        }
    }
    for (int i = l->count - 1; i >= 0; i--) { /* readers first: pooling takes rows as they are */
        const struct node *node = node_at(l, l->order[i]);
        if (node->op == OP_POOL && (padded_average[l->order[i]] || !averages_plainly(&node->attr.pool))) {
            padded_average[node->inputs[0]] = true;
        }
    }
    l->types[image] = ELEM_F32;
    for (int i = 0; i < l->count; i++) {
        int index = l->order[i];
        const struct node *node = node_at(l, index);
        if (node->op == OP_INPUT || at_end[index]) {
            continue;
        }
        l->types[index] = (uint8_t)compute_type(l, index, walked[index], padded_average[index]);
        if (l->image_is_padded && node->inputs[0] == image) {
            l->types[image] = l->types[index]; /* loaded for this convolution alone */
        }
        if (l->types[index] == ELEM_U8 || node->op == OP_POOL) { /* which takes rows as they are */
            mark_quantised_reads(l, node, quantised);
        }
    }
    for (int i = 0; i < l->count; i++) {
        l->rows[l->order[i]] = (uint8_t)row_type(l, l->order[i], quantised[l->order[i]]);
    }
    choose_scales(l);
}
