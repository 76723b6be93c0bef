/* Resizing, the last upsampling and other rows by AVX-512. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"
#include "tensor/normalization.h"

static void resize_f32_avx512(const struct resize_args *p) {
    const __m512 fraction_y = _mm512_set1_ps(p->fraction_y);
    for (int x = 0; x < p->in_width; x++) {
        for (int c = 0; c < p->channels; c += 16) {
            __mmask16 mask = tail_mask(p->channels - c);
            ptrdiff_t at = x * p->in_stride + c;
            __m512 value = vec_lerp(_mm512_maskz_loadu_ps(mask, (const float *)p->upper + at),
                                    _mm512_maskz_loadu_ps(mask, (const float *)p->lower + at), fraction_y);
            _mm512_mask_storeu_ps(p->scratch + (ptrdiff_t)x * p->channels + c, mask, value);
        }
    }
    for (int x = 0; x < p->pixels; x++) {
        const float *left = p->scratch + (ptrdiff_t)p->taps[x].x0 * p->channels;
        const float *right = p->scratch + (ptrdiff_t)p->taps[x].x1 * p->channels;
        const __m512 fraction = _mm512_set1_ps(p->taps[x].fraction);
        for (int c = 0; c < p->channels; c += 16) {
            __mmask16 mask = tail_mask(p->channels - c);
            __m512 value =
                vec_lerp(_mm512_maskz_loadu_ps(mask, left + c), _mm512_maskz_loadu_ps(mask, right + c), fraction);
            if (p->addend) {
                value = _mm512_add_ps(value,
                                      _mm512_maskz_loadu_ps(mask, (const float *)p->addend + x * p->addend_stride + c));
            }
            _mm512_mask_storeu_ps((float *)p->out + x * p->out_stride + c, mask, vec_clamp(value, p->low, p->high));
        }
    }
}

/* A group of outputs' taps in registers. */
struct run {
    const struct tap_group *group;
    __m512i left, right;
    __m512 fraction;
};

static inline struct run run_of(const struct tap_group *group) {
    __m512i left = _mm512_loadu_si512(group->index);
    return (struct run){group, left, _mm512_add_epi32(left, _mm512_set1_epi32(1)), _mm512_loadu_ps(group->fraction)};
}

/* The group's values of one plane. Sixteen or 32 inputs are permuted from registers; only shrinking needs more. */
static inline __m512 run_sample(const struct run *r, const float *plane) {
    const float *in = plane + r->group->base;
    __m512 a, b;
    if (r->group->reach < 16) {
        __m512 values = _mm512_loadu_ps(in);
        a = _mm512_permutexvar_ps(r->left, values);
        b = _mm512_permutexvar_ps(r->right, values);
    } else if (r->group->reach < 32) {
        __m512 low = _mm512_loadu_ps(in), high = _mm512_loadu_ps(in + 16);
        a = _mm512_permutex2var_ps(low, r->left, high);
        b = _mm512_permutex2var_ps(low, r->right, high);
    } else {
        a = _mm512_i32gather_ps(r->left, in, 4);
        b = _mm512_i32gather_ps(r->right, in, 4);
    }
    return vec_lerp(a, b, r->fraction);
}

/* Blends the two source rows of all planes into the scratch, with a copy of each plane's last value behind it: the
 * position after the last one is sampled with a weight of 0. */
static void blend_planes(const struct upsample_args *p) {
    const __m512 fraction = _mm512_set1_ps(p->fraction_y);
    for (int c = 0; c < p->channels; c++) {
        float *plane = p->scratch + c * p->in_plane;
        for (int x = 0; x < p->in_width; x += 16) {
            ptrdiff_t i = c * p->in_plane + x;
            __mmask16 mask = tail_mask(p->in_width - x);
            _mm512_mask_storeu_ps(plane + x, mask,
                                  vec_lerp(_mm512_maskz_loadu_ps(mask, p->upper + i),
                                           _mm512_maskz_loadu_ps(mask, p->lower + i), fraction));
        }
        plane[p->in_width] = plane[p->in_width - 1];
    }
}

/* Plane by plane: memory takes one long run of lines faster than lines of many planes by turns. */
static void upsample_f32_avx512(const struct upsample_args *p) {
    blend_planes(p);
    for (int c = 0; c < p->channels; c++) {
        const float *plane = p->scratch + c * p->in_plane;
        float *out = (float *)p->out + c * p->out_plane;
        const bool stream = p->stream && ((uintptr_t)out & 63) == 0;
        for (int x = 0; x < p->pixels; x += 16) {
            const struct run r = run_of(&p->groups[x / TAP_GROUP]);
            const __m512 value = run_sample(&r, plane);
            if (stream && x + 16 <= p->pixels) {
                _mm512_stream_ps(out + x, value);
            } else {
                _mm512_mask_storeu_ps(out + x, tail_mask(p->pixels - x), value);
            }
        }
    }
    if (p->stream) {
        _mm_sfence();
    }
}

