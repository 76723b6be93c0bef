#include "kernels/columns.h"

#include <string.h>

#include "kernels/kernels.h"
#include "kernels/split.h"
#include "tensor/normalization.h"

_Static_assert((int)COLUMNS_PARTS == (int)SPLIT_MOST_PARTS, "weights are split as others are");
_Static_assert(COLUMNS_BLOCK == COLUMNS_PARTS * COLUMNS_K * KERNEL_BLOCK, "blocks are those of other weights");

/* One weight's parts, at its place in each part's run of K. */
static void put_parts(float value, int k, int n, uint16_t *out) {
    for (int part = SPLIT_MOST_PARTS - 1; part >= 0; part--) {
        const int at = part * COLUMNS_K + k;
        out[(at / 2 * KERNEL_BLOCK + n) * 2 + at % 2] = split_next(&value, SPLIT_MOST_PARTS);
    }
}

void columns_weights(const float *in, const float *bias, size_t blocks, uint16_t *out, float *out_bias) {
    memset(out, 0, blocks * COLUMNS_BLOCK * sizeof(*out));
    for (size_t block = 0; block < blocks; block++, out += COLUMNS_BLOCK) {
        double offset[KERNEL_BLOCK] = {0};
        for (int tap = 0; tap < 9; tap++) {
            for (int c = 0; c < 3; c++, in += KERNEL_BLOCK) {
                const int k = tap % 3 * COLUMN + tap / 3 * 3 + c;
                const double mean = normalization_mean[c], deviation = normalization_deviation[c];
                for (int n = 0; n < KERNEL_BLOCK; n++) {
                    put_parts((float)(in[n] / (255 * deviation)), k, n, out);
                    offset[n] += in[n] * mean / deviation;
                }
            }
        }
        for (int n = 0; n < KERNEL_BLOCK; n++) {
            *out_bias++ = (float)(*bias++ - offset[n]);
        }
    }
}
