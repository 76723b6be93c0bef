/* The bytes that a 3x3 convolution with stride 2 over RGB reads, for processors that multiply long runs of bytes at
 * once.
 *
 * What an output pixel needs are two neighbouring units, each of two pixels of three rows. With the rows interleaved
 * unit by unit that is one run of bytes, a unit behind its neighbour's, where the rows alone give three short ones. The
 * second unit's second pixel is not needed: its weights are 0. */
#ifndef FSCNN_KERNELS_UNITS_H
#define FSCNN_KERNELS_UNITS_H

#include <stddef.h>
#include <stdint.h>

enum { UNIT_ROW = 6, UNIT_BYTES = 3 * UNIT_ROW, UNITS_K = 2 * UNIT_BYTES };

/* Packed weights s8 [blocks, 3 * 3, 16, 4] of pixels of four channels, the fourth of which is 0, to [blocks, UNITS_K /
 * 4, 16, 4]. */
void units_weights(const int8_t *in, size_t blocks, int8_t *out);

#endif
