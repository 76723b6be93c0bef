/* Quantised convolution rows by AVX-512 VNNI: vpdpbusd multiplies four neighbouring k, uint8 by int8, and sums in
 * int32; tiles of up to 12 pixels x 32 channels, 9 x 48 or 6 x 64 in registers. */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum { TILE = 12 };

/* Four neighbouring k of one pixel, in every lane. */
static inline __m512i broadcast_quad(const uint8_t *a) {
    int32_t quad;
    memcpy(&quad, a, sizeof(quad));
    return _mm512_set1_epi32(quad);
}

/* What the sums of 16 channels need to become outputs. */
struct finish {
    __m512 multiplier, bias;
    __mmask16 mask;
};

static inline struct finish finish_at(const struct conv_args *p, int n, __mmask16 mask) {
    return (struct finish){_mm512_loadu_ps(p->multiplier + n),
                           p->bias ? _mm512_loadu_ps(p->bias + n) : _mm512_setzero_ps(), mask};
}

static inline __attribute__((always_inline)) __m512 value_u8(const struct conv_args *p, const bool adds, ptrdiff_t m,
                                                             int n, __m512i sum, const struct finish *f) {
    const __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), f->multiplier, f->bias);
    if (!adds) {
        return value;
    }
    const __m128i bytes = vec_load_u8((const uint8_t *)p->addend + m * p->addend_stride + n, f->mask);
    const __m512 addend = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
    return _mm512_add_ps(value,
                         _mm512_fmadd_ps(addend, _mm512_set1_ps(p->addend_scale), _mm512_set1_ps(p->addend_offset)));
}

static inline __attribute__((always_inline)) void store_sums(const struct conv_args *p, const int out_type, ptrdiff_t m,
                                                             int n, __m512i sum, const struct finish *f) {
    if (out_type == ELEM_U8) {
        const __m512i whole =
            vec_round_u8(value_u8(p, p->addend != NULL, m, n, sum, f), vec_bound_u8(p->low), vec_bound_u8(p->high));
        vec_store_u8((uint8_t *)p->out + m * p->out_stride + n, f->mask, whole);
        return;
    }
    __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), f->multiplier, f->bias);
    if (p->addend) {
        value =
            _mm512_add_ps(value, _mm512_maskz_loadu_ps(f->mask, (const float *)p->addend + m * p->addend_stride + n));
    }
    vec_store_f32((float *)p->out + m * p->out_stride + n, f->mask, vec_clamp(value, p->low, p->high));
}

/* Whole blocks of channels: packed to 64, 48 or (two pixels) 2 x 32 bytes at a time. */
static inline __attribute__((always_inline)) void store_bytes(const struct conv_args *p, const bool adds, int m0,
                                                              int n0, const int rows, const int vectors,
                                                              __m512i sum[TILE][4]) {
    const struct conv_args args = *p; /* bytes written could alias the original */
    const __m512i low = vec_bound_bytes(args.low), high = vec_bound_bytes(args.high);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        const struct finish f = finish_at(&args, n0 + 16 * v, 0xffff);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            sum[i][v] = vec_whole_u8(value_u8(&args, adds, m0 + i, n0 + 16 * v, sum[i][v], &f));
        }
    }
    const ptrdiff_t stride = args.out_stride;
    uint8_t *out = (uint8_t *)args.out + m0 * stride + n0;
    const int step = vectors == 2 ? 2 : 1;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i += step, out += step * stride) {
        const __m512i *s = sum[i], *next = sum[i + 1 < rows ? i + 1 : i];
        const __m512i packed = vec_pack_u8(s[0], s[1], vectors == 2 ? next[0] : s[2],
                                           vectors == 2   ? next[1]
                                           : vectors == 3 ? s[2]
                                                          : s[3]);
        const __m512i bytes = _mm512_min_epu8(high, _mm512_max_epu8(low, packed));
        if (vectors == 4) {
            _mm512_storeu_si512(out, bytes);
            continue;
        }
        _mm256_storeu_si256((__m256i *)(void *)out, _mm512_castsi512_si256(bytes));
        if (vectors == 3) {
            _mm_storeu_si128((__m128i *)(void *)(out + 32), _mm512_extracti32x4_epi32(bytes, 2));
        } else if (i + 1 < rows) {
            _mm256_storeu_si256((__m256i *)(void *)(out + stride), _mm512_extracti64x4_epi64(bytes, 1));
        }
    }
}

static inline __attribute__((always_inline)) void tile(const struct conv_args *p, int m0, int n0, const int rows,
                                                       const int vectors, __mmask16 last_mask) {
    const int8_t *w0 = (const int8_t *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    const int8_t *w1 = w0 + p->block_stride, *w2 = w1 + p->block_stride, *w3 = w2 + p->block_stride;
    __m512i sum[TILE][4];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            sum[i][v] = _mm512_setzero_si512();
        }
    }
    for (int s = 0; s < p->num_segments; s++) {
        ptrdiff_t stride = p->segments[s].pixel_stride;
        const uint8_t *a0 = (const uint8_t *)p->segments[s].a + m0 * stride;
        const uint8_t *a3 = a0 + 3 * stride, *a6 = a3 + 3 * stride, *a9 = a6 + 3 * stride;
        const uint8_t *base[4] = {a0, a3, a6, a9};
        int length = p->segments[s].length;
        for (int k = 0; k < length; k += 4) {
            const int8_t *const w[4] = {w0, w1, w2, w3};
            __m512i b[4];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                b[v] = _mm512_loadu_si512(w[v]);
            }
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                __m512i a = broadcast_quad(base[i / 3] + i % 3 * stride + k);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; v++) {
                    sum[i][v] = _mm512_dpbusd_epi32(sum[i][v], a, b[v]);
                }
            }
            w0 += 4 * KERNEL_BLOCK;
            w1 += 4 * KERNEL_BLOCK;
            w2 += 4 * KERNEL_BLOCK;
            w3 += 4 * KERNEL_BLOCK;
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            __asm__("" : "+v"(sum[i][v])); /* keeps gcc from copying the sums about in the loop above */
        }
    }
    if (vectors > 1 && p->out_type == ELEM_U8 && last_mask == 0xffff) {
        if (p->addend) {
            store_bytes(p, true, m0, n0, rows, vectors, sum);
        } else {
            store_bytes(p, false, m0, n0, rows, vectors, sum);
        }
        return;
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        const int n = n0 + 16 * v;
        const struct finish f = finish_at(p, n, v == vectors - 1 ? last_mask : (__mmask16)0xffff);
        if (p->out_type == ELEM_F32) {
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                store_sums(p, ELEM_F32, m0 + i, n, sum[i][v], &f);
            }
        } else {
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                store_sums(p, ELEM_U8, m0 + i, n, sum[i][v], &f);
            }
        }
    }
}

#include "kernels/x86/conv_tiles_avx512.h"

void conv_u8_avx512vnni(const struct conv_args *p) { conv_tiles(p); }
