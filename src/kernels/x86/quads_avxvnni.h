/* Products of four uint8 and four int8 in each of 8 lanes, for files compiled with AVX-VNNI: quads_avx2.h by vpdpbusd,
 * which multiplies and sums in int32 at once. */
#ifndef FSCNN_KERNELS_QUADS_AVXVNNI_H
#define FSCNN_KERNELS_QUADS_AVXVNNI_H

#include <immintrin.h>

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

static inline __attribute__((always_inline)) void quads_of_rows(const __m256i rows[4], const int count,
                                                                struct quads quads[2]) {
    const __m256i upper = _mm256_or_si256(rows[0], _mm256_slli_epi16(rows[1], 8));
    const __m256i lower = count == 3 ? rows[2] : _mm256_or_si256(rows[2], _mm256_slli_epi16(rows[3], 8));
    quads[0].bytes = _mm256_unpacklo_epi16(upper, lower);
    quads[1].bytes = _mm256_unpackhi_epi16(upper, lower);
}

#endif
