/* Float32 numbers as sums of three bfloat16 ones, for processors that multiply bfloat16 many times faster.
 *
 * Cutting off bits instead of rounding makes it exact: each part takes the next 8 of the 24 bits. Of the nine products
 * of two split numbers six are summed, in float32; those left out are below 2^-23 of the whole. Only numbers below
 * 2^-110 lose bits, and infinities become NaN. */
#ifndef FSCNN_KERNELS_SPLIT_H
#define FSCNN_KERNELS_SPLIT_H

#include <stddef.h>
#include <stdint.h>

enum { SPLIT_PARTS = 3, SPLIT_PIXELS = 32, SPLIT_MULTIPLE = 32 };

/* Packed weights f32 [blocks, k, 16] to bf16 [blocks, k / 2, 3, 16, 2], of each pair the upper, the middle and the
 * lower parts. Pair i of the 16 among 32 neighbouring k has those at i and 16 + i: so pairs of values are made without
 * permuting. k is a multiple of SPLIT_MULTIPLE. */
void split_weights(const float *in, size_t blocks, size_t k, uint16_t *out);
static inline size_t split_weights_count(size_t blocks, size_t k) { return blocks * k * SPLIT_PARTS * 16; }

/* What a convolution of split weights needs in args->scratch. */
static inline size_t split_scratch_bytes(size_t k) { return k * SPLIT_PARTS * SPLIT_PIXELS * sizeof(uint16_t); }

/* The next part of *rest, which becomes what is left of it. */
static inline uint16_t split_next(float *rest) {
    union {
        float value;
        uint32_t bits;
    } all = {*rest}, part = {.bits = all.bits & 0xffff0000U};
    *rest -= part.value;
    return (uint16_t)(part.bits >> 16);
}

#endif
