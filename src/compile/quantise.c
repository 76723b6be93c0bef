/* From float32 to uint8 activations and int8 weights.
 *
 * An activation is real = scale * (q - zero), q in 0..255; what cannot be negative has zero = 0. Weights are symmetric,
 * one scale for each output channel. A convolution then computes
 *   sum over k of s_k * (q_k - z_k) * w[n, k]  =  t[n] * (sum over k of q_k * W[n, k]  -  sum over k of z_k * W[n, k])
 * with W[n, k] = round(s_k * w[n, k] / t[n]) in -127..127: one integer sum, and a float multiplier and bias a channel.
 */
#include "compile/quantise.h"

#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

struct quant quant_of_range(float low, float high) {
    low = low < 0 ? low : 0; /* 0 is always exact: padding and inactive units are many */
    high = high > 0 ? high : 0;
    float scale = (high - low) / 255.0F;
    if (!(scale > 1e-20F)) {
        return (struct quant){1.0F, 0, NULL, NULL};
    }
    return (struct quant){scale, (int32_t)lroundf(-low / scale), NULL, NULL};
}

void quants_of_pools(const struct graph *graph, struct quant *quants) {
    int order[GRAPH_MAX_NODES], count = 0;
    if (graph_order(graph, order, &count, NULL) != FSCNN_OK) {
        return;
    }
    for (int i = 0; i < count; i++) {
        if (graph->nodes[order[i]].op == OP_POOL) {
            quants[order[i]] = quants[graph->nodes[order[i]].inputs[0]];
        }
    }
}

static float scale_of(const struct node_quant *q, size_t channel) {
    return q->channels ? q->channels[channel] : q->scale;
}

/* t[n] and W[n, 0 .. k) of one output channel. */
static float quantise_channel(const float *weights, const struct quant_k *in, size_t k, int8_t *out) {
    float most = 0;
    for (size_t i = 0; i < k; i++) {
        float w = fabsf(weights[i] * in[i].scale);
        most = w > most ? w : most;
    }
    float t = most > 1e-30F ? most / 127.0F : 1.0F;
    for (size_t i = 0; i < k; i++) {
        out[i] = (int8_t)lroundf(weights[i] * in[i].scale / t);
    }
    return t;
}

/* Multiplier and bias that turn the integer sum of channel n into the output's own steps. What rounding the weights
 * changes in the mean is taken off the bias. */
static void finish_channel(const int8_t *w, const float *weights, const struct quant_k *in, size_t k, float t,
                           float bias, const struct node_quant *out, size_t n, float *multiplier, float *offset) {
    double zeros = 0, drift = 0;
    for (size_t i = 0; i < k; i++) {
        zeros += (double)in[i].zero * w[i];
        if (in[i].scale > 0) {
            drift += in[i].mean * ((double)t * w[i] / (double)in[i].scale - (double)weights[i]);
        }
    }
    double scale = out ? scale_of(out, n) : 1.0, zero = out ? out->zero : 0;
    *multiplier = (float)(t / scale);
    *offset = (float)(((double)bias - drift - (double)t * zeros) / scale + zero);
}

bool quantise_conv(struct pack *pack, const float *weights, const float *bias, int channels, size_t k,
                   const struct quant_k *in, const struct node_quant *out, struct stage *stage) {
    struct arena arena = {0};
    size_t blocks = plan_blocks(channels), padded = blocks * PLAN_BLOCK;
    int8_t *w = arena_alloc(&arena, padded * k, 1);
    float *multiplier = arena_alloc(&arena, padded, sizeof(float)),
          *offset = arena_alloc(&arena, padded, sizeof(float));
    if (!w || !multiplier || !offset) {
        arena_free(&arena);
        return false;
    }
    for (size_t n = 0; n < (size_t)channels; n++) {
        float t = quantise_channel(weights + n * k, in, k, w + n * k);
        finish_channel(w + n * k, weights + n * k, in, k, t, bias ? bias[n] : 0.0F, out, n, &multiplier[n], &offset[n]);
    }
    stage->weights = pack_quads(pack, w, channels, k);
    stage->multiplier = pack_bias(pack, multiplier, channels);
    stage->bias = pack_bias(pack, offset, channels);
    arena_free(&arena);
    return true;
}

bool quantise_depthwise(struct pack *pack, const float *weights, const float *bias, int channels, int kh, int kw,
                        const struct node_quant *in, const struct node_quant *out, struct stage *stage) {
    struct arena arena = {0};
    size_t taps = (size_t)kh * (size_t)kw, padded = plan_blocks(channels) * PLAN_BLOCK;
    struct quant_k *each = arena_alloc(&arena, taps, sizeof(*each));
    int8_t *w = arena_alloc(&arena, padded * taps, 1);
    float *multiplier = arena_alloc(&arena, padded, sizeof(float)),
          *offset = arena_alloc(&arena, padded, sizeof(float));
    if (!each || !w || !multiplier || !offset) {
        arena_free(&arena);
        return false;
    }
    for (size_t c = 0; c < (size_t)channels; c++) {
        for (size_t i = 0; i < taps; i++) {
            each[i] = (struct quant_k){scale_of(in, c), (float)in->zero, in->mean ? in->mean[c] : 0};
        }
        float t = quantise_channel(weights + c * taps, each, taps, w + c * taps);
        finish_channel(w + c * taps, weights + c * taps, each, taps, t, bias ? bias[c] : 0.0F, out, c, &multiplier[c],
                       &offset[c]);
    }
    stage->weights = pack_depthwise_quads(pack, w, channels, kh, kw);
    stage->multiplier = pack_bias(pack, multiplier, channels);
    stage->bias = pack_bias(pack, offset, channels);
    arena_free(&arena);
    return true;
}
