/* Vectors of 8 floats, for files compiled with AVX2 and FMA; what rows_vec.h is written in. */
#ifndef FSCNN_KERNELS_VEC_AVX2_H
#define FSCNN_KERNELS_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tensor/elem.h"

typedef __m256 vec;
enum { VEC_LANES = 8 };

static inline vec vec_load(const float *in) { return _mm256_loadu_ps(in); }
static inline vec vec_set(float value) { return _mm256_set1_ps(value); }
static inline vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec vec_fma(vec a, vec b, vec sum) { return _mm256_fmadd_ps(a, b, sum); }
static inline vec vec_lerp(vec a, vec b, vec fraction) { return _mm256_fmadd_ps(fraction, _mm256_sub_ps(b, a), a); }

/* The order of operands lets NaN through. */
static inline vec vec_clamp(vec value, float low, float high) {
    return _mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), value));
}

/* Lanes below `count` of 8. */
static inline __m256i lane_mask(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}

/* Each of 8 bfloat16 values is the upper half of a float. */
static inline vec bf16_widen(__m128i values) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(values), 16));
}

/* Nearest even; NaN stays NaN, by setting its quiet bit. */
static inline __m128i bf16_narrow(vec value) {
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i near = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    const __m256i upper = _mm256_srli_epi32(_mm256_blendv_epi8(near, quiet, is_nan), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
}

static inline vec u8_widen(__m128i bytes) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)); }

/* Nearest whole numbers, even in the middle, of at most 255: not all of those beyond would fit int32. What does not,
 * and NaN, becomes the most negative number. */
static inline __m256i round_255(vec value) { return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_set1_ps(255.0F), value)); }

/* The nearest of 0..255 in the lower 8 bytes; NaN gives 0. */
static inline __m128i u8_narrow(vec value) {
    const __m256i whole = round_255(value);
    const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    return _mm_packus_epi16(halves, halves);
}

/* Elements i .. of a row of `type`: 8, or the first `lanes`, at least one, and zeros. Those of U8 are raw values. */
static inline __attribute__((always_inline)) vec vec_load_row(const int type, const void *row, ptrdiff_t i, int lanes) {
    if (type == ELEM_F32) {
        const float *in = (const float *)row + i;
        return lanes >= 8 ? _mm256_loadu_ps(in) : _mm256_maskload_ps(in, lane_mask(lanes));
    }
    __m128i few = _mm_setzero_si128();
    if (type == ELEM_U8) {
        const uint8_t *in = (const uint8_t *)row + i;
        if (lanes >= 8) {
            return u8_widen(_mm_loadl_epi64((const __m128i *)(const void *)in));
        }
        memcpy(&few, in, (size_t)lanes);
        return u8_widen(few);
    }
    const uint16_t *in = (const uint16_t *)row + i;
    if (lanes >= 8) {
        return bf16_widen(_mm_loadu_si128((const __m128i *)(const void *)in));
    }
    memcpy(&few, in, (size_t)lanes * sizeof(*in));
    return bf16_widen(few);
}

static inline __attribute__((always_inline)) void vec_store_row(const int type, void *row, ptrdiff_t i, vec value,
                                                                int lanes) {
    if (type == ELEM_F32) {
        float *out = (float *)row + i;
        if (lanes >= 8) {
            _mm256_storeu_ps(out, value);
        } else {
            _mm256_maskstore_ps(out, lane_mask(lanes), value);
        }
        return;
    }
    if (type == ELEM_U8) {
        uint8_t *out = (uint8_t *)row + i;
        const __m128i bytes = u8_narrow(value);
        if (lanes >= 8) {
            _mm_storel_epi64((__m128i *)(void *)out, bytes);
        } else {
            memcpy(out, &bytes, (size_t)lanes);
        }
        return;
    }
    uint16_t *out = (uint16_t *)row + i;
    const __m128i halves = bf16_narrow(value);
    if (lanes >= 8) {
        _mm_storeu_si128((__m128i *)(void *)out, halves);
    } else {
        memcpy(out, &halves, (size_t)lanes * sizeof(*out));
    }
}

/* A clamp's bound in bytes; rounding keeps the order, so that clamping after it is the same. */
static inline __m128i u8_bound(float bound) {
    const __m128 most = _mm_min_ss(_mm_set_ss(255.0F), _mm_set_ss(bound));
    return _mm_set1_epi8((char)_mm_cvtss_si32(_mm_max_ss(most, _mm_setzero_ps())));
}

/* 16 bytes of int16 ones, saturated and clamped. */
static inline __m128i u8_clamp(__m256i halves, __m128i low, __m128i high) {
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
    return _mm_min_epu8(high, _mm_max_epu8(low, bytes));
}

/* 16 elements of a row of U8, clamped. */
static inline void vec_store_two_u8(uint8_t *out, vec first, vec second, float low, float high) {
    const __m256i halves = _mm256_packs_epi32(round_255(first), round_255(second)); /* 4 + 4 of each 128 bits */
    const __m256i ordered = _mm256_permute4x64_epi64(halves, _MM_SHUFFLE(3, 1, 2, 0));
    _mm_storeu_si128((__m128i *)(void *)out, u8_clamp(ordered, u8_bound(low), u8_bound(high)));
}

#endif
