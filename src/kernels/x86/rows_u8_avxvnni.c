/* Quantised depthwise convolution by AVX-VNNI, and the table of its kernels. Other rows are as fast by AVX2. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/quads_avxvnni.h"
#include "kernels/x86/vec_avx2.h"

#include "kernels/x86/depthwise_u8_avx2.h"

static void depthwise_u8_avxvnni(const struct depthwise_args *p) { depthwise_u8(p); }

void kernels_fill_avx_vnni(struct kernels *k) {
    k->conv[ELEM_U8] = conv_u8_avxvnni;
    k->depthwise[ELEM_U8] = depthwise_u8_avxvnni;
}