/* The best value so far and its class, for one group. The maximum does not wait for the comparison's mask. */
static inline void take_class(const struct run *r, const float *plane, int c, __m512 *best, __m512i *label) {
    __m512 value = run_sample(r, plane);
    *label = _mm512_mask_set1_epi32(*label, _mm512_cmp_ps_mask(value, *best, _CMP_GT_OQ), c);
    *best = _mm512_max_ps(value, *best); /* the second operand where one is NaN */
}

/* Two groups at a time: one alone would wait for its own results. */
static void upsample_labels_avx512(const struct upsample_args *p) {
    blend_planes(p);
    const int count = upsample_groups(p);
    for (int i = 0; i < count; i += 2) {
        const int x0 = upsample_pixel(p, i), x1 = upsample_pixel(p, i + 1 < count ? i + 1 : i);
        const struct run r0 = run_of(&p->groups[x0 / TAP_GROUP]), r1 = run_of(&p->groups[x1 / TAP_GROUP]);
        __m512 best0 = run_sample(&r0, p->scratch), best1 = run_sample(&r1, p->scratch);
        __m512i label0 = _mm512_setzero_si512(), label1 = label0;
        for (int c = 1; c < p->channels; c++) {
            const float *plane = p->scratch + c * p->in_plane;
            take_class(&r0, plane, c, &best0, &label0);
            take_class(&r1, plane, c, &best1, &label1);
        }
        _mm512_mask_cvtepi32_storeu_epi8((uint8_t *)p->out + x0, tail_mask(p->pixels - x0), label0);
        _mm512_mask_cvtepi32_storeu_epi8((uint8_t *)p->out + x1, tail_mask(p->pixels - x1), label1);
    }
}

static void to_half_avx512(const float *in, size_t count, uint16_t *out) {
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 mask = tail_mask(count - i < 16 ? (int)(count - i) : 16);
        __m256i half = _mm512_cvtps_ph(_mm512_maskz_loadu_ps(mask, in + i), _MM_FROUND_TO_NEAREST_INT);
        _mm256_mask_storeu_epi16(out + i, mask, half);
    }
}

static void add_f32_avx512(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride,
                           int width, int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < channels; c += 16) {
            __mmask16 mask = tail_mask(channels - c);
            __m512 value = _mm512_maskz_loadu_ps(mask, in + x * in_stride + c);
            if (addend) {
                value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, addend + x * addend_stride + c));
            }
            _mm512_mask_storeu_ps(out + x * out_stride + c, mask, vec_clamp(value, low, high));
        }
    }
}

static void sum_f32_avx512(const void *data, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    const float *in = data;
    for (int c = 0; c < channels; c += 16) {
        __mmask16 mask = tail_mask(channels - c);
        __m512 sum = _mm512_maskz_loadu_ps(mask, out + c);
        for (int x = 0; x < pixels; x++) {
            sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, in + x * in_stride + c));
        }
        _mm512_mask_storeu_ps(out + c, mask, sum);
    }
}

/* Places of 16 values of one plane among the 48 of three planes side by side: idx[v] picks, for output vector v, lanes
 * of (first, second) and then of (that, third). */
static void interleave_f32_avx512(const float *planes, ptrdiff_t plane_stride, int width, int channels, float *out,
                                  ptrdiff_t out_stride) {
    int x = 0;
    if (channels == 3 && out_stride == 3) {
        int32_t two[3][16], three[3][16];
        for (int i = 0; i < 48; i++) {
            int plane = i % 3, pixel = i / 3;
            two[i / 16][i % 16] = plane == 1 ? 16 + pixel : pixel;
            three[i / 16][i % 16] = plane == 2 ? 16 + pixel : i % 16;
        }
        for (; x + 16 <= width; x += 16) {
            __m512 a = _mm512_loadu_ps(planes + x), b = _mm512_loadu_ps(planes + plane_stride + x),
                   c = _mm512_loadu_ps(planes + 2 * plane_stride + x);
            for (int v = 0; v < 3; v++) {
                __m512 ab = _mm512_permutex2var_ps(a, _mm512_loadu_si512(two[v]), b);
                _mm512_storeu_ps(out + 3 * x + 16 * v, _mm512_permutex2var_ps(ab, _mm512_loadu_si512(three[v]), c));
            }
        }
    }
    for (; x < width; x++) {
        for (int c = 0; c < out_stride; c++) {
            out[x * out_stride + c] = c < channels ? planes[c * plane_stride + x] : 0.0F;
        }
    }
}

enum { LANES = 16 };

/* What normalising one of three vectors of pixels needs, which begin with the first channel. */
struct normalisation {
    __m512 mean, deviation, inverse, mean_255, deviation_255;
};

