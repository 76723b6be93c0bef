/* Quantised resizing and sums by AVX-512 VNNI. */
#include <immintrin.h>

#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

static __m512 load_u8(__mmask16 mask, const uint8_t *in) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(vec_load_u8(in, mask)));
}

static void resize_u8_avx512vnni(const struct resize_args *p) {
    const __m512i low = vec_bound_u8(p->low), high = vec_bound_u8(p->high); /* bytes written could alias arguments */
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
            vec_store_u8((uint8_t *)p->out + x * p->out_stride + c, mask, vec_round_u8(value, low, high));
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
