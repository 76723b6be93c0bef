/* What the kernels of 16 lanes share, for files compiled with AVX-512. */
#ifndef FSCNN_KERNELS_VEC_AVX512_H
#define FSCNN_KERNELS_VEC_AVX512_H

#include <immintrin.h>

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

#endif
