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

#endif
