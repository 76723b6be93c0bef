/* Depthwise convolution, resizing, sums and conversion of bfloat16 rows by AVX2; arithmetic is in float32. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx2.h"

#include "kernels/rows_vec.h"

void depthwise_bf16_avx2(const struct depthwise_args *p) { rows_depthwise(p, ELEM_BF16); }
void resize_bf16_avx2(const struct resize_args *p) { rows_resize(p, ELEM_BF16); }

void sum_bf16_avx2(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    rows_sum(ELEM_BF16, in, in_stride, pixels, channels, out);
}

void bf16_to_f32_avx2(const void *in, size_t count, float *out) { rows_convert(ELEM_BF16, in, ELEM_F32, out, count); }

void f32_to_bf16_avx2(const float *in, size_t count, void *out) { rows_convert(ELEM_F32, in, ELEM_BF16, out, count); }
