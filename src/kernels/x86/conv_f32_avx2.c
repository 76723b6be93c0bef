/* Convolution rows by AVX2 and FMA: tiles of up to 6 pixels x 16 channels in 12 accumulators. */
#include <immintrin.h>

#include "kernels/x86/kernels_x86.h"

enum { TILE = 6 };

/* Lanes below `count` of 8. */
static inline __m256i lane_mask(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}

/* One tile: `rows` pixels (a constant where this is inlined) from m0 on, the block of 16 channels from n0 on. */
static inline __attribute__((always_inline)) void tile(const struct conv_args *p, int m0, int n0, const int rows) {
    const float *w = (const float *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    __m256 sum[TILE][2];
    for (int v = 0; v < 2; v++) {
        __m256 bias = p->bias ? _mm256_loadu_ps(p->bias + n0 + 8 * v) : _mm256_setzero_ps();
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
            __m256 b0 = _mm256_loadu_ps(w), b1 = _mm256_loadu_ps(w + 8);
#pragma GCC unroll 6
            for (int i = 0; i < rows; i++) {
                __m256 a = _mm256_broadcast_ss((i < 3 ? a0 : a3) + i % 3 * stride + k);
                sum[i][0] = _mm256_fmadd_ps(a, b0, sum[i][0]);
                sum[i][1] = _mm256_fmadd_ps(a, b1, sum[i][1]);
            }
        }
    }
    const __m256 low = _mm256_set1_ps(p->low), high = _mm256_set1_ps(p->high);
    const bool full = p->channels - n0 >= KERNEL_BLOCK;
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) {
            __m256 value = sum[i][v];
            __m256i mask = full ? _mm256_set1_epi32(-1) : lane_mask(p->channels - n0 - 8 * v);
            if (p->addend) {
                const float *r = (const float *)p->addend + (m0 + i) * p->addend_stride + n0 + 8 * v;
                value = _mm256_add_ps(value, _mm256_maskload_ps(r, mask));
            }
            value = _mm256_min_ps(high, _mm256_max_ps(low, value));
            float *out = (float *)p->out + (m0 + i) * p->out_stride + n0 + 8 * v;
            if (full) {
                _mm256_storeu_ps(out, value);
            } else {
                _mm256_maskstore_ps(out, mask, value);
            }
        }
    }
}

typedef void tile_fn(const struct conv_args *p, int m0, int n0);

static void tile_1(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 1); }
static void tile_2(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 2); }
static void tile_3(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 3); }
static void tile_4(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 4); }
static void tile_5(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 5); }
static void tile_6(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 6); }

void conv_f32_avx2(const struct conv_args *p) {
    static tile_fn *const tiles[TILE] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};
    int count = (p->pixels + TILE - 1) / TILE; /* tiles of nearly one height rather than a small last one */
    for (int n0 = 0; n0 < p->channels; n0 += KERNEL_BLOCK) {
        for (int t = 0, m0 = 0; t < count; t++) {
            int m1 = (int)((int64_t)p->pixels * (t + 1) / count);
            tiles[m1 - m0 - 1](p, m0, n0);
            m0 = m1;
        }
    }
}
