/* Depthwise convolution, resizing, sums and moving of quantised rows by AVX2. */
#include "kernels/ref/kernels_ref.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/quads_avx2.h"
#include "kernels/x86/vec_avx2.h"

#include "kernels/rows_vec.h"

/* 8 channels of a row, or the first `lanes` and zeros. */
static inline __m128i load_channels(const uint8_t *in, int lanes) {
    __m128i bytes = _mm_setzero_si128();
    if (lanes >= 8) {
        return _mm_loadl_epi64((const __m128i *)(const void *)in);
    }
    memcpy(&bytes, in, (size_t)lanes);
    return bytes;
}

/* One column of up to 4 kernel rows for 8 channels, a channel in each lane: rows 0 and 2, rows 1 and 3. */
static inline __attribute__((always_inline)) struct quads column_quads(const uint8_t *const *rows, const int count,
                                                                       ptrdiff_t at, int lanes) {
    const __m128i zero = _mm_setzero_si128();
    const __m128i r0 = load_channels(rows[0] + at, lanes), r1 = count > 1 ? load_channels(rows[1] + at, lanes) : zero;
    const __m128i r2 = count > 2 ? load_channels(rows[2] + at, lanes) : zero;
    const __m256i even = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(r0, r2));
    if (count < 4) {
        return (struct quads){even, _mm256_cvtepu8_epi32(r1)};
    }
    return (struct quads){even, _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(r1, load_channels(rows[3] + at, lanes)))};
}

static inline struct weights load_weights(const int8_t *w) {
    return weights_of(_mm256_loadu_si256((const __m256i *)(const void *)w));
}

static inline __attribute__((always_inline)) void store_sums(const struct depthwise_args *p, int m, int c, int lanes,
                                                             __m256i sum) {
    const vec value = vec_fma(_mm256_cvtepi32_ps(sum), vec_load(p->multiplier + c), vec_load(p->bias + c));
    vec_store_row(ELEM_U8, p->out, m * p->out_stride + c, vec_clamp(value, p->low, p->high), lanes);
}

/* `count` neighbouring outputs of 8 channels of a 3x3 kernel: each column is built once for all of them. */
static inline __attribute__((always_inline)) void depthwise_3x3(const struct depthwise_args *p, int m, int c,
                                                                const int count, const int stride) {
    const int lanes = p->channels - c;
    const uint8_t *const *rows = (const uint8_t *const *)p->rows;
    const int8_t *w = (const int8_t *)p->weights + 4 * c;
    const struct weights w0 = load_weights(w), w1 = load_weights(w + 4 * p->weight_stride),
                         w2 = load_weights(w + 8 * p->weight_stride);
    __m256i sum[4];
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        sum[x] = _mm256_setzero_si256();
    }
#pragma GCC unroll 9
    for (int j = 0; j < (count - 1) * stride + 3; j++) {
        const struct quads a = column_quads(rows, 3, ((ptrdiff_t)m * stride + j) * p->in_stride + c, lanes);
#pragma GCC unroll 4
        for (int x = 0; x < count; x++) {
            const int tap = j - x * stride;
            if (tap >= 0 && tap < 3) {
                sum[x] = dot(sum[x], a, tap == 0 ? w0 : tap == 1 ? w1 : w2);
            }
        }
    }
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        store_sums(p, m + x, c, lanes, sum[x]);
    }
}

static inline __attribute__((always_inline)) void depthwise_3x3_row(const struct depthwise_args *p, const int stride) {
    const struct depthwise_args args = *p; /* what is written could alias the original */
    int m = 0;
    for (; m + 4 <= p->pixels; m += 4) {
        for (int c = 0; c < p->channels; c += VEC_LANES) {
            depthwise_3x3(&args, m, c, 4, stride);
        }
    }
    for (; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += VEC_LANES) {
            depthwise_3x3(&args, m, c, 1, stride);
        }
    }
}

static void depthwise_any(const struct depthwise_args *p) {
    const int quads = (p->kh + 3) / 4;
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += VEC_LANES) {
            const int lanes = p->channels - c;
            __m256i sum = _mm256_setzero_si256();
            for (int j = 0; j < p->kw; j++) {
                const ptrdiff_t at = ((ptrdiff_t)m * p->stride + j) * p->in_stride + c;
                for (int q = 0; q < quads; q++) {
                    const uint8_t *const *rows = (const uint8_t *const *)p->rows + 4 * q;
                    const int8_t *w = (const int8_t *)p->weights + 4 * ((j * quads + q) * p->weight_stride + c);
                    const int count = p->kh - 4 * q < 4 ? p->kh - 4 * q : 4;
                    sum = dot(sum, column_quads(rows, count, at, lanes), load_weights(w));
                }
            }
            store_sums(p, m, c, lanes, sum);
        }
    }
}

void depthwise_u8_avx2(const struct depthwise_args *p) {
    if (p->kh == 3 && p->kw == 3 && p->stride == 1) {
        depthwise_3x3_row(p, 1);
    } else if (p->kh == 3 && p->kw == 3 && p->stride == 2) {
        depthwise_3x3_row(p, 2);
    } else {
        depthwise_any(p);
    }
}

void resize_u8_avx2(const struct resize_args *p) { rows_resize(p, ELEM_U8); }

void sum_u8_avx2(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    rows_sum(ELEM_U8, in, in_stride, pixels, channels, out);
}

void u8_to_f32_avx2(const void *in, size_t count, float *out) { rows_convert(ELEM_U8, in, ELEM_F32, out, count); }

void f32_to_u8_avx2(const float *in, size_t count, void *out) { rows_convert(ELEM_F32, in, ELEM_U8, out, count); }

void load_u8_u8_avx2(const uint8_t *in, int width, uint8_t *out) {
    const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    int x = 0;
    for (; x + 6 <= width; x += 4, in += 12, out += 16) { /* 16 bytes read: 5 1/3 pixels */
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)in);
        _mm_storeu_si128((__m128i *)(void *)out, _mm_shuffle_epi8(bytes, spread));
    }
    load_u8_u8_ref(in, width - x, out);
}
