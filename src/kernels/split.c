#include "kernels/split.h"

#include "kernels/kernels.h"

void split_weights(const float *in, size_t blocks, size_t k, int parts, uint16_t *out) {
    for (size_t row = 0; row < blocks * k; row++, in += KERNEL_BLOCK) { /* 32 k stay within a block */
        const size_t pair = row / SPLIT_MULTIPLE * (SPLIT_MULTIPLE / 2) + row % (SPLIT_MULTIPLE / 2);
        uint16_t *at = out + pair * (size_t)parts * KERNEL_BLOCK * 2 + row / (SPLIT_MULTIPLE / 2) % 2;
        for (int n = 0; n < KERNEL_BLOCK; n++) {
            float rest = in[n];
            for (int part = 0; part < parts; part++) {
                at[(part * KERNEL_BLOCK + n) * 2] = split_next(&rest, parts);
            }
        }
    }
}
