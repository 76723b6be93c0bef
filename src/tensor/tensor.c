#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [DTYPE_F32] = {"float32", 4}, [DTYPE_F16] = {"float16", 2}, [DTYPE_BF16] = {"bfloat16", 2},
    [DTYPE_F64] = {"float64", 8}, [DTYPE_I64] = {"int64", 8},   [DTYPE_I32] = {"int32", 4},
    [DTYPE_I16] = {"int16", 2},   [DTYPE_I8] = {"int8", 1},     [DTYPE_U8] = {"uint8", 1},
    [DTYPE_BOOL] = {"bool", 1},
};

size_t dtype_size(enum dtype dtype) { return dtypes[dtype].size; }
const char *dtype_name(enum dtype dtype) { return dtypes[dtype].name; }

size_t tensor_count(const struct tensor *t) {
    size_t count = 1;
    for (int i = 0; i < t->rank; i++) {
        count *= (size_t)t->shape[i];
    }
    return count;
}

#define LOAD(type)                                                                                                     \
    type value;                                                                                                        \
    memcpy(&value, (const char *)t->data + i * sizeof(type), sizeof(type))

double tensor_get_double(const struct tensor *t, size_t i) {
    switch (t->dtype) {
    case DTYPE_F32: {
        LOAD(float);
        return value;
    }
    case DTYPE_F16: {
        LOAD(uint16_t);
        return half_to_float(value);
    }
    case DTYPE_BF16: {
        LOAD(uint16_t);
        return bfloat16_to_float(value);
    }
    case DTYPE_F64: {
        LOAD(double);
        return value;
    }
    case DTYPE_I64: {
        LOAD(int64_t);
        return (double)value;
    }
    case DTYPE_I32: {
        LOAD(int32_t);
        return value;
    }
    case DTYPE_I16: {
        LOAD(int16_t);
        return value;
    }
    case DTYPE_I8: {
        LOAD(int8_t);
        return value;
    }
    case DTYPE_U8: {
        LOAD(uint8_t);
        return value;
    }
    case DTYPE_BOOL: {
        LOAD(uint8_t);
        return value != 0;
    }
    }
    return 0;
}

int64_t tensor_get_int(const struct tensor *t, size_t i) {
    if (t->dtype == DTYPE_I64) {
        LOAD(int64_t);
        return value;
    }
    double value = tensor_get_double(t, i);
    if (!(value > -9.2e18)) { /* NaN too */
        return INT64_MIN;
    }
    return value < 9.2e18 ? (int64_t)value : INT64_MAX;
}

void tensor_to_f32(const struct tensor *t, float *out) {
    size_t count = tensor_count(t);
    if (t->dtype == DTYPE_F32 && count > 0) {
        memcpy(out, t->data, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = (float)tensor_get_double(t, i);
    }
}

const char *tensor_shape_text(const struct tensor *t, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < t->rank && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)t->shape[i]);
    }
    if (used < size) {
        snprintf(text + used, size - used, "]");
    }
    return text;
}

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 31;
    uint32_t mantissa = half & 1023;
    if (exponent == 31) { /* infinity, NaN */
        return float_of_bits(sign | 0x7f800000 | mantissa << 13);
    }
    if (exponent == 0) { /* zero, subnormal: mantissa * 2^-24 */
        float value = (float)mantissa * 0x1p-24F;
        return sign ? -value : value;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t float_to_half(float value) {
    uint32_t bits = bits_of_float(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) { /* NaN */
        return sign | 0x7e00;
    }
    if (magnitude >= 0x477ff000) { /* rounds to 65536 or more */
        return sign | 0x7c00;
    }
    if (magnitude < 0x38800000) { /* below 2^-14: adding 0.5 lets the float unit round to multiples of 2^-24 */
        return sign | (uint16_t)(bits_of_float(float_of_bits(magnitude) + 0.5F) - 0x3f000000);
    }
    uint32_t odd = magnitude >> 13 & 1;
    return sign | (uint16_t)((magnitude - 0x38000000 + 0xfff + odd) >> 13);
}

float bfloat16_to_float(uint16_t value) { return float_of_bits((uint32_t)value << 16); }

uint16_t float_to_bfloat16(float value) {
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
