/* Kernels of the AArch64 files, joined into the table by rows_f32_neon.c. */
#ifndef FSCNN_KERNELS_ARM_H
#define FSCNN_KERNELS_ARM_H

#include "kernels/kernels.h"

void conv_f32_neon(const struct conv_args *p);
void conv_bf16_neon(const struct conv_args *p);
void depthwise_bf16_neon(const struct depthwise_args *p);
void resize_bf16_neon(const struct resize_args *p);
void sum_bf16_neon(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out);
void bf16_to_f32_neon(const void *in, size_t count, float *out);
void f32_to_bf16_neon(const float *in, size_t count, void *out);
void conv_u8_neon(const struct conv_args *p);
void depthwise_u8_neon(const struct depthwise_args *p);
void resize_u8_neon(const struct resize_args *p);
void sum_u8_neon(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out);
void load_u8_u8_neon(const uint8_t *in, int width, uint8_t *out);
void u8_to_f32_neon(const void *in, size_t count, float *out);
void f32_to_u8_neon(const float *in, size_t count, void *out);
void upsample_f32_neon(const struct upsample_args *p);
void upsample_labels_neon(const struct upsample_args *p);

#endif
