/* Convolution rows by AVX2 and FMA: tiles of up to 6 pixels x 16 channels in 12 accumulators. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx2.h"

enum { TILE = 6, INPUT = ELEM_F32 };

/* Sums and bias of one tile: `rows` pixels (a constant where this is inlined) from m0 on, the 16 channels from n0 on.
 */
static inline __attribute__((always_inline)) void sum_tile(const struct conv_args *p, int m0, int n0, const int rows,
                                                           vec sum[TILE][2]) {
    const float *w = (const float *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    for (int v = 0; v < 2; v++) {
        vec bias = p->bias ? vec_load(p->bias + n0 + 8 * v) : vec_set(0.0F);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            sum[i][v] = bias;
        }
    }
    for (int s = 0; s < p->num_segments; s++) {
        ptrdiff_t stride = p->segments[s].pixel_stride;
        const float *a0 = (const float *)p->segments[s].a + m0 * stride, *a3 = a0 + 3 * stride;
        int length = p->segments[s].length;
        for (int k = 0; k < length; k++, w += KERNEL_BLOCK) {
            vec b0 = vec_load(w), b1 = vec_load(w + 8);
#pragma GCC unroll 6
            for (int i = 0; i < rows; i++) {
                vec a = _mm256_broadcast_ss((i < 3 ? a0 : a3) + i % 3 * stride + k);
                sum[i][0] = vec_fma(a, b0, sum[i][0]);
                sum[i][1] = vec_fma(a, b1, sum[i][1]);
            }
        }
    }
}

#include "kernels/x86/conv_tiles_avx2.h"

void conv_f32_avx2(const struct conv_args *p) { conv_tiles(p); }
