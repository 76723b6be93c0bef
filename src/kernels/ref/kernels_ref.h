/* What the plain C kernels share. */
#ifndef FSCNN_KERNELS_REF_H
#define FSCNN_KERNELS_REF_H

#include <string.h>

#include "kernels/kernels.h"
#include "tensor/tensor.h"

static inline float clamp(float value, float low, float high) {
    value = value < low ? low : value;
    return value > high ? high : value;
}

/* bfloat16_to_float of tensor.h where a call for each element would cost more than the rest. */
static inline float bf16_value(uint16_t value) {
    const uint32_t bits = (uint32_t)value << 16;
    float wide;
    memcpy(&wide, &bits, sizeof(wide));
    return wide;
}

/* Raw value of element i: a quantised one is not scaled. */
static inline float elem_load(int type, const void *data, ptrdiff_t i) {
    switch (type) {
    case ELEM_F32: return ((const float *)data)[i];
    case ELEM_BF16: return bf16_value(((const uint16_t *)data)[i]);
    default: return ((const uint8_t *)data)[i];
    }
}

/* Nearest of 0..255, even in the middle; NaN gives 0. */
static inline uint8_t round_u8(float value) {
    value = value > 0.0F ? value : 0.0F;
    value = value < 255.0F ? value : 255.0F;
    float whole = (value + 8388608.0F) - 8388608.0F; /* the float unit's own rounding */
    return (uint8_t)whole;
}

static inline void elem_store(int type, void *data, ptrdiff_t i, float value) {
    switch (type) {
    case ELEM_F32: ((float *)data)[i] = value; break;
    case ELEM_BF16: ((uint16_t *)data)[i] = float_to_bfloat16(value); break;
    default: ((uint8_t *)data)[i] = round_u8(value); break;
    }
}

void conv_f32_ref(const struct conv_args *p);
void conv_columns_ref(const struct columns_args *p);
void conv_split_ref(const struct conv_args *p);
void conv_bf16_ref(const struct conv_args *p);
void conv_u8_ref(const struct conv_args *p);
void load_u8_u8_ref(const uint8_t *in, int width, uint8_t *out);
void interleave_f32_ref(const float *planes, ptrdiff_t plane_stride, int width, int channels, float *out,
                        ptrdiff_t out_stride);
void deinterleave_f32_ref(const float *in, ptrdiff_t in_stride, int width, int channels, float *planes,
                          ptrdiff_t plane_stride);
uint64_t peak_f32_ref(uint64_t rounds);
void peak_read_ref(const void *data, size_t bytes);
void peak_write_ref(void *data, size_t bytes);

#endif
