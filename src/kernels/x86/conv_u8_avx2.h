/* Quantised convolution rows in vectors of 256 bits, for a file each that has AVX2 and that has AVX-VNNI. Included
 * behind vec_avx2.h and behind
 *
 *   TILE            how many pixels a tile has at most, as a macro
 *   struct quads    four neighbouring k of one pixel, for every lane; quads_of(bytes)
 *   struct weights  the same of weights, of a channel for each lane; weights_of(bytes)
 *   dot(sum, quads, weights)   sum, of int32, and the four products of each lane */

#define INPUT ELEM_U8

/* What turns the sums into outputs. */
struct block {
    vec multiplier[2], bias[2];
};

static inline struct block block_at(const struct conv_args *p, int n0) {
    struct block block;
    for (int v = 0; v < 2; v++) {
        block.multiplier[v] = vec_load(p->multiplier + n0 + VEC_LANES * v);
        block.bias[v] = p->bias ? vec_load(p->bias + n0 + VEC_LANES * v) : vec_set(0.0F);
    }
    return block;
}

static inline __m256i broadcast_quad(const uint8_t *a) {
    int32_t quad;
    memcpy(&quad, a, sizeof(quad));
    return _mm256_set1_epi32(quad);
}

static inline __m256i load_bytes(const int8_t *w) { return _mm256_loadu_si256((const __m256i *)(const void *)w); }

/* Sums and bias of one tile; `rows` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void sum_tile(const struct conv_args *p, const struct block *block, int m0,
                                                           int n0, const int rows, vec out[TILE][2]) {
    const int8_t *w = (const int8_t *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    __m256i sum[TILE][2];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        sum[i][0] = sum[i][1] = _mm256_setzero_si256();
    }
    for (int s = 0; s < p->num_segments; s++) {
        const ptrdiff_t stride = p->segments[s].pixel_stride;
        const uint8_t *a0 = (const uint8_t *)p->segments[s].a + m0 * stride, *a3 = a0 + 3 * stride;
        const int length = p->segments[s].length;
        for (int k = 0; k < length; k += 4, w += 4 * KERNEL_BLOCK) {
            const struct weights w0 = weights_of(load_bytes(w)), w1 = weights_of(load_bytes(w + 32));
#pragma GCC unroll 6
            for (int i = 0; i < rows; i++) {
                const struct quads a = quads_of(broadcast_quad((i < 3 ? a0 : a3) + i % 3 * stride + k));
                sum[i][0] = dot(sum[i][0], a, w0);
                sum[i][1] = dot(sum[i][1], a, w1);
            }
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        __asm__("" : "+x"(sum[i][0]), "+x"(sum[i][1])); /* keeps gcc from copying the sums about in the loop above */
        out[i][0] = vec_fma(_mm256_cvtepi32_ps(sum[i][0]), block->multiplier[0], block->bias[0]);
        out[i][1] = vec_fma(_mm256_cvtepi32_ps(sum[i][1]), block->multiplier[1], block->bias[1]);
    }
}

#include "kernels/conv_tiles.h"
