/* bfloat16 in and out of registers, for files compiled with AVX-512 BF16. */
#ifndef FSCNN_KERNELS_BF16_AVX512_H
#define FSCNN_KERNELS_BF16_AVX512_H

#include <immintrin.h>
#include <stdint.h>

/* 16 values, those outside the mask 0. */
static inline __m512 load_bf16(__mmask16 mask, const uint16_t *in) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, in)), 16));
}

/* Nearest even. */
static inline void store_bf16(uint16_t *out, __mmask16 mask, __m512 value) {
    _mm256_mask_storeu_epi16(out, mask, (__m256i)_mm512_cvtneps_pbh(value));
}

#endif
