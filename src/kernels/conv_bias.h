/* The blocks of conv_tiles.h for sums in float32, behind vec_avx2.h or vec_neon.h: their sums begin with the bias. */
#ifndef FSCNN_KERNELS_CONV_BIAS_H
#define FSCNN_KERNELS_CONV_BIAS_H

#include "kernels/kernels.h"

struct block {
    vec bias[2];
};

static inline struct block block_at(const struct conv_args *p, int n0) {
    const vec zero = vec_set(0.0F);
    return p->bias ? (struct block){{vec_load(p->bias + n0), vec_load(p->bias + n0 + VEC_LANES)}}
                   : (struct block){{zero, zero}};
}

/* The start of `rows` pixels, a constant where this is inlined. */
static inline __attribute__((always_inline)) void start_sums(const struct block *block, const int rows, vec sum[][2]) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        sum[i][0] = block->bias[0];
        sum[i][1] = block->bias[1];
    }
}

#endif
