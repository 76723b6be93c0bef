/* Kernels of the x86 files, joined into tables by rows_*.c. */
#ifndef FSCNN_KERNELS_X86_H
#define FSCNN_KERNELS_X86_H

#include "kernels/kernels.h"

void conv_f32_avx2(const struct conv_args *p);
void conv_f32_avx512(const struct conv_args *p);
void conv_bf16_avx512(const struct conv_args *p);

#endif
