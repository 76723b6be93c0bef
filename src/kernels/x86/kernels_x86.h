/* Kernels of the x86 files, joined into tables by rows_*.c. */
#ifndef FSCNN_KERNELS_X86_H
#define FSCNN_KERNELS_X86_H

#include "kernels/kernels.h"

void conv_f32_avx2(const struct conv_args *p);
void conv_bf16_avx2(const struct conv_args *p);
void depthwise_bf16_avx2(const struct depthwise_args *p);
void resize_bf16_avx2(const struct resize_args *p);
void sum_bf16_avx2(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out);
void bf16_to_f32_avx2(const void *in, size_t count, float *out);
void f32_to_bf16_avx2(const float *in, size_t count, void *out);
void conv_u8_avx2(const struct conv_args *p);
void depthwise_u8_avx2(const struct depthwise_args *p);
void resize_u8_avx2(const struct resize_args *p);
void sum_u8_avx2(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out);
void load_u8_u8_avx2(const uint8_t *in, int width, uint8_t *out);
void u8_to_f32_avx2(const void *in, size_t count, float *out);
void f32_to_u8_avx2(const float *in, size_t count, void *out);

void conv_u8_avxvnni(const struct conv_args *p);

void depthwise_f32_avx512(const struct depthwise_args *p);
void depthwise_bf16_avx512(const struct depthwise_args *p);
void depthwise_u8_avx512vnni(const struct depthwise_args *p);
void conv_f32_avx512(const struct conv_args *p);
void conv_bf16_avx512(const struct conv_args *p);
void conv_u8_avx512vnni(const struct conv_args *p);
void conv_bf16_amx(const struct conv_args *p);
void conv_columns_amx(const struct columns_args *p);
void conv_split_amx(const struct conv_args *p);
void conv_u8_amx(const struct conv_args *p);
void interleave_units_amx(const uint8_t *const *rows, int row_bytes, int units, uint8_t *out);
uint64_t peak_bf16_amx(uint64_t rounds);
uint64_t peak_u8_amx(uint64_t rounds);

#endif
