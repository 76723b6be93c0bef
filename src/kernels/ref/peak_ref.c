/* Peaks of plain C, whatever the compiler makes of it: the same for all types, floating point being the fastest. */
#include <string.h>

#include "kernels/ref/kernels_ref.h"

enum { SUMS = 48 }; /* 12 vectors of 4 floats: they stay in registers */

uint64_t peak_f32_ref(uint64_t rounds) {
    volatile float factor = 0.5F, result = 1.0F;
    float sums[SUMS];
    for (int i = 0; i < SUMS; i++) {
        sums[i] = result;
    }
    const float f = factor, addend = result;
    for (uint64_t r = 0; r < rounds; r++) {
        for (int i = 0; i < SUMS; i++) {
            sums[i] = sums[i] * f + addend;
        }
    }
    for (int i = 0; i < SUMS; i++) {
        result = sums[i];
    }
    return rounds * SUMS * 2;
}

void peak_read_ref(const void *data, size_t bytes) {
    const uint64_t *words = data;
    uint64_t sums[16] = {0};
    for (size_t i = 0; i < bytes / sizeof(*words); i += 16) {
        for (int j = 0; j < 16; j++) {
            sums[j] += words[i + (size_t)j];
        }
    }
    volatile uint64_t result;
    for (int j = 0; j < 16; j++) {
        result = sums[j];
    }
    (void)result;
}

void peak_write_ref(void *data, size_t bytes) {
    memset(data, 1, bytes);
    __asm__ volatile("" : : "r"(data) : "memory"); /* it is written although nobody reads it */
}
