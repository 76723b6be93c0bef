/* Resizing and conversion of bfloat16 rows by AVX-512 BF16; arithmetic is in float32. */
#include "kernels/x86/bf16_avx512.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

static void resize_bf16_avx512(const struct resize_args *p) {
    const __m512 fraction_y = _mm512_set1_ps(p->fraction_y);
    for (int x = 0; x < p->in_width; x++) {
        for (int c = 0; c < p->channels; c += 16) {
            __mmask16 mask = tail_mask(p->channels - c);
            ptrdiff_t at = x * p->in_stride + c;
            __m512 value = vec_lerp(load_bf16(mask, (const uint16_t *)p->upper + at),
                                    load_bf16(mask, (const uint16_t *)p->lower + at), fraction_y);
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
                value = _mm512_add_ps(value, load_bf16(mask, (const uint16_t *)p->addend + x * p->addend_stride + c));
            }
            store_bf16((uint16_t *)p->out + x * p->out_stride + c, mask, vec_clamp(value, p->low, p->high));
        }
    }
}

static void sum_bf16_avx512(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    for (int c = 0; c < channels; c += 16) {
        __mmask16 mask = tail_mask(channels - c);
        __m512 sum = _mm512_maskz_loadu_ps(mask, out + c);
        for (int x = 0; x < pixels; x++) {
            sum = _mm512_add_ps(sum, load_bf16(mask, (const uint16_t *)in + x * in_stride + c));
        }
        _mm512_mask_storeu_ps(out + c, mask, sum);
    }
}

/* Sixteen pixels at a time: the bytes are spread to four a pixel, and scaled as the table's ends say; rounded to
 * bfloat16 this gives what the table gives (the tests compare all 768 values). */
static void load_u8_bf16_avx512(const uint8_t *in, int width, const float (*table)[256], uint16_t *out) {
    float ends[2][4] = {{0}};
    for (int c = 0; c < 3; c++) {
        ends[0][c] = table[c][0];
        ends[1][c] = (table[c][255] - table[c][0]) / 255.0F;
    }
    const __m512 offset = _mm512_broadcast_f32x4(_mm_loadu_ps(ends[0]));
    const __m512 scale = _mm512_broadcast_f32x4(_mm_loadu_ps(ends[1]));
    const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    for (int x = 0; x < width; x += 4, in += 12, out += 16) {
        int left = width - x < 4 ? width - x : 4;
        __m128i bytes = _mm_maskz_loadu_epi8((__mmask16)((1U << (3 * left)) - 1), in);
        __m512 values = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_shuffle_epi8(bytes, spread)));
        store_bf16(out, (__mmask16)((1U << (4 * left)) - 1), _mm512_fmadd_ps(values, scale, offset));
    }
}

static void bf16_to_f32_avx512(const void *in, size_t count, float *out) {
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 mask = tail_mask(count - i < 16 ? (int)(count - i) : 16);
        _mm512_mask_storeu_ps(out + i, mask, load_bf16(mask, (const uint16_t *)in + i));
    }
}

static void f32_to_bf16_avx512(const float *in, size_t count, void *out) {
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 mask = tail_mask(count - i < 16 ? (int)(count - i) : 16);
        store_bf16((uint16_t *)out + i, mask, _mm512_maskz_loadu_ps(mask, in + i));
    }
}

void kernels_fill_avx512_bf16(struct kernels *k) {
    k->conv[ELEM_BF16] = conv_bf16_avx512;
    k->depthwise[ELEM_BF16] = depthwise_bf16_avx512;
    k->resize[ELEM_BF16] = resize_bf16_avx512;
    k->sum[ELEM_BF16] = sum_bf16_avx512;
    k->load_u8_bf16 = load_u8_bf16_avx512;
    k->to_f32[ELEM_BF16] = bf16_to_f32_avx512;
    k->from_f32[ELEM_BF16] = f32_to_bf16_avx512;
}
