/* Depthwise convolution of bfloat16 rows by AVX-512 BF16; arithmetic is in float32. */
#include <stdbool.h>

#include "kernels/x86/bf16_avx512.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum { CHANNELS = 32 };

/* Even channels are the lower halves of dwords, odd ones the upper: shifting or masking makes floats of them. Weights
 * and biases are put in the same order once. */
struct block {
    __m512 weights[3][3][2]; /* row, tap, even or odd */
    __m512 bias[2], low, high;
    __m512i upper, weave;
    __mmask32 mask;
};

/* The even or the odd ones of `count` floats, at most 32. */
static __m512 every_other(const float *in, int odd, int count) {
    const __m512i places = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512 second = count > 16 ? _mm512_loadu_ps(in + 16) : _mm512_setzero_ps();
    return _mm512_permutex2var_ps(_mm512_loadu_ps(in), _mm512_add_epi32(places, _mm512_set1_epi32(odd)), second);
}

static inline void block_start(const struct depthwise_args *p, int c, struct block *b) {
    const int count = p->channels - c;
    for (int odd = 0; odd < 2; odd++) {
        for (int i = 0; i < 9; i++) {
            const float *w = (const float *)p->weights + i * p->weight_stride + c;
            b->weights[i / 3][i % 3][odd] = every_other(w, odd, count);
        }
        b->bias[odd] = every_other(p->bias + c, odd, count);
    }
    b->low = _mm512_set1_ps(p->low);
    b->high = _mm512_set1_ps(p->high);
    b->upper = _mm512_set1_epi32((int)0xffff0000);
    uint16_t weave[32];
    for (int i = 0; i < 32; i++) {
        weave[i] = (uint16_t)(i / 2 + 16 * (i % 2));
    }
    b->weave = _mm512_loadu_si512(weave);
    b->mask = count >= CHANNELS ? ~(__mmask32)0 : ((__mmask32)1 << count) - 1;
}

#include "kernels/x86/depthwise_floats_avx512.h"

static inline __attribute__((always_inline)) struct column column_load(const struct depthwise_args *p, ptrdiff_t at,
                                                                       const struct block *b) {
    struct column v;
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        const __m512i pairs = _mm512_maskz_loadu_epi16(b->mask, (const uint16_t *)p->rows[i] + at);
        v.rows[i][0] = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
        v.rows[i][1] = _mm512_castsi512_ps(_mm512_and_si512(pairs, b->upper));
    }
    return v;
}

static inline __attribute__((always_inline)) void sums_store(const struct depthwise_args *p, int m, int c,
                                                             const struct sums *s, const struct block *b) {
    const __m512 even = _mm512_min_ps(b->high, _mm512_max_ps(b->low, s->halves[0]));
    const __m512 odd = _mm512_min_ps(b->high, _mm512_max_ps(b->low, s->halves[1]));
    const __m512i values = _mm512_permutexvar_epi16(b->weave, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
    _mm512_mask_storeu_epi16((uint16_t *)p->out + m * p->out_stride + c, b->mask, values);
}

#include "kernels/x86/depthwise_3x3_avx512.h"

static void depthwise_any(const struct depthwise_args *p) {
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += 16) {
            __mmask16 mask = tail_mask(p->channels - c);
            __m512 sum = _mm512_loadu_ps(p->bias + c);
            for (int i = 0; i < p->kh; i++) {
                const uint16_t *in = (const uint16_t *)p->rows[i] + (ptrdiff_t)m * p->stride * p->in_stride + c;
                const float *w = (const float *)p->weights + (ptrdiff_t)i * p->kw * p->weight_stride + c;
                for (int j = 0; j < p->kw; j++) {
                    sum = _mm512_fmadd_ps(load_bf16(mask, in + j * p->in_stride),
                                          _mm512_loadu_ps(w + j * p->weight_stride), sum);
                }
            }
            store_bf16((uint16_t *)p->out + m * p->out_stride + c, mask, vec_clamp(sum, p->low, p->high));
        }
    }
}

void depthwise_bf16_avx512(const struct depthwise_args *p) {
    if (is_3x3(p)) {
        depthwise_3x3(p);
    } else {
        depthwise_any(p);
    }
}
