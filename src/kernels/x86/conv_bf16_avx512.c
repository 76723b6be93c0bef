/* bfloat16 convolution rows by AVX-512 BF16: vdpbf16ps multiplies pairs of K and sums in float32; tiles of up to
 * 12 pixels x 32 channels, 9 x 48 or 6 x 64 in registers. */
#include <immintrin.h>
#include <string.h>

#include "kernels/x86/bf16_avx512.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum { TILE = 12 };

/* A pair of neighbouring k of one pixel, in every lane. */
static inline __m512bh broadcast_pair(const uint16_t *a) {
    int32_t pair;
    memcpy(&pair, a, sizeof(pair));
    return (__m512bh)_mm512_set1_epi32(pair);
}

static inline __attribute__((always_inline)) void store_row(const struct conv_args *p, ptrdiff_t m, int n0,
                                                            const __m512 *sum, const int vectors, __mmask16 last_mask) {
    const __m512 low = _mm512_set1_ps(p->low), high = _mm512_set1_ps(p->high);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        __mmask16 mask = v == vectors - 1 ? last_mask : (__mmask16)0xffff;
        ptrdiff_t at = m * p->out_stride + n0 + 16 * v, added = m * p->addend_stride + n0 + 16 * v;
        __m512 value = sum[v];
        if (p->out_type == ELEM_F32) {
            if (p->addend) {
                value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, (const float *)p->addend + added));
            }
            value = _mm512_min_ps(high, _mm512_max_ps(low, value));
            vec_store_f32((float *)p->out + at, mask, value);
        } else {
            if (p->addend) {
                value = _mm512_add_ps(value, load_bf16(mask, (const uint16_t *)p->addend + added));
            }
            value = _mm512_min_ps(high, _mm512_max_ps(low, value));
            store_bf16((uint16_t *)p->out + at, mask, value);
        }
    }
}

static inline __attribute__((always_inline)) void tile(const struct conv_args *p, int m0, int n0, const int rows,
                                                       const int vectors, __mmask16 last_mask) {
    const uint16_t *w0 = (const uint16_t *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    const uint16_t *w1 = w0 + p->block_stride, *w2 = w1 + p->block_stride, *w3 = w2 + p->block_stride;
    __m512 sum[TILE][4];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        __m512 bias = p->bias ? _mm512_loadu_ps(p->bias + n0 + 16 * v) : _mm512_setzero_ps();
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            sum[i][v] = bias;
        }
    }
    for (int s = 0; s < p->num_segments; s++) {
        ptrdiff_t stride = p->segments[s].pixel_stride;
        const uint16_t *a0 = (const uint16_t *)p->segments[s].a + m0 * stride;
        const uint16_t *a3 = a0 + 3 * stride, *a6 = a3 + 3 * stride, *a9 = a6 + 3 * stride;
        const uint16_t *base[4] = {a0, a3, a6, a9};
        int length = p->segments[s].length;
        for (int k = 0; k < length; k += 2) {
            const uint16_t *const w[4] = {w0, w1, w2, w3};
            __m512bh b[4];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                b[v] = (__m512bh)_mm512_loadu_si512(w[v]);
            }
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                __m512bh a = broadcast_pair(base[i / 3] + i % 3 * stride + k);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) {
                    sum[i][v] = _mm512_dpbf16_ps(sum[i][v], a, b[v]);
                }
            }
            w0 += 2 * KERNEL_BLOCK;
            w1 += 2 * KERNEL_BLOCK;
            w2 += 2 * KERNEL_BLOCK;
            w3 += 2 * KERNEL_BLOCK;
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            __asm__("" : "+v"(sum[i][v])); /* keeps gcc from copying the sums about in the loop above */
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        store_row(p, m0 + i, n0, sum[i], vectors, last_mask);
    }
}

#include "kernels/x86/conv_tiles_avx512.h"

void conv_bf16_avx512(const struct conv_args *p) { conv_tiles(p); }
