#include "kernels/split.h"

#include "kernels/kernels.h"

void split_weights(const float *in, size_t blocks, size_t k, uint16_t *out) {
    for (size_t row = 0; row < blocks * k; row++, in += KERNEL_BLOCK) { /* k is even: pairs stay within a block */
        uint16_t *pair = out + row / 2 * SPLIT_PARTS * KERNEL_BLOCK * 2 + row % 2;
        for (int n = 0; n < KERNEL_BLOCK; n++) {
            float rest = in[n];
            for (int part = 0; part < SPLIT_PARTS; part++) {
                pair[(part * KERNEL_BLOCK + n) * 2] = split_next(&rest);
            }
        }
    }
}
