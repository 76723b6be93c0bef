/* Depthwise convolution, resizing and the last upsampling by AVX2 and FMA. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx2.h"

#include "kernels/rows_vec.h"

static void depthwise_f32_avx2(const struct depthwise_args *p) { rows_depthwise(p, ELEM_F32); }
static void resize_f32_avx2(const struct resize_args *p) { rows_resize(p, ELEM_F32); }

static void sum_f32_avx2(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    rows_sum(ELEM_F32, in, in_stride, pixels, channels, out);
}

static void add_f32_avx2(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                         int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    rows_add_f32(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
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
        return vec_lerp(_mm256_i32gather_ps(in, r->i0, 4), _mm256_i32gather_ps(in, r->i1, 4), r->fraction);
    }
    __m256 values = _mm256_loadu_ps(in);
    return vec_lerp(_mm256_permutevar8x32_ps(values, r->i0), _mm256_permutevar8x32_ps(values, r->i1), r->fraction);
}

static void upsample_f32_avx2(const struct upsample_args *p) {
    rows_blend_planes(p);
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
                vec_store_row(ELEM_F32, out, 0, value, lanes);
            }
        }
    }
    if (p->stream) {
        _mm_sfence();
    }
}

static void upsample_labels_avx2(const struct upsample_args *p) {
    rows_blend_planes(p);
    for (int i = 0; i < 2 * upsample_groups(p); i++) {
        const int x = upsample_pixel(p, i / 2) + 8 * (i % 2);
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
        for (int j = 0; j < 8 && x + j < p->pixels; j++) {
            ((uint8_t *)p->out)[x + j] = (uint8_t)wide[j];
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

void kernels_fill_avx2(struct kernels *k) {
    k->isa = "avx2";
    k->conv[ELEM_F32] = conv_f32_avx2;
    k->depthwise[ELEM_F32] = depthwise_f32_avx2;
    k->resize[ELEM_F32] = resize_f32_avx2;
    k->upsample_f32 = upsample_f32_avx2;
    k->upsample_labels = upsample_labels_avx2;
    k->sum[ELEM_F32] = sum_f32_avx2;
    k->conv[ELEM_BF16] = conv_bf16_avx2;
    k->depthwise[ELEM_BF16] = depthwise_bf16_avx2;
    k->resize[ELEM_BF16] = resize_bf16_avx2;
    k->sum[ELEM_BF16] = sum_bf16_avx2;
    k->to_f32[ELEM_BF16] = bf16_to_f32_avx2;
    k->from_f32[ELEM_BF16] = f32_to_bf16_avx2;
    k->conv[ELEM_U8] = conv_u8_avx2;
    k->depthwise[ELEM_U8] = depthwise_u8_avx2;
    k->resize[ELEM_U8] = resize_u8_avx2;
    k->sum[ELEM_U8] = sum_u8_avx2;
    k->load_u8_u8 = load_u8_u8_avx2;
    k->to_f32[ELEM_U8] = u8_to_f32_avx2;
    k->from_f32[ELEM_U8] = f32_to_u8_avx2;
    k->to_half = to_half_avx2;
    k->add_f32 = add_f32_avx2;
}
