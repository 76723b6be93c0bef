/* Vectors of 4 floats, for AArch64 files; what rows_vec.h is written in. */
#ifndef FSCNN_KERNELS_VEC_NEON_H
#define FSCNN_KERNELS_VEC_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static inline vec u8_widen(uint8x8_t bytes) { return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes)))); }

/* Two times 4 values to the nearest of 0..255, even in the middle; NaN gives 0. */
static inline uint8x8_t u8_narrow(vec first, vec second) {
    const uint16x4_t a = vqmovn_u32(vcvtnq_u32_f32(first)), b = vqmovn_u32(vcvtnq_u32_f32(second));
    return vqmovn_u16(vcombine_u16(a, b));
}

/* Elements i .. of a row of `type`: 4, or the first `lanes`, at least one, and zeros. Those of U8 are raw values. */
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
    if (type == ELEM_U8) {
        const uint8_t *in = (const uint8_t *)row + i;
        uint32_t few = 0;
        memcpy(&few, in, lanes >= 4 ? 4 : (size_t)lanes);
        return u8_widen(vcreate_u8(few));
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
    if (type == ELEM_U8) {
        const uint32_t bytes = vget_lane_u32(vreinterpret_u32_u8(u8_narrow(value, value)), 0);
        memcpy((uint8_t *)row + i, &bytes, lanes >= 4 ? 4 : (size_t)lanes);
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

/* A clamp's bound in bytes; rounding keeps the order, so that clamping after it is the same. */
static inline uint8x8_t u8_bound(float bound) { return vdup_lane_u8(u8_narrow(vec_set(bound), vec_set(bound)), 0); }

/* 8 elements of a row of U8, clamped. */
static inline void vec_store_two_u8(uint8_t *out, vec first, vec second, float low, float high) {
    vst1_u8(out, vmin_u8(u8_bound(high), vmax_u8(u8_bound(low), u8_narrow(first, second))));
}

#endif
