/* Included by the depthwise convolutions that compute in float32, behind their struct block, in front of
 * depthwise_3x3_avx512.h: columns and sums of 2 x 16 channels. The block's weights are [row][tap][half]. */

struct column {
    __m512 rows[3][2];
};

struct sums {
    __m512 halves[2];
};

static inline __attribute__((always_inline)) struct sums sums_add(const struct sums *s, const struct column *v,
                                                                  const struct block *b, const int tap) {
    struct sums out = *s;
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        out.halves[0] = _mm512_fmadd_ps(v->rows[i][0], b->weights[i][tap][0], out.halves[0]);
        out.halves[1] = _mm512_fmadd_ps(v->rows[i][1], b->weights[i][tap][1], out.halves[1]);
    }
    return out;
}

static inline __attribute__((always_inline)) struct sums sums_first(const struct column *v, const struct block *b) {
    const struct sums bias = {{b->bias[0], b->bias[1]}};
    return sums_add(&bias, v, b, 0);
}
