/* bfloat16 convolution rows by AVX2 and FMA: pairs of neighbouring k, split into the floats they are the upper halves
 * of; tiles of up to 6 pixels x 16 channels in 12 accumulators. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx2.h"

#include "kernels/conv_bias.h"

#define TILE 6
#define INPUT ELEM_BF16

/* The two values of the pair in every lane: the one at the lower address lies in the lower half. */
static inline vec pair_first(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
static inline vec pair_second(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000)));
}

static inline __m256i broadcast_pair(const uint16_t *a) {
    int32_t pair;
    memcpy(&pair, a, sizeof(pair));
    return _mm256_set1_epi32(pair);
}

/* Sums and bias of one tile; `rows` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void sum_tile(const struct conv_args *p, const struct block *block, int m0,
                                                           int n0, const int rows, vec sum[TILE][2]) {
    const uint16_t *w = (const uint16_t *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    start_sums(block, rows, sum);
    for (int s = 0; s < p->num_segments; s++) {
        ptrdiff_t stride = p->segments[s].pixel_stride;
        const uint16_t *a0 = (const uint16_t *)p->segments[s].a + m0 * stride, *a3 = a0 + 3 * stride;
        int length = p->segments[s].length;
        for (int k = 0; k < length; k += 2, w += 2 * KERNEL_BLOCK) {
            const __m256i b0 = _mm256_loadu_si256((const __m256i *)(const void *)w);
            const __m256i b1 = _mm256_loadu_si256((const __m256i *)(const void *)(w + 16));
            const vec first0 = pair_first(b0), second0 = pair_second(b0);
            const vec first1 = pair_first(b1), second1 = pair_second(b1);
#pragma GCC unroll 6
            for (int i = 0; i < rows; i++) {
                const __m256i pair = broadcast_pair((i < 3 ? a0 : a3) + i % 3 * stride + k);
                const vec a = pair_first(pair);
                sum[i][0] = vec_fma(a, first0, sum[i][0]);
                sum[i][1] = vec_fma(a, first1, sum[i][1]);
                const vec b = pair_second(pair);
                sum[i][0] = vec_fma(b, second0, sum[i][0]);
                sum[i][1] = vec_fma(b, second1, sum[i][1]);
            }
        }
    }
}

#include "kernels/conv_tiles.h"

void conv_bf16_avx2(const struct conv_args *p) { conv_tiles(p); }
