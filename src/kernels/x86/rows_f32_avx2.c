/* Depthwise convolution, resizing and the last upsampling by AVX2 and FMA. */
#include <immintrin.h>

#include "kernels/x86/kernels_x86.h"

static __m256i lane_mask(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}

/* Eight channels, or the first `count`. */
static inline __m256 load(const float *in, int count) {
    return count >= 8 ? _mm256_loadu_ps(in) : _mm256_maskload_ps(in, lane_mask(count));
}

static inline void store(float *out, __m256 value, int count) {
    if (count >= 8) {
        _mm256_storeu_ps(out, value);
    } else {
        _mm256_maskstore_ps(out, lane_mask(count), value);
    }
}

static __m256 clamp(__m256 value, float low, float high) {
    return _mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), value));
}

static __m256 lerp(__m256 a, __m256 b, __m256 fraction) { return _mm256_fmadd_ps(fraction, _mm256_sub_ps(b, a), a); }

/* `count` neighbouring outputs of 8 channels of a 3x3 kernel: each weight is loaded once for all of them. */
static inline __attribute__((always_inline)) void depthwise_3x3(const struct depthwise_args *p, int m, int c,
                                                                const int count, const int stride) {
    const int lanes = p->channels - c;
    __m256 sum[4];
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        sum[x] = _mm256_loadu_ps(p->bias + c);
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        const float *in = (const float *)p->rows[i] + (ptrdiff_t)m * stride * p->in_stride + c;
        const float *w = (const float *)p->weights + 3 * i * p->weight_stride + c;
        __m256 w0 = _mm256_loadu_ps(w), w1 = _mm256_loadu_ps(w + p->weight_stride),
               w2 = _mm256_loadu_ps(w + 2 * p->weight_stride);
#pragma GCC unroll 9
        for (int j = 0; j < (count - 1) * stride + 3; j++) {
            __m256 a = load(in + j * p->in_stride, lanes);
#pragma GCC unroll 4
            for (int x = 0; x < count; x++) {
                int tap = j - x * stride;
                if (tap >= 0 && tap < 3) {
                    sum[x] = _mm256_fmadd_ps(a, tap == 0 ? w0 : tap == 1 ? w1 : w2, sum[x]);
                }
            }
        }
    }
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        store((float *)p->out + (m + x) * p->out_stride + c, clamp(sum[x], p->low, p->high), lanes);
    }
}

static inline __attribute__((always_inline)) void depthwise_3x3_row(const struct depthwise_args *p, const int stride) {
    int m = 0;
    for (; m + 4 <= p->pixels; m += 4) {
        for (int c = 0; c < p->channels; c += 8) {
            depthwise_3x3(p, m, c, 4, stride);
        }
    }
    for (; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += 8) {
            depthwise_3x3(p, m, c, 1, stride);
        }
    }
}

static void depthwise_any(const struct depthwise_args *p) {
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += 8) {
            const int lanes = p->channels - c;
            __m256 sum = _mm256_loadu_ps(p->bias + c);
            for (int i = 0; i < p->kh; i++) {
                const float *in = (const float *)p->rows[i] + (ptrdiff_t)m * p->stride * p->in_stride + c;
                const float *w = (const float *)p->weights + (ptrdiff_t)i * p->kw * p->weight_stride + c;
                for (int j = 0; j < p->kw; j++) {
                    sum = _mm256_fmadd_ps(load(in + j * p->in_stride, lanes), _mm256_loadu_ps(w + j * p->weight_stride),
                                          sum);
                }
            }
            store((float *)p->out + m * p->out_stride + c, clamp(sum, p->low, p->high), lanes);
        }
    }
}

static void depthwise_f32_avx2(const struct depthwise_args *p) {
    if (p->kh == 3 && p->kw == 3 && p->stride == 1) {
        depthwise_3x3_row(p, 1);
    } else if (p->kh == 3 && p->kw == 3 && p->stride == 2) {
        depthwise_3x3_row(p, 2);
    } else {
        depthwise_any(p);
    }
}

static void resize_f32_avx2(const struct resize_args *p) {
    const __m256 fraction_y = _mm256_set1_ps(p->fraction_y);
    for (int x = 0; x < p->in_width; x++) {
        for (int c = 0; c < p->channels; c += 8) {
            ptrdiff_t at = x * p->in_stride + c;
            int lanes = p->channels - c;
            store(
                p->scratch + (ptrdiff_t)x * p->channels + c,
                lerp(load((const float *)p->upper + at, lanes), load((const float *)p->lower + at, lanes), fraction_y),
                lanes);
        }
    }
    for (int x = 0; x < p->pixels; x++) {
        const float *left = p->scratch + (ptrdiff_t)p->taps[x].x0 * p->channels;
        const float *right = p->scratch + (ptrdiff_t)p->taps[x].x1 * p->channels;
        const __m256 fraction = _mm256_set1_ps(p->taps[x].fraction);
        for (int c = 0; c < p->channels; c += 8) {
            int lanes = p->channels - c;
            __m256 value = lerp(load(left + c, lanes), load(right + c, lanes), fraction);
            if (p->addend) {
                value = _mm256_add_ps(value, load((const float *)p->addend + x * p->addend_stride + c, lanes));
            }
            store((float *)p->out + x * p->out_stride + c, clamp(value, p->low, p->high), lanes);
        }
    }
}

