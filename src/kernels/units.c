#include "kernels/units.h"

#include <string.h>

#include "kernels/kernels.h"

_Static_assert(UNITS_K == 3 * 3 * 4, "weights of units take the place of those of rows");

void units_weights(const int8_t *in, size_t blocks, int8_t *out) {
    memset(out, 0, blocks * UNITS_K * KERNEL_BLOCK);
    for (size_t block = 0; block < blocks; block++, out += (ptrdiff_t)UNITS_K * KERNEL_BLOCK) {
        for (int tap = 0; tap < 9; tap++, in += (ptrdiff_t)4 * KERNEL_BLOCK) {
            for (int c = 0; c < 3; c++) {
                const int row = tap / 3, column = tap % 3;
                const int k = column / 2 * UNIT_BYTES + row * UNIT_ROW + column % 2 * 3 + c;
                for (int n = 0; n < KERNEL_BLOCK; n++) {
                    out[(k / 4 * KERNEL_BLOCK + n) * 4 + k % 4] = in[n * 4 + c];
                }
            }
        }
    }
}
