/* Convolution rows by AVX2 and FMA: tiles of up to 6 pixels x 16 channels in 12 accumulators. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx2.h"

#include "kernels/conv_bias.h"

#define TILE 6
#define INPUT ELEM_F32

/* Sums and bias of one tile; `rows` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void sum_tile(const struct conv_args *p, const struct block *block, int m0,
                                                           int n0, const int rows, vec sum[TILE][2]) {
    const float *w = (const float *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    start_sums(block, rows, sum);
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

#include "kernels/conv_tiles.h"

void conv_f32_avx2(const struct conv_args *p) { conv_tiles(p); }
