/* Vectors of 4 floats, for AArch64 files; what rows_vec.h is written in. */
#ifndef FSCNN_KERNELS_VEC_NEON_H
#define FSCNN_KERNELS_VEC_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/elem.h"

typedef float32x4_t vec;
enum { VEC_LANES = 4 };

static inline vec vec_load(const float *in) { return vld1q_f32(in); }
static inline vec vec_set(float value) { return vdupq_n_f32(value); }
static inline vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
static inline vec vec_fma(vec a, vec b, vec sum) { return vfmaq_f32(sum, a, b); }
static inline vec vec_lerp(vec a, vec b, vec fraction) { return vfmaq_f32(a, fraction, vsubq_f32(b, a)); }

/* NaN goes through. */
static inline vec vec_clamp(vec value, float low, float high) {
    return vminq_f32(vdupq_n_f32(high), vmaxq_f32(vdupq_n_f32(low), value));
}

/* Each of 4 bfloat16 values is the upper half of a float. */
static inline vec bf16_widen(uint16x4_t values) { return vreinterpretq_f32_u32(vshll_n_u16(values, 16)); }

/* Nearest even; NaN stays NaN, by setting its quiet bit. */
static inline uint16x4_t bf16_narrow(vec value) {
    const uint32x4_t bits = vreinterpretq_u32_f32(value);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t near = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(value, value), near, quiet), 16);
}

/* Elements i .. of a row of `type` (F32 or BF16): 4, or the first `lanes`, at least one, and zeros. */
static inline __attribute__((always_inline)) vec vec_load_row(const int type, const void *row, ptrdiff_t i, int lanes) {
    if (type == ELEM_F32) {
        const float *in = (const float *)row + i;
        if (lanes >= 4) {
            return vld1q_f32(in);
        }
        vec few = vld1q_lane_f32(in, vdupq_n_f32(0.0F), 0);
        few = lanes > 1 ? vld1q_lane_f32(in + 1, few, 1) : few;
        return lanes > 2 ? vld1q_lane_f32(in + 2, few, 2) : few;
    }
    const uint16_t *in = (const uint16_t *)row + i;
    if (lanes >= 4) {
        return bf16_widen(vld1_u16(in));
    }
    uint16x4_t few = vld1_lane_u16(in, vdup_n_u16(0), 0);
    few = lanes > 1 ? vld1_lane_u16(in + 1, few, 1) : few;
    return bf16_widen(lanes > 2 ? vld1_lane_u16(in + 2, few, 2) : few);
}

static inline __attribute__((always_inline)) void vec_store_row(const int type, void *row, ptrdiff_t i, vec value,
                                                                int lanes) {
    if (type == ELEM_F32) {
        float *out = (float *)row + i;
        if (lanes >= 4) {
            vst1q_f32(out, value);
            return;
        }
        vst1q_lane_f32(out, value, 0);
        if (lanes > 1) {
            vst1q_lane_f32(out + 1, value, 1);
        }
        if (lanes > 2) {
            vst1q_lane_f32(out + 2, value, 2);
        }
        return;
    }
    uint16_t *out = (uint16_t *)row + i;
    const uint16x4_t halves = bf16_narrow(value);
    if (lanes >= 4) {
        vst1_u16(out, halves);
        return;
    }
    vst1_lane_u16(out, halves, 0);
    if (lanes > 1) {
        vst1_lane_u16(out + 1, halves, 1);
    }
    if (lanes > 2) {
        vst1_lane_u16(out + 2, halves, 2);
    }
}

#endif