static void blend_planes(const struct upsample_args *p) {
    const __m256 fraction = _mm256_set1_ps(p->fraction_y);
    for (int c = 0; c < p->channels; c++) {
        for (int x = 0; x < p->in_width; x += 8) {
            ptrdiff_t i = c * p->in_plane + x;
            int lanes = p->in_width - x;
            store(p->scratch + i, lerp(load(p->upper + i, lanes), load(p->lower + i, lanes), fraction), lanes);
        }
    }
}

/* Eight outputs: where their inputs start and each one's place in the 8 floats from there; wider spans are gathered. */
struct run {
    int base;
    bool wide;
    __m256i i0, i1;
    __m256 fraction;
};

static inline struct run run_at(const struct tap *taps, int x) {
    struct run r;
    int last = 0;
    r.base = taps[x].x0;
    int a[8], b[8];
    float f[8];
    for (int i = 0; i < 8; i++) {
        a[i] = taps[x + i].x0;
        b[i] = taps[x + i].x1;
        f[i] = taps[x + i].fraction;
        r.base = a[i] < r.base ? a[i] : r.base;
        last = b[i] > last ? b[i] : last;
    }
    const __m256i base = _mm256_set1_epi32(r.base);
    r.wide = last - r.base > 7;
    r.i0 = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)a), base);
    r.i1 = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)b), base);
    r.fraction = _mm256_loadu_ps(f);
    return r;
}

static inline __m256 run_sample(const struct run *r, const float *plane) {
    const float *in = plane + r->base;
    if (r->wide) {
        return lerp(_mm256_i32gather_ps(in, r->i0, 4), _mm256_i32gather_ps(in, r->i1, 4), r->fraction);
    }
    __m256 values = _mm256_loadu_ps(in);
    return lerp(_mm256_permutevar8x32_ps(values, r->i0), _mm256_permutevar8x32_ps(values, r->i1), r->fraction);
}

static void upsample_f32_avx2(const struct upsample_args *p) {
    blend_planes(p);
    for (int x = 0; x < p->pixels; x += 8) {
        struct run r = run_at(p->taps, x);
        int lanes = p->pixels - x;
        float *out = (float *)p->out + x;
        bool stream = p->stream && lanes >= 8 && ((uintptr_t)out & 31) == 0 && (p->out_plane & 7) == 0;
        for (int c = 0; c < p->channels; c++, out += p->out_plane) {
            __m256 value = run_sample(&r, p->scratch + c * p->in_plane);
            if (stream) {
                _mm256_stream_ps(out, value);
            } else {
                store(out, value, lanes);
            }
        }
    }
    if (p->stream) {
        _mm_sfence();
    }
}

static void upsample_labels_avx2(const struct upsample_args *p) {
    blend_planes(p);
    for (int x = 0; x < p->pixels; x += 8) {
        struct run r = run_at(p->taps, x);
        __m256 best = run_sample(&r, p->scratch);
        __m256i label = _mm256_setzero_si256();
        for (int c = 1; c < p->channels; c++) {
            __m256 value = run_sample(&r, p->scratch + c * p->in_plane);
            __m256 more = _mm256_cmp_ps(value, best, _CMP_GT_OQ);
            best = _mm256_blendv_ps(best, value, more);
            label = _mm256_blendv_epi8(label, _mm256_set1_epi32(c), _mm256_castps_si256(more));
        }
        int32_t wide[8];
        _mm256_storeu_si256((__m256i *)wide, label);
        for (int i = 0; i < 8 && x + i < p->pixels; i++) {
            ((uint8_t *)p->out)[x + i] = (uint8_t)wide[i];
        }
    }
}

static void to_half_avx2(const float *in, size_t count, uint16_t *out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm_storeu_si128((__m128i *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
    }
    for (; i < count; i++) {
        out[i] = (uint16_t)_cvtss_sh(in[i], _MM_FROUND_TO_NEAREST_INT);
    }
}

static void add_f32_avx2(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                         int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < channels; c += 8) {
            int lanes = channels - c;
            __m256 value = load(in + x * in_stride + c, lanes);
            if (addend) {
                value = _mm256_add_ps(value, load(addend + x * addend_stride + c, lanes));
            }
            store(out + x * out_stride + c, clamp(value, low, high), lanes);
        }
    }
}

static void sum_f32_avx2(const void *data, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    const float *in = data;
    for (int c = 0; c < channels; c += 8) {
        int lanes = channels - c;
        __m256 sum = load(out + c, lanes);
        for (int x = 0; x < pixels; x++) {
            sum = _mm256_add_ps(sum, load(in + x * in_stride + c, lanes));
        }
        store(out + c, sum, lanes);
    }
}

void kernels_fill_avx2(struct kernels *k) {
    k->isa = "avx2";
    k->conv[ELEM_F32] = conv_f32_avx2;
    k->depthwise[ELEM_F32] = depthwise_f32_avx2;
    k->resize[ELEM_F32] = resize_f32_avx2;
    k->upsample_f32 = upsample_f32_avx2;
    k->upsample_labels = upsample_labels_avx2;
    k->sum[ELEM_F32] = sum_f32_avx2;
    k->to_half = to_half_avx2;
    k->add_f32 = add_f32_avx2;
}
