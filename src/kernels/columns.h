/* The first convolution of a float32 network on a picture's bytes, for processors that multiply bfloat16 many times
 * faster: 3x3, stride 2, RGB.
 *
 * A whole number up to 255 is a bfloat16 number as it is, so only the weights need three parts (kernels/split.h); what
 * normalising does is put into them and the bias. The bytes that a column of three rows has lie together,
 * [row][channel]: those of the three columns that an output pixel needs are one run of K, and an output's begins two
 * columns behind its neighbour's. */
#ifndef FSCNN_KERNELS_COLUMNS_H
#define FSCNN_KERNELS_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

enum {
    COLUMN = 3 * 3,             /* values of a column */
    COLUMNS_K = 3 * COLUMN + 1, /* a whole number of pairs; the last one's weights are 0 */
    COLUMNS_PARTS = 3,
    COLUMNS_BLOCK = COLUMNS_PARTS * COLUMNS_K * 16 /* packed weights of 16 channels */
};

/* out[m, n] = clamp(bias[n] + sum over parts and k of a[2 * m * COLUMN + k] * w[n / 16, part, k / 2, n % 16, k % 2]) */
struct columns_args {
    int pixels, channels;
    const uint8_t *rows[3];  /* RGB, at the first tap of output 0 */
    int row_bytes;           /* at least those that the outputs need */
    const uint16_t *weights; /* bf16, ceil(channels / 16) blocks */
    const float *bias;       /* [ceil(channels / 16) * 16] */
    float low, high;
    float *out; /* [pixels, channels] */
    ptrdiff_t out_stride;
};

/* Packed weights f32 [blocks, 3 * 3 * 3, 16] of normalised pixels, and their bias [blocks, 16], to those of bytes; the
 * smallest parts come first. */
void columns_weights(const float *in, const float *bias, size_t blocks, uint16_t *out, float *out_bias);

#endif
