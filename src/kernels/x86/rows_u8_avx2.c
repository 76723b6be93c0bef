/* Depthwise convolution, resizing, sums and moving of quantised rows by AVX2. */
#include "kernels/ref/kernels_ref.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/quads_avx2.h"
#include "kernels/x86/vec_avx2.h"

#include "kernels/rows_vec.h"
#include "kernels/x86/depthwise_u8_avx2.h"

void depthwise_u8_avx2(const struct depthwise_args *p) { depthwise_u8(p); }

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
