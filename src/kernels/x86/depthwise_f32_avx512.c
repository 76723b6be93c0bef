/* Depthwise convolution by AVX-512. */
#include <stdbool.h>

#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum { CHANNELS = 32 };

struct block {
    __m512 weights[3][3][2]; /* row, tap, first or second 16 channels */
    __m512 bias[2], low, high;
    __mmask16 mask[2];
};

static inline void block_start(const struct depthwise_args *p, int c, struct block *b) {
    for (int h = 0; h < 2; h++) {
        const int count = p->channels - c - 16 * h;
        const int at = count > 0 ? c + 16 * h : c; /* what is masked may be anything */
        for (int i = 0; i < 9; i++) {
            b->weights[i / 3][i % 3][h] = _mm512_loadu_ps((const float *)p->weights + i * p->weight_stride + at);
        }
        b->bias[h] = _mm512_loadu_ps(p->bias + at);
        b->mask[h] = count > 0 ? tail_mask(count) : 0;
    }
    b->low = _mm512_set1_ps(p->low);
    b->high = _mm512_set1_ps(p->high);
}

#include "kernels/x86/depthwise_floats_avx512.h"

static inline __attribute__((always_inline)) struct column column_load(const struct depthwise_args *p, ptrdiff_t at,
                                                                       const struct block *b) {
    struct column v;
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        v.rows[i][0] = _mm512_maskz_loadu_ps(b->mask[0], (const float *)p->rows[i] + at);
        v.rows[i][1] = _mm512_maskz_loadu_ps(b->mask[1], (const float *)p->rows[i] + at + 16);
    }
    return v;
}

static inline __attribute__((always_inline)) void sums_store(const struct depthwise_args *p, int m, int c,
                                                             const struct sums *s, const struct block *b) {
    float *out = (float *)p->out + m * p->out_stride + c;
    _mm512_mask_storeu_ps(out, b->mask[0], _mm512_min_ps(b->high, _mm512_max_ps(b->low, s->halves[0])));
    _mm512_mask_storeu_ps(out + 16, b->mask[1], _mm512_min_ps(b->high, _mm512_max_ps(b->low, s->halves[1])));
}

#include "kernels/x86/depthwise_3x3_avx512.h"

static void depthwise_any(const struct depthwise_args *p) {
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += 16) {
            __mmask16 mask = tail_mask(p->channels - c);
            __m512 sum = _mm512_loadu_ps(p->bias + c);
            for (int i = 0; i < p->kh; i++) {
                const float *in = (const float *)p->rows[i] + (ptrdiff_t)m * p->stride * p->in_stride + c;
                const float *w = (const float *)p->weights + (ptrdiff_t)i * p->kw * p->weight_stride + c;
                for (int j = 0; j < p->kw; j++) {
                    sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, in + j * p->in_stride),
                                          _mm512_loadu_ps(w + j * p->weight_stride), sum);
                }
            }
            _mm512_mask_storeu_ps((float *)p->out + m * p->out_stride + c, mask, vec_clamp(sum, p->low, p->high));
        }
    }
}

void depthwise_f32_avx512(const struct depthwise_args *p) {
    if (is_3x3(p)) {
        depthwise_3x3(p);
    } else {
        depthwise_any(p);
    }
}
