/* Float32 numbers as sums of two or three bfloat16 ones, for processors that multiply bfloat16 many times faster.
 *
 * Three parts are exact: cutting off bits instead of rounding, each takes the next 8 of the 24 bits. Of the nine
 * products of two split numbers six are summed, in float32; those left out are below 2^-23 of the whole. Only numbers
 * below 2^-110 lose bits, and infinities become NaN.
 *
 * Two parts are rounded to nearest, so that errors fall to both sides; what they leave is up to 2^-17, and three
 * products are summed, all but that of the lower parts, which is up to 2^-16 of the whole. Numbers that round to
 * infinity become NaN, too; on AMX those above 2^112 do. */
#ifndef FSCNN_KERNELS_SPLIT_H
#define FSCNN_KERNELS_SPLIT_H

#include <stddef.h>
#include <stdint.h>

enum { SPLIT_MOST_PARTS = 3, SPLIT_PIXELS = 32, SPLIT_MULTIPLE = 32 };

/* Packed weights f32 [blocks, k, 16] to bf16 [blocks, k / 2, parts, 16, 2], of each pair the upper parts first. Pair i
 * of the 16 among 32 neighbouring k has those at i and 16 + i: so pairs of values are made without permuting. k is a
 * multiple of SPLIT_MULTIPLE, parts are 2 or 3. */
void split_weights(const float *in, size_t blocks, size_t k, int parts, uint16_t *out);
static inline size_t split_weights_count(size_t blocks, size_t k, int parts) { return blocks * k * (size_t)parts * 16; }

/* What a convolution of split weights needs in args->scratch: for two times 32 pixels. */
static inline size_t split_scratch_bytes(size_t k) {
    return 2 * k * SPLIT_MOST_PARTS * SPLIT_PIXELS * sizeof(uint16_t);
}

/* The upper part of a number that is cut into `parts` from here on; *rest becomes what is left of it. */
static inline uint16_t split_next(float *rest, int parts) {
    union {
        float value;
        uint32_t bits;
    } part = {*rest};
    if (parts == 2 && part.value == part.value) { /* a NaN of all bits would be rounded to 0 */
        part.bits += 0x8000U;
    }
    part.bits &= 0xffff0000U;
    *rest -= part.value;
    return (uint16_t)(part.bits >> 16);
}

#endif
