/* Quantised convolution rows by AArch64 NEON, for a file each with and without its dot product. Included behind
 * vec_neon.h and behind
 *
 *   values       the type of QUADS times four neighbouring k of one pixel; load_values(in), and load_one_quad(in) for
 *                the first four alone
 *   SUM_QUAD(q)  four neighbouring k: w has their weights for 8 channels, a[i] their values as its quad q (a
 *                constant), sum[i][0..1] is of int32
 *   start_at(p, w, start)   where the sums of 8 channels start, whose weights begin at w
 *
 * Tiles are of up to 8 pixels x 8 channels, in 16 accumulators beside the values of 8 pixels. */

#define TILE 8
#define INPUT ELEM_U8

struct block {
    vec multiplier[2], bias[2];
    int32x4_t start[2];
};

/* The weights of the half block of channels n0 ... */
static inline const int8_t *weights_at(const struct conv_args *p, int n0) {
    return (const int8_t *)p->weights + n0 / KERNEL_BLOCK * p->block_stride + 4 * (n0 % KERNEL_BLOCK);
}

static inline struct block block_at(const struct conv_args *p, int n0) {
    struct block block;
    for (int v = 0; v < 2; v++) {
        block.multiplier[v] = vec_load(p->multiplier + n0 + VEC_LANES * v);
        block.bias[v] = p->bias ? vec_load(p->bias + n0 + VEC_LANES * v) : vec_set(0.0F);
    }
    start_at(p, weights_at(p, n0), block.start);
    return block;
}

/* Sums and bias of one tile; `rows` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void sum_tile(const struct conv_args *p, const struct block *block, int m0,
                                                           int n0, const int rows, vec out[TILE][2]) {
    const int8_t *w = weights_at(p, n0);
    int32x4_t sum[TILE][2];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        sum[i][0] = block->start[0];
        sum[i][1] = block->start[1];
    }
    for (int s = 0; s < p->num_segments; s++) {
        const ptrdiff_t stride = p->segments[s].pixel_stride;
        const uint8_t *in = (const uint8_t *)p->segments[s].a + m0 * stride;
        const int length = p->segments[s].length;
        values a[TILE];
        int k = 0;
        for (; k + 4 * QUADS <= length; k += 4 * QUADS) {
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                a[i] = load_values(in + i * stride + k);
            }
            SUM_QUAD(0)
            SUM_QUAD(1)
#if QUADS > 2
            SUM_QUAD(2)
            SUM_QUAD(3)
#endif
        }
        for (; k < length; k += 4) {
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                a[i] = load_one_quad(in + i * stride + k);
            }
            SUM_QUAD(0)
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        out[i][0] = vec_fma(vcvtq_f32_s32(sum[i][0]), block->multiplier[0], block->bias[0]);
        out[i][1] = vec_fma(vcvtq_f32_s32(sum[i][1]), block->multiplier[1], block->bias[1]);
    }
}

#include "kernels/conv_tiles.h"