static void normalisation_fill(struct normalisation n[3]) {
    for (int v = 0; v < 3; v++) {
        float mean[LANES], deviation[LANES];
        for (int i = 0; i < LANES; i++) {
            mean[i] = normalization_mean[(v * LANES + i) % 3];
            deviation[i] = normalization_deviation[(v * LANES + i) % 3];
        }
        n[v].mean = _mm512_loadu_ps(mean);
        n[v].deviation = _mm512_loadu_ps(deviation);
        n[v].inverse = _mm512_div_ps(_mm512_set1_ps(1.0F), n[v].deviation);
        n[v].mean_255 = _mm512_mul_ps(_mm512_set1_ps(255.0F), n[v].mean);
        n[v].deviation_255 = _mm512_mul_ps(_mm512_set1_ps(255.0F), n[v].deviation);
    }
}

/* (value / 255 - mean) / deviation. Each quotient is the product with the rounded inverse, mended by what is left over:
 * the table's values to the last bit (the tests compare all). */
static inline __m512 normalise(const struct normalisation *n, __m512 value) {
    const __m512 unit = _mm512_set1_ps(255.0F), part = _mm512_set1_ps(1.0F / 255.0F);
    __m512 a = _mm512_mul_ps(value, part);
    a = _mm512_fmadd_ps(_mm512_fnmadd_ps(a, unit, value), part, a);
    const __m512 centred = _mm512_sub_ps(a, n->mean);
    const __m512 b = _mm512_mul_ps(centred, n->inverse);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(b, n->deviation, centred), n->inverse, b);
}

static void load_u8_avx512(const uint8_t *in, int width, const float (*table)[256], float *out) {
    struct normalisation n[3];
    (void)table;
    normalisation_fill(n);
    for (int i = 0; i < 3 * width; i += LANES, in += LANES, out += LANES) {
        const __mmask16 mask = tail_mask(3 * width - i);
        const __m512 value = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, in)));
        _mm512_mask_storeu_ps(out, mask, normalise(&n[i / LANES % 3], value));
    }
}

/* Guesses bytes and normalises them again; true where that gives something else. */
static inline __mmask16 recover_vector(const struct normalisation *n, __m512 value, __m512i *bytes) {
    *bytes = _mm512_cvtps_epi32(_mm512_fmadd_ps(value, n->deviation_255, n->mean_255));
    return _mm512_cmpgt_epu32_mask(*bytes, _mm512_set1_epi32(255)) |
           _mm512_cmp_ps_mask(normalise(n, _mm512_cvtepi32_ps(*bytes)), value, _CMP_NEQ_UQ);
}

static bool recover_u8_avx512(const float *in, int width, const float (*table)[256], uint8_t *out) {
    struct normalisation n[3];
    __mmask16 wrong = 0;
    __m512i bytes;
    int i = 0;
    (void)table;
    normalisation_fill(n);
    const struct normalisation first = n[0], second = n[1], third = n[2]; /* in registers: out may be anything */
    for (; i + 3 * LANES <= 3 * width && !wrong; i += 3 * LANES) {
        wrong |= recover_vector(&first, _mm512_loadu_ps(in + i), &bytes);
        _mm_storeu_si128((__m128i *)(void *)(out + i), _mm512_cvtepi32_epi8(bytes));
        wrong |= recover_vector(&second, _mm512_loadu_ps(in + i + LANES), &bytes);
        _mm_storeu_si128((__m128i *)(void *)(out + i + LANES), _mm512_cvtepi32_epi8(bytes));
        wrong |= recover_vector(&third, _mm512_loadu_ps(in + i + 2 * LANES), &bytes);
        _mm_storeu_si128((__m128i *)(void *)(out + i + 2 * LANES), _mm512_cvtepi32_epi8(bytes));
    }
    for (int v = 0; i < 3 * width && !wrong; i += LANES, v++) {
        const __mmask16 mask = tail_mask(3 * width - i);
        wrong |= mask & recover_vector(&n[v], _mm512_maskz_loadu_ps(mask, in + i), &bytes);
        _mm512_mask_cvtepi32_storeu_epi8(out + i, mask, bytes);
    }
    return !wrong;
}

void kernels_fill_avx512(struct kernels *k) {
    k->isa = "avx512";
    k->conv[ELEM_F32] = conv_f32_avx512;
    k->depthwise[ELEM_F32] = depthwise_f32_avx512;
    k->resize[ELEM_F32] = resize_f32_avx512;
    k->upsample_f32 = upsample_f32_avx512;
    k->upsample_labels = upsample_labels_avx512;
    k->sum[ELEM_F32] = sum_f32_avx512;
    k->load_u8 = load_u8_avx512;
    k->recover_u8 = recover_u8_avx512;
    k->to_half = to_half_avx512;
    k->add_f32 = add_f32_avx512;
    k->interleave_f32 = interleave_f32_avx512;
}
