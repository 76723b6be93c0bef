/* Quantised depthwise convolution by AVX-512 VNNI: vpdpbusd sums the (up to four) rows of one column, so that a lane
 * holds one channel's bytes of all rows. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum { CHANNELS = 64 };

/* Dealing bytes of rows to channels by unpacking works within lanes of 128 bits: register t of four holds the channels
 * 16 * l + 4 * t .. + 3 of the block in its lane l. Weights, multipliers and biases are put in the same order once, and
 * packing the sums to bytes restores the order of memory. */
struct block {
    __m512i weights[3][4];
    __m512 multiplier[4], bias[4];
    __m512i low, high;
    __mmask64 mask;
};

/* Register t of 64 dwords, of which `count` are there. */
static __m512i block_quarter(const void *dwords, int t, int count) {
    const __m128i *in = (const __m128i *)dwords + t, none = _mm_setzero_si128();
    __m512i out = _mm512_zextsi128_si512(_mm_loadu_si128(in));
    out = _mm512_inserti32x4(out, count > 16 ? _mm_loadu_si128(in + 4) : none, 1);
    out = _mm512_inserti32x4(out, count > 32 ? _mm_loadu_si128(in + 8) : none, 2);
    return _mm512_inserti32x4(out, count > 48 ? _mm_loadu_si128(in + 12) : none, 3);
}

static inline void block_start(const struct depthwise_args *p, int c, struct block *b) {
    const int count = p->channels - c;
    const int8_t *w = (const int8_t *)p->weights + 4 * c;
    for (int t = 0; t < 4; t++) {
        for (int j = 0; j < 3; j++) {
            b->weights[j][t] = block_quarter(w + 4 * j * p->weight_stride, t, count);
        }
        b->multiplier[t] = _mm512_castsi512_ps(block_quarter(p->multiplier + c, t, count));
        b->bias[t] = _mm512_castsi512_ps(block_quarter(p->bias + c, t, count));
    }
    b->low = vec_bound_bytes(p->low);
    b->high = vec_bound_bytes(p->high);
    b->mask = count >= CHANNELS ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

struct column {
    __m512i quads[4];
};

static inline __attribute__((always_inline)) struct column column_load(const struct depthwise_args *p, ptrdiff_t at,
                                                                       const struct block *b) {
    const uint8_t *const *rows = (const uint8_t *const *)p->rows;
    const __m512i r0 = _mm512_maskz_loadu_epi8(b->mask, rows[0] + at),
                  r1 = _mm512_maskz_loadu_epi8(b->mask, rows[1] + at);
    const __m512i r2 = _mm512_maskz_loadu_epi8(b->mask, rows[2] + at), none = _mm512_setzero_si512();
    const __m512i low01 = _mm512_unpacklo_epi8(r0, r1), high01 = _mm512_unpackhi_epi8(r0, r1);
    const __m512i low2 = _mm512_unpacklo_epi8(r2, none), high2 = _mm512_unpackhi_epi8(r2, none);
    return (struct column){{_mm512_unpacklo_epi16(low01, low2), _mm512_unpackhi_epi16(low01, low2),
                            _mm512_unpacklo_epi16(high01, high2), _mm512_unpackhi_epi16(high01, high2)}};
}

struct sums {
    __m512i quarters[4];
};

static inline __attribute__((always_inline)) struct sums sums_add(const struct sums *s, const struct column *v,
                                                                  const struct block *b, const int tap) {
    struct sums out;
#pragma GCC unroll 4
    for (int t = 0; t < 4; t++) {
        out.quarters[t] = _mm512_dpbusd_epi32(s->quarters[t], v->quads[t], b->weights[tap][t]);
    }
    return out;
}

static inline __attribute__((always_inline)) struct sums sums_first(const struct column *v, const struct block *b) {
    const __m512i none = _mm512_setzero_si512();
    const struct sums zero = {{none, none, none, none}};
    return sums_add(&zero, v, b, 0);
}

static inline __attribute__((always_inline)) void sums_store(const struct depthwise_args *p, int m, int c,
                                                             const struct sums *s, const struct block *b) {
    __m512i whole[4];
#pragma GCC unroll 4
    for (int t = 0; t < 4; t++) {
        __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s->quarters[t]), b->multiplier[t], b->bias[t]);
        whole[t] = vec_whole_u8(value);
    }
    __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(whole[0], whole[1]), _mm512_packs_epi32(whole[2], whole[3]));
    bytes = _mm512_min_epu8(b->high, _mm512_max_epu8(b->low, bytes));
    _mm512_mask_storeu_epi8((uint8_t *)p->out + m * p->out_stride + c, b->mask, bytes);
}

#include "kernels/x86/depthwise_3x3_avx512.h"

/* One column of up to 4 kernel rows for 16 channels: four bytes (one a row) in each channel's lane. The rows land in
 * one 128-bit lane each; dwords are then dealt so that every lane holds 4 channels of all rows, and its bytes
 * transposed. */
static inline __m512i column_quads(const uint8_t *const *rows, const int count, ptrdiff_t at, __mmask16 mask) {
    const __m512i deal = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i transpose =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m512i lanes = _mm512_zextsi128_si512(vec_load_u8(rows[0] + at, mask));
    if (count > 1) {
        lanes = _mm512_inserti32x4(lanes, vec_load_u8(rows[1] + at, mask), 1);
    }
    if (count > 2) {
        lanes = _mm512_inserti32x4(lanes, vec_load_u8(rows[2] + at, mask), 2);
    }
    if (count > 3) {
        lanes = _mm512_inserti32x4(lanes, vec_load_u8(rows[3] + at, mask), 3);
    }
    return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(deal, lanes), transpose);
}

static void depthwise_any(const struct depthwise_args *p) {
    const __m512i low = vec_bound_u8(p->low), high = vec_bound_u8(p->high);
    const int quads = (p->kh + 3) / 4;
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += 16) {
            __mmask16 mask = tail_mask(p->channels - c);
            __m512i sum = _mm512_setzero_si512();
            for (int j = 0; j < p->kw; j++) {
                ptrdiff_t at = ((ptrdiff_t)m * p->stride + j) * p->in_stride + c;
                for (int q = 0; q < quads; q++) {
                    const uint8_t *const *rows = (const uint8_t *const *)p->rows + 4 * q;
                    const int8_t *w = (const int8_t *)p->weights + 4 * ((j * quads + q) * p->weight_stride + c);
                    int count = p->kh - 4 * q < 4 ? p->kh - 4 * q : 4;
                    sum = _mm512_dpbusd_epi32(sum, column_quads(rows, count, at, mask), _mm512_loadu_si512(w));
                }
            }
            __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(p->multiplier + c),
                                           _mm512_loadu_ps(p->bias + c));
            vec_store_u8((uint8_t *)p->out + m * p->out_stride + c, mask, vec_round_u8(value, low, high));
        }
    }
}

void depthwise_u8_avx512vnni(const struct depthwise_args *p) {
    if (is_3x3(p)) {
        depthwise_3x3(p);
    } else {
        depthwise_any(p);
    }
}
