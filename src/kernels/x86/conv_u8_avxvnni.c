/* Quantised convolution rows by AVX-VNNI: tiles of up to 6 pixels x 16 channels in 12 accumulators. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/quads_avxvnni.h"
#include "kernels/x86/vec_avx2.h"

#define TILE 6
#include "kernels/x86/conv_u8_avx2.h"

void conv_u8_avxvnni(const struct conv_args *p) { conv_tiles(p); }
