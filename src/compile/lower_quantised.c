/* The parts of lowering that uint8 activations need. */
#include <math.h>

#include "compile/lower.h"
#include "compile/quantise.h"
#include "tensor/normalization.h"

/* What each position of a dense convolution's K means: the image's bytes hide its normalisation. */
static struct quant_k *meaning_of_k(struct lowering *l, const struct node *conv, size_t taps) {
    const float *mean = normalization_mean, *std = normalization_deviation;
    const struct node *input = node_at(l, conv->inputs[0]);
    const bool walked = lowering_walks(l, conv->inputs[0], conv), image = input->op == OP_INPUT && l->image_is_padded;
    size_t channels = image ? 4 : (size_t)input->shape.c;
    struct quant_k *all = arena_alloc(&l->plan->arena, taps * channels, sizeof(*all));
    for (size_t i = 0; all && i < taps * channels; i++) {
        size_t c = i % channels;
        if (image) {
            const double *real = l->quants[l->graph->input].mean;
            all[i] = c < 3 ? (struct quant_k){1.0F / (255.0F * std[c]), 255.0F * mean[c], real ? real[c] : 0}
                           : (struct quant_k){0, 0, 0};
            continue;
        }
        int part = conv->inputs[0];
        for (int k = 0; walked; k++) {
            part = input->inputs[k];
            size_t width = (size_t)node_at(l, part)->shape.c;
            if (c < width) {
                break;
            }
            c -= width;
        }
        const struct node_quant *q = &l->quants[part];
        all[i] = (struct quant_k){q->channels ? q->channels[c] : q->scale, (float)q->zero, q->mean ? q->mean[c] : 0};
    }
    return all;
}

void lowering_quantise_weights(struct lowering *l, const struct node *conv, const float *weights, struct stage *stage) {
    const struct conv_attr *a = &conv->attr.conv;
    const struct node_quant *out = stage->type == ELEM_U8 ? &l->quants[conv - l->graph->nodes] : NULL;
    size_t taps = (size_t)a->kh * (size_t)a->kw;
    bool ok;
    if (a->groups > 1) {
        ok = quantise_depthwise(l->pack, weights, a->bias, a->out_channels, a->kh, a->kw, &l->quants[conv->inputs[0]],
                                out, stage);
    } else {
        size_t k = taps * (size_t)plan_input_channels(l->plan, stage);
        const struct quant_k *in = meaning_of_k(l, conv, taps);
        ok = in && quantise_conv(l->pack, weights, a->bias, a->out_channels, k, in, out, stage);
    }
    l->pack->failed |= !ok;
}

void lowering_quantise_edges(const struct lowering *l, const struct node *node, struct stage *stage) {
    const struct node_quant *quants = l->quants, *out = &quants[node - l->graph->nodes];
    if (node->op == OP_RESIZE) {
        const struct node_quant *in = &quants[node->inputs[0]];
        stage->in_scale = in->scale / out->scale;
        stage->in_offset = (float)out->zero - (float)in->zero * stage->in_scale;
    }
    if (node->has_addend) {
        const struct node_quant *addend = &quants[node->inputs[node->num_inputs - 1]];
        stage->addend_scale = addend->scale / out->scale;
        stage->addend_offset = -(float)addend->zero * stage->addend_scale;
    }
    if (node->has_clamp) {
        stage->low = node->low / out->scale + (float)out->zero;
        /* Steps of each channel end where the clamp does, or before. */
        stage->high = out->channels ? INFINITY : node->high / out->scale + (float)out->zero;
    }
}
