/* Depthwise convolution, resizing and the last upsampling by AVX2 and FMA. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx2.h"

#include "kernels/rows_vec.h"
#include "tensor/normalization.h"

static void depthwise_f32_avx2(const struct depthwise_args *p) { rows_depthwise(p, ELEM_F32); }
static void resize_f32_avx2(const struct resize_args *p) { rows_resize(p, ELEM_F32); }

static void sum_f32_avx2(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    rows_sum(ELEM_F32, in, in_stride, pixels, channels, out);
}

static void add_f32_avx2(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                         int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    rows_add_f32(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
}

/* Half a group of outputs: each one's place in the 8 floats from `base` on; wider spans are gathered. */
struct run {
    int base;
    bool wide;
    __m256i i0, i1;
    __m256 fraction;
};

static inline struct run run_of(const struct tap_group *group, int half) {
    const __m256i left = _mm256_loadu_si256((const __m256i *)(const void *)(group->index + 8 * half));
    return (struct run){group->base, group->reach > 7, left, _mm256_add_epi32(left, _mm256_set1_epi32(1)),
                        _mm256_loadu_ps(group->fraction + 8 * half)};
}

static inline __m256 run_sample(const struct run *r, const float *plane) {
    const float *in = plane + r->base;
    if (r->wide) {
        return vec_lerp(_mm256_i32gather_ps(in, r->i0, 4), _mm256_i32gather_ps(in, r->i1, 4), r->fraction);
    }
    __m256 values = _mm256_loadu_ps(in);
    return vec_lerp(_mm256_permutevar8x32_ps(values, r->i0), _mm256_permutevar8x32_ps(values, r->i1), r->fraction);
}

/* With a copy of each plane's last value behind it: the position after the last one is sampled with a weight of 0. */
static void blend_planes(const struct upsample_args *p) {
    rows_blend_planes(p);
    for (int c = 0; c < p->channels; c++) {
        float *end = p->scratch + c * p->in_plane + p->in_width;
        end[0] = end[-1];
    }
}

/* Plane by plane: memory takes one long run of lines faster than lines of many planes by turns. */
static void upsample_f32_avx2(const struct upsample_args *p) {
    blend_planes(p);
    for (int c = 0; c < p->channels; c++) {
        const float *plane = p->scratch + c * p->in_plane;
        float *out = (float *)p->out + c * p->out_plane;
        const bool stream = p->stream && ((uintptr_t)out & 31) == 0;
        for (int x = 0; x < p->pixels; x += 8) {
            const struct run r = run_of(&p->groups[x / TAP_GROUP], x / 8 % 2);
            const __m256 value = run_sample(&r, plane);
            if (stream && x + 8 <= p->pixels) {
                _mm256_stream_ps(out + x, value);
            } else {
                vec_store_row(ELEM_F32, out, x, value, p->pixels - x);
            }
        }
    }
    if (p->stream) {
        _mm_sfence();
    }
}

static void upsample_labels_avx2(const struct upsample_args *p) {
    blend_planes(p);
    for (int i = 0; i < 2 * upsample_groups(p); i++) {
        const int x = upsample_pixel(p, i / 2) + 8 * (i % 2);
        const struct run r = run_of(&p->groups[x / TAP_GROUP], i % 2);
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

/* (v / 255 - mean) / deviation of three vectors that begin with the first channel. Each quotient is the product with
 * the rounded inverse, mended by what is left over: the table's values to the last bit (the tests compare all). */
static void load_u8_avx2(const uint8_t *in, int width, const float (*table)[256], float *out) {
    enum { LANES = 8 };
    float mean[3 * LANES], deviation[3 * LANES], inverse[3 * LANES];
    for (int i = 0; i < 3 * LANES; i++) {
        mean[i] = normalization_mean[i % 3];
        deviation[i] = normalization_deviation[i % 3];
        inverse[i] = 1.0F / deviation[i];
    }
    const __m256 unit = _mm256_set1_ps(255.0F), part = _mm256_set1_ps(1.0F / 255.0F);
    int x = 0;
    for (; x + LANES <= width; x += LANES) {
        for (int v = 0; v < 3; v++, in += LANES, out += LANES) {
            const __m256 value = u8_widen(_mm_loadl_epi64((const __m128i *)(const void *)in));
            __m256 a = _mm256_mul_ps(value, part);
            a = _mm256_fmadd_ps(_mm256_fnmadd_ps(a, unit, value), part, a);
            const __m256 centred = _mm256_sub_ps(a, _mm256_loadu_ps(mean + LANES * v));
            const __m256 times = _mm256_loadu_ps(inverse + LANES * v), by = _mm256_loadu_ps(deviation + LANES * v);
            const __m256 b = _mm256_mul_ps(centred, times);
            _mm256_storeu_ps(out, _mm256_fmadd_ps(_mm256_fnmadd_ps(b, by, centred), times, b));
        }
    }
    for (; x < width; x++, in += 3, out += 3) {
        for (int c = 0; c < 3; c++) {
            out[c] = table[c][in[c]];
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
    k->load_u8 = load_u8_avx2;
    k->to_half = to_half_avx2;
    k->add_f32 = add_f32_avx2;
}
