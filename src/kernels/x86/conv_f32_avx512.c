/* Convolution rows by AVX-512: tiles of up to 12 pixels x 32 channels, 9 x 48 or 6 x 64 in registers. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum { TILE = 12 };

/* One tile: `rows` pixels from m0 on, `vectors` registers of 16 channels from n0 on. Both are constants where this is
 * inlined, so that the accumulators stay in registers. */
static inline __attribute__((always_inline)) void tile(const struct conv_args *p, int m0, int n0, const int rows,
                                                       const int vectors, __mmask16 last_mask) {
    const float *w0 = (const float *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    const float *w1 = w0 + p->block_stride, *w2 = w1 + p->block_stride, *w3 = w2 + p->block_stride;
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
        const float *a0 = (const float *)p->segments[s].a + m0 * stride;
        /* Few base registers: rows are addressed as base + {0, 1, 2} * stride. */
        const float *a3 = a0 + 3 * stride, *a6 = a3 + 3 * stride, *a9 = a6 + 3 * stride;
        const float *base[4] = {a0, a3, a6, a9};
        int length = p->segments[s].length;
        for (int k = 0; k < length; k++) {
            const float *const w[4] = {w0, w1, w2, w3};
            __m512 b[4];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                b[v] = _mm512_loadu_ps(w[v]);
            }
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                __m512 a = _mm512_set1_ps(base[i / 3][i % 3 * stride + k]);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) {
                    sum[i][v] = _mm512_fmadd_ps(a, b[v], sum[i][v]);
                }
            }
            w0 += KERNEL_BLOCK;
            w1 += KERNEL_BLOCK;
            w2 += KERNEL_BLOCK;
            w3 += KERNEL_BLOCK;
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        __mmask16 mask = v == vectors - 1 ? last_mask : (__mmask16)0xffff;
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            __m512 value = sum[i][v];
            if (p->addend) {
                const float *r = (const float *)p->addend + (m0 + i) * p->addend_stride + n0 + 16 * v;
                value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, r));
            }
            _mm512_mask_storeu_ps((float *)p->out + (m0 + i) * p->out_stride + n0 + 16 * v, mask,
                                  vec_clamp(value, p->low, p->high));
        }
    }
}

#include "kernels/x86/conv_tiles_avx512.h"

void conv_f32_avx512(const struct conv_args *p) { conv_tiles(p); }
