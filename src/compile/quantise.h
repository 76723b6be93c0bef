/* Quantised weights and activations. */
#ifndef FSCNN_COMPILE_QUANTISE_H
#define FSCNN_COMPILE_QUANTISE_H

#include "compile/compile.h"

/* What a node's quantised values mean: real = scale * (q - zero), and channels[c] instead of scale if there are any. */
struct node_quant {
    float scale;
    int32_t zero;
    const float *channels; /* [c] or NULL */
    const double *mean;    /* [c] or NULL */
};

/* One position of K: what an input value means there. zero need not be whole (the mean of the image's channels). */
struct quant_k {
    float scale, zero;
    double mean; /* of the real value */
};

/* Steps that cover low..high and 0. */
struct quant quant_of_range(float low, float high);
/* Means have the steps of the values that they are of. */
void quants_of_pools(const struct graph *graph, struct quant *quants);

/* Packs weights [channels, k] for inputs that mean in[k], and the multiplier and bias that give outputs in steps of
 * `out` (NULL: in float32); sets the stage's weights, multiplier and bias. False when out of memory. */
bool quantise_conv(struct pack *pack, const float *weights, const float *bias, int channels, size_t k,
                   const struct quant_k *in, const struct node_quant *out, struct stage *stage);
/* The same for weights [channels, kh, kw] of a depthwise convolution. */
bool quantise_depthwise(struct pack *pack, const float *weights, const float *bias, int channels, int kh, int kw,
                        const struct node_quant *in, const struct node_quant *out, struct stage *stage);

#endif
