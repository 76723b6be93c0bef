/* Quantised depthwise convolution, resizing and sums by AVX-512 VNNI. */
#include <immintrin.h>

#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

static __m512 load_u8(__mmask16 mask, const uint8_t *in) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(vec_load_u8(in, mask)));
}

/* A clamp in whole numbers, found once for a row: bytes written could alias its arguments. */
struct bounds {
    __m512i low, high;
};

static struct bounds bounds_of(float low, float high) { return (struct bounds){vec_bound_u8(low), vec_bound_u8(high)}; }

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

static inline void store_sums(const struct depthwise_args *p, const struct bounds *b, int m, int c, __mmask16 mask,
                              __m512i sum) {
    __m512 value =
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(p->multiplier + c), _mm512_loadu_ps(p->bias + c));
    vec_store_u8((uint8_t *)p->out + m * p->out_stride + c, mask, vec_round_u8(value, b->low, b->high));
}

/* `count` neighbouring outputs of 16 channels of a 3x3 kernel: each column is built once for all of them. */
static inline __attribute__((always_inline)) void depthwise_3x3(const struct depthwise_args *p, const struct bounds *b,
                                                                int m, int c, const int count, const int stride,
                                                                __mmask16 mask) {
    const uint8_t *const *rows = (const uint8_t *const *)p->rows;
    const int8_t *w = (const int8_t *)p->weights + 4 * c;
    const __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 4 * p->weight_stride),
                  w2 = _mm512_loadu_si512(w + 8 * p->weight_stride);
    __m512i sum[4];
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        sum[x] = _mm512_setzero_si512();
    }
#pragma GCC unroll 9
    for (int j = 0; j < (count - 1) * stride + 3; j++) {
        __m512i a = column_quads(rows, 3, ((ptrdiff_t)m * stride + j) * p->in_stride + c, mask);
#pragma GCC unroll 4
        for (int x = 0; x < count; x++) {
            int tap = j - x * stride;
            if (tap >= 0 && tap < 3) {
                sum[x] = _mm512_dpbusd_epi32(sum[x], a, tap == 0 ? w0 : tap == 1 ? w1 : w2);
            }
        }
    }
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        store_sums(p, b, m + x, c, mask, sum[x]);
    }
}

static inline __attribute__((always_inline)) void depthwise_3x3_row(const struct depthwise_args *p, const int stride) {
    const struct bounds b = bounds_of(p->low, p->high);
    int m = 0;
    for (; m + 4 <= p->pixels; m += 4) {
        for (int c = 0; c < p->channels; c += 16) {
            depthwise_3x3(p, &b, m, c, 4, stride, tail_mask(p->channels - c));
        }
    }
    for (; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += 16) {
            depthwise_3x3(p, &b, m, c, 1, stride, tail_mask(p->channels - c));
        }
    }
}

static void depthwise_any(const struct depthwise_args *p) {
    const struct bounds b = bounds_of(p->low, p->high);
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
            store_sums(p, &b, m, c, mask, sum);
        }
    }
}

static void depthwise_u8_avx512vnni(const struct depthwise_args *p) {
    if (p->kh == 3 && p->kw == 3 && p->stride == 1) {
        depthwise_3x3_row(p, 1);
    } else if (p->kh == 3 && p->kw == 3 && p->stride == 2) {
        depthwise_3x3_row(p, 2);
    } else {
        depthwise_any(p);
    }
}

static void resize_u8_avx512vnni(const struct resize_args *p) {
    const struct bounds b = bounds_of(p->low, p->high);
    const __m512 fraction_y = _mm512_set1_ps(p->fraction_y);
    for (int x = 0; x < p->in_width; x++) {
        for (int c = 0; c < p->channels; c += 16) {
            __mmask16 mask = tail_mask(p->channels - c);
            ptrdiff_t at = x * p->in_stride + c;
            __m512 value = vec_lerp(load_u8(mask, (const uint8_t *)p->upper + at),
                                    load_u8(mask, (const uint8_t *)p->lower + at), fraction_y);
            _mm512_mask_storeu_ps(p->scratch + (ptrdiff_t)x * p->channels + c, mask, value);
        }
    }
    const __m512 scale = _mm512_set1_ps(p->in_scale), offset = _mm512_set1_ps(p->in_offset);
    for (int x = 0; x < p->pixels; x++) {
        const float *left = p->scratch + (ptrdiff_t)p->taps[x].x0 * p->channels;
        const float *right = p->scratch + (ptrdiff_t)p->taps[x].x1 * p->channels;
        const __m512 fraction = _mm512_set1_ps(p->taps[x].fraction);
        for (int c = 0; c < p->channels; c += 16) {
            __mmask16 mask = tail_mask(p->channels - c);
            __m512 value =
                vec_lerp(_mm512_maskz_loadu_ps(mask, left + c), _mm512_maskz_loadu_ps(mask, right + c), fraction);
            value = _mm512_fmadd_ps(value, scale, offset);
            if (p->addend) {
                __m512 addend = load_u8(mask, (const uint8_t *)p->addend + x * p->addend_stride + c);
                value = _mm512_add_ps(
                    value, _mm512_fmadd_ps(addend, _mm512_set1_ps(p->addend_scale), _mm512_set1_ps(p->addend_offset)));
            }
            vec_store_u8((uint8_t *)p->out + x * p->out_stride + c, mask, vec_round_u8(value, b.low, b.high));
        }
    }
}

static void sum_u8_avx512vnni(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    for (int c = 0; c < channels; c += 16) {
        __mmask16 mask = tail_mask(channels - c);
        __m512 sum = _mm512_maskz_loadu_ps(mask, out + c);
        for (int x = 0; x < pixels; x++) {
            sum = _mm512_add_ps(sum, load_u8(mask, (const uint8_t *)in + x * in_stride + c));
        }
        _mm512_mask_storeu_ps(out + c, mask, sum);
    }
}

static void load_u8_u8_avx512vnni(const uint8_t *in, int width, uint8_t *out) {
    const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    int x = 0;
    for (; x + 6 <= width; x += 4, in += 12, out += 16) { /* 16 bytes read: 5 1/3 pixels */
        _mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)in), spread));
    }
    for (; x < width; x += 4, in += 12, out += 16) {
        int left = width - x < 4 ? width - x : 4;
        __m128i bytes = _mm_maskz_loadu_epi8((__mmask16)((1U << (3 * left)) - 1), in);
        _mm_mask_storeu_epi8(out, (__mmask16)((1U << (4 * left)) - 1), _mm_shuffle_epi8(bytes, spread));
    }
}

void kernels_fill_avx512_vnni(struct kernels *k) {
    k->conv[ELEM_U8] = conv_u8_avx512vnni;
    k->depthwise[ELEM_U8] = depthwise_u8_avx512vnni;
    k->resize[ELEM_U8] = resize_u8_avx512vnni;
    k->sum[ELEM_U8] = sum_u8_avx512vnni;
    k->load_u8_u8 = load_u8_u8_avx512vnni;
}
