/* Intel AMX: tiles of 16 rows x 64 bytes, and what the convolutions that use them share.
 *
 * Tile registers: 0 to 3 hold the sums of 2 x 2 tiles of 16 pixels x 16 channels, 4 and 5 the pixels' values, those
 * from AMX_WEIGHTS on weights. A row of a weight tile is one group of K for 16 channels: the packed layout of kernels.h
 * as it lies in memory.
 */
#ifndef FSCNN_KERNELS_AMX_H
#define FSCNN_KERNELS_AMX_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"

enum { AMX_WEIGHTS = 6, AMX_PIXELS = 16, AMX_ROW_BYTES = 64, AMX_LEAST_DEPTH = 12 };

/* Bytes of K that one multiplication takes: the most, up to 64, that whole multiplications of it make up every segment;
 * 0 where that is so little that other instructions are faster. */
static inline int amx_depth(const struct conv_args *p, int elem_bytes) {
    int common = 0; /* the greatest common divisor of the segments */
    for (int s = 0; s < p->num_segments; s++) {
        for (int a = p->segments[s].length * elem_bytes, b = common; true;) {
            if (b == 0) {
                common = a;
                break;
            }
            int rest = a % b;
            a = b;
            b = rest;
        }
    }
    for (int depth = AMX_ROW_BYTES; depth >= AMX_LEAST_DEPTH; depth -= 4) {
        if (common % depth == 0) {
            return depth;
        }
    }
    return 0;
}

/* Pixels of a tile: fewer only where a row has fewer. */
static inline int amx_pixels(int pixels) { return pixels < AMX_PIXELS ? pixels : AMX_PIXELS; }

/* Shapes of the tiles for a depth in bytes; the processor's own format (palette 1). Tiles from `weights` on hold
 * weights, those between them and the sums pixels. */
static inline void amx_configure(int pixels, int depth, int weights) {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (int t = 0; t < 8; t++) {
        config.rows[t] = (uint8_t)(t < weights ? pixels : depth / 4);
        config.row_bytes[t] = (uint16_t)(t < 4 || t >= weights ? AMX_ROW_BYTES : depth);
    }
    /* Not gcc's intrinsic: of what it points to, that names only the first 8 bytes as read. */
    __asm__ volatile("ldtilecfg %0" : : "m"(config) : "memory");
}

/* Between plain stores and tile loads of the same memory: gcc's intrinsic does not say that it reads any. */
static inline void amx_see_stores(void) { __asm__ volatile("" : : : "memory"); }

#endif
