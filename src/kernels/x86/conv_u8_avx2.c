/* Quantised convolution rows by AVX2: tiles of up to 4 pixels x 16 channels in 8 accumulators, beside which the weights
 * of 16 channels and a pixel's values, each split in two, fill the registers. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/quads_avx2.h"
#include "kernels/x86/vec_avx2.h"

#define TILE 4
#include "kernels/x86/conv_u8_avx2.h"

void conv_u8_avx2(const struct conv_args *p) { conv_tiles(p); }
