/* Convolution rows by AArch64 NEON: tiles of up to 8 pixels x 8 channels in 16 accumulators; four k of each pixel are
 * loaded at once and multiplied lane by lane. */
#include "kernels/arm/kernels_arm.h"
#include "kernels/arm/vec_neon.h"

#include "kernels/conv_bias.h"

#define TILE 8
#define INPUT ELEM_F32

/* One k: w has its weights for the 8 channels. `lane` is a constant where this is inlined. */
#define SUM_LANE(lane)                                                                                                 \
    {                                                                                                                  \
        const vec b0 = vec_load(w + (lane)*KERNEL_BLOCK), b1 = vec_load(w + (lane)*KERNEL_BLOCK + 4);                  \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {                                                       \
            sum[i][0] = vfmaq_laneq_f32(sum[i][0], b0, a[i], lane);                                                    \
            sum[i][1] = vfmaq_laneq_f32(sum[i][1], b1, a[i], lane);                                                    \
        }                                                                                                              \
    }

/* Sums and bias of one tile; `rows` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void sum_tile(const struct conv_args *p, const struct block *block, int m0,
                                                           int n0, const int rows, vec sum[TILE][2]) {
    const float *w = (const float *)p->weights + n0 / KERNEL_BLOCK * p->block_stride + n0 % KERNEL_BLOCK;
    start_sums(block, rows, sum);
    for (int s = 0; s < p->num_segments; s++) {
        const ptrdiff_t stride = p->segments[s].pixel_stride;
        const float *in = (const float *)p->segments[s].a + m0 * stride;
        const int length = p->segments[s].length;
        int k = 0;
        for (; k + 4 <= length; k += 4, w += 4 * KERNEL_BLOCK) {
            vec a[TILE];
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                a[i] = vec_load(in + i * stride + k);
            }
            SUM_LANE(0)
            SUM_LANE(1)
            SUM_LANE(2)
            SUM_LANE(3)
        }
        for (; k < length; k++, w += KERNEL_BLOCK) {
            const vec b0 = vec_load(w), b1 = vec_load(w + 4);
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                const vec a = vld1q_dup_f32(in + i * stride + k);
                sum[i][0] = vec_fma(a, b0, sum[i][0]);
                sum[i][1] = vec_fma(a, b1, sum[i][1]);
            }
        }
    }
}

#include "kernels/conv_tiles.h"

void conv_f32_neon(const struct conv_args *p) { conv_tiles(p); }
