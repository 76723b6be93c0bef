/* Products of four uint8 and four int8 in each of 8 lanes, for files compiled with AVX2 alone.
 *
 * vpmaddubsw, made for bytes, saturates: two products of any uint8 and any int8 exceed int16. So bytes are split into
 * the even and the odd ones as int16, which vpmaddwd multiplies and sums in int32, exactly. */
#ifndef FSCNN_KERNELS_QUADS_AVX2_H
#define FSCNN_KERNELS_QUADS_AVX2_H

#include <immintrin.h>

struct quads {
    __m256i even, odd;
};

struct weights {
    __m256i even, odd;
};

static inline struct quads quads_of(__m256i bytes) {
    return (struct quads){_mm256_and_si256(bytes, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(bytes, 8)};
}

static inline struct weights weights_of(__m256i bytes) {
    return (struct weights){_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8), _mm256_srai_epi16(bytes, 8)};
}

static inline __m256i dot(__m256i sum, struct quads a, struct weights w) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a.even, w.even));
    __asm__("" : "+x"(sum)); /* keeps gcc from adding the products first, which takes a register more */
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a.odd, w.odd));
}

/* A column of four kernel rows of 16 channels, widened to int16: the quads of channels 0..3 and 8..11, and those
 * of 4..7 and 12..15. Packing what comes of them to 16 bits restores the order. Rows from `count` on are zeros. */
static inline __attribute__((always_inline)) void quads_of_rows(const __m256i rows[4], const int count,
                                                                struct quads quads[2]) {
    (void)count;
    quads[0] = (struct quads){_mm256_unpacklo_epi16(rows[0], rows[2]), _mm256_unpacklo_epi16(rows[1], rows[3])};
    quads[1] = (struct quads){_mm256_unpackhi_epi16(rows[0], rows[2]), _mm256_unpackhi_epi16(rows[1], rows[3])};
}

#endif
