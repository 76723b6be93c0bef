/* What the kernels of 16 lanes share, for files compiled with AVX-512. */
#ifndef FSCNN_KERNELS_VEC_AVX512_H
#define FSCNN_KERNELS_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>

/* The first `count` of 16 lanes. */
static inline __mmask16 tail_mask(int count) {
    return count >= 16 ? (__mmask16)0xffff : (__mmask16)((1U << count) - 1);
}

/* The order of operands lets NaN through. */
static inline __m512 vec_clamp(__m512 value, float low, float high) {
    return _mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), value));
}

static inline __m512 vec_lerp(__m512 a, __m512 b, __m512 fraction) {
    return _mm512_fmadd_ps(fraction, _mm512_sub_ps(b, a), a);
}

/* Masks cost: only the last block of a row that is not whole pays for one. */
static inline void vec_store_f32(float *out, __mmask16 mask, __m512 value) {
    if (mask == 0xffff) {
        _mm512_storeu_ps(out, value);
    } else {
        _mm512_mask_storeu_ps(out, mask, value);
    }
}

/* 16 bytes of 16 lanes, saturated from unsigned ones. */
static inline void vec_store_u8(uint8_t *out, __mmask16 mask, __m512i value) {
    if (mask == 0xffff) {
        _mm_storeu_si128((__m128i *)(void *)out, _mm512_cvtusepi32_epi8(value));
    } else {
        _mm512_mask_cvtusepi32_storeu_epi8(out, mask, value);
    }
}

/* A clamp's bound in whole numbers of 0..255; rounding keeps the order, so that clamping after it is the same. */
static inline __m512i vec_bound_u8(float bound) {
    const __m512 lanes = _mm512_max_ps(_mm512_set1_ps(bound), _mm512_setzero_ps());
    return _mm512_cvtps_epi32(_mm512_min_ps(lanes, _mm512_set1_ps(255.0F)));
}

/* Nearest, even in the middle, between two bounds. Values beyond int32 would convert to the most negative one. */
static inline __m512i vec_round_u8(__m512 value, __m512i low, __m512i high) {
    __m512i whole = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_set1_ps(1e9F), value));
    return _mm512_min_epi32(high, _mm512_max_epi32(low, whole));
}

/* Rounded to whole numbers for packs that saturate: those beyond int32 would turn negative. */
static inline __m512i vec_whole_u8(__m512 value) {
    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_set1_ps(255.0F), value));
}

/* 64 bytes of four times 16 whole numbers, saturated. Packs work within lanes of 128 bits, and leave 4 lanes of each
 * operand side by side; dealing the dwords puts them in order. */
static inline __m512i vec_pack_u8(__m512i a, __m512i b, __m512i c, __m512i d) {
    const __m512i deal = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(deal, _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)));
}

/* A clamp's bound in every byte. */
static inline __m512i vec_bound_bytes(float bound) {
    return _mm512_set1_epi8((char)_mm512_cvtsi512_si32(vec_bound_u8(bound)));
}

static inline __m128i vec_load_u8(const uint8_t *in, __mmask16 mask) {
    return mask == 0xffff ? _mm_loadu_si128((const __m128i *)(const void *)in) : _mm_maskz_loadu_epi8(mask, in);
}

#endif
