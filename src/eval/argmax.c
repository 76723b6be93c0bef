/* Plain loops that compilers turn into vector code for any processor: each block of pixels keeps its best value and
 * class in the first-level cache while the planes of the classes stream past. */
#include "eval/argmax.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 4096 };

/* A .npy header may end anywhere. */
typedef float unaligned_float __attribute__((aligned(1), may_alias));
typedef uint16_t unaligned_half __attribute__((aligned(1), may_alias));

static void block_f32(const unaligned_float *logits, int classes, size_t pixels, size_t count, uint8_t *labels) {
    float best[BLOCK];
    int32_t winner[BLOCK]; /* as wide as the values, so that one mask selects both */
    for (size_t i = 0; i < BLOCK; i++) {
        best[i] = -INFINITY;
        winner[i] = 0;
    }
    for (int32_t c = 0; c < classes; c++) {
        const unaligned_float *plane = logits + (size_t)c * pixels;
        for (size_t i = 0; i < count; i++) {
            int32_t wins = plane[i] > best[i] ? -1 : 0;
            best[i] = wins ? plane[i] : best[i];
            winner[i] = (c & wins) | (winner[i] & ~wins);
        }
    }
    for (size_t i = 0; i < count; i++) {
        labels[i] = (uint8_t)winner[i];
    }
}

/* Halves compare as integers: sign and magnitude become two's complement (so that both zeros are 0), and NaN goes below
 * minus infinity. No conversion to float is needed, and twice as many fit into a vector. */
static inline int16_t ordered_of_half(uint16_t half) {
    int16_t magnitude = (int16_t)(half & 0x7fff);
    int16_t sign = (int16_t)half < 0 ? -1 : 0;
    int16_t value = (int16_t)((magnitude ^ sign) - sign);
    return magnitude > 0x7c00 ? INT16_MIN : value;
}

static void block_f16(const unaligned_half *logits, int classes, size_t pixels, size_t count, uint8_t *labels) {
    int16_t best[BLOCK];
    int16_t winner[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) {
        best[i] = -0x7c00; /* minus infinity */
        winner[i] = 0;
    }
    for (int c = 0; c < classes; c++) {
        int16_t label = (int16_t)c;
        const unaligned_half *plane = logits + (size_t)c * pixels;
        for (size_t i = 0; i < count; i++) {
            int16_t value = ordered_of_half(plane[i]);
            int16_t wins = value > best[i] ? -1 : 0;
            best[i] = wins ? value : best[i];
            winner[i] = (int16_t)((label & wins) | (winner[i] & ~wins));
        }
    }
    for (size_t i = 0; i < count; i++) {
        labels[i] = (uint8_t)winner[i];
    }
}

void argmax_f32(const void *logits, int classes, size_t pixels, uint8_t *labels) {
    const unaligned_float *values = logits;
    for (size_t at = 0; at < pixels; at += BLOCK) {
        size_t count = pixels - at < BLOCK ? pixels - at : BLOCK;
        block_f32(values + at, classes, pixels, count, labels + at);
    }
}

void argmax_f16(const void *logits, int classes, size_t pixels, uint8_t *labels) {
    const unaligned_half *values = logits;
    for (size_t at = 0; at < pixels; at += BLOCK) {
        size_t count = pixels - at < BLOCK ? pixels - at : BLOCK;
        block_f16(values + at, classes, pixels, count, labels + at);
    }
}
