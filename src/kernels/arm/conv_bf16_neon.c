/* bfloat16 convolution rows by AArch64 NEON, without its BF16 instructions: values become the floats they are the upper
 * halves of, by shifts. Tiles of up to 8 pixels x 8 channels in 16 accumulators. */
#include <string.h>

#include "kernels/arm/kernels_arm.h"
#include "kernels/arm/vec_neon.h"

#include "kernels/conv_bias.h"

#define TILE 8
#define INPUT ELEM_BF16

/* The two values of each pair: the one at the lower address lies in the lower half. */
static inline vec pair_first(uint32x4_t pairs) { return vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16)); }
static inline vec pair_second(uint32x4_t pairs) {
    return vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff0000)));
}

/* Four pairs of weights: those of 4 channels. */
static inline uint32x4_t load_pairs(const uint16_t *w) { return vreinterpretq_u32_u16(vld1q_u16(w)); }

/* One pair of values, in both halves. */
static inline uint16x4_t load_pair(const uint16_t *a) {
    uint32_t pair;
    memcpy(&pair, a, sizeof(pair));
    return vreinterpret_u16_u32(vdup_n_u32(pair));
}

/* Two neighbouring k: w has their weights for the 8 channels, a[i] their values in `lane` and the lane after it.
 * `lane` is a constant where this is inlined. */
#define SUM_PAIR(lane)                                                                                                 \
    {                                                                                                                  \
        const uint32x4_t w0 = load_pairs(w + (lane)*KERNEL_BLOCK), w1 = load_pairs(w + (lane)*KERNEL_BLOCK + 8);       \
        const vec first0 = pair_first(w0), first1 = pair_first(w1);                                                    \
        const vec second0 = pair_second(w0), second1 = pair_second(w1);                                                \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {                                                       \
            sum[i][0] = vfmaq_laneq_f32(sum[i][0], first0, a[i], lane);                                                \
            sum[i][1] = vfmaq_laneq_f32(sum[i][1], first1, a[i], lane);                                                \
        }                                                                                                              \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {                                                       \
            sum[i][0] = vfmaq_laneq_f32(sum[i][0], second0, a[i], lane + 1);                                           \
            sum[i][1] = vfmaq_laneq_f32(sum[i][1], second1, a[i], lane + 1);                                           \
        }                                                                                                              \
    }

/* Sums and bias of one tile; `rows` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void sum_tile(const struct conv_args *p, const struct block *block, int m0,
                                                           int n0, const int rows, vec sum[TILE][2]) {
    const uint16_t *w = (const uint16_t *)p->weights + n0 / KERNEL_BLOCK * p->block_stride + 2 * (n0 % KERNEL_BLOCK);
    start_sums(block, rows, sum);
    for (int s = 0; s < p->num_segments; s++) {
        const ptrdiff_t stride = p->segments[s].pixel_stride;
        const uint16_t *in = (const uint16_t *)p->segments[s].a + m0 * stride;
        const int length = p->segments[s].length;
        vec a[TILE];
        int k = 0;
        for (; k + 4 <= length; k += 4, w += 4 * KERNEL_BLOCK) {
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                a[i] = bf16_widen(vld1_u16(in + i * stride + k));
            }
            SUM_PAIR(0)
            SUM_PAIR(2)
        }
        if (k < length) {
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                a[i] = bf16_widen(load_pair(in + i * stride + k));
            }
            SUM_PAIR(0)
            w += 2 * KERNEL_BLOCK;
        }
    }
}

#include "kernels/conv_tiles.h"

void conv_bf16_neon(const struct conv_args *p) { conv_tiles(p); }
