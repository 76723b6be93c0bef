/* Quantised convolution rows by AVX-VNNI: vpdpbusd multiplies four neighbouring k, uint8 by int8, and sums in int32;
 * tiles of up to 6 pixels x 16 channels in 12 accumulators. Other rows are as fast by AVX2. */
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx2.h"

struct quads {
    __m256i bytes;
};

struct weights {
    __m256i bytes;
};

static inline struct quads quads_of(__m256i bytes) { return (struct quads){bytes}; }
static inline struct weights weights_of(__m256i bytes) { return (struct weights){bytes}; }

static inline __m256i dot(__m256i sum, struct quads a, struct weights w) {
    return _mm256_dpbusd_avx_epi32(sum, a.bytes, w.bytes);
}

#define TILE 6
#include "kernels/x86/conv_u8_avx2.h"

static void conv_u8_avxvnni(const struct conv_args *p) { conv_tiles(p); }

void kernels_fill_avx_vnni(struct kernels *k) { k->conv[ELEM_U8] = conv_u8_avxvnni; }
