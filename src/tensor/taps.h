/* Where the outputs of a resize sample their input. */
#ifndef FSCNN_TENSOR_TAPS_H
#define FSCNN_TENSOR_TAPS_H

#include <stdint.h>

/* One output: in[x0] + fraction * (in[x1] - in[x0]). x1 is x0 or x0 + 1, and fraction is 0 where it is x0. */
struct tap {
    int32_t x0, x1;
    float fraction;
};

/* Sixteen neighbouring outputs, for vector registers: output i samples in[base + index[i]] and the position after it.
 */
enum { TAP_GROUP = 16 };
struct tap_group {
    int32_t base;  /* the lowest x0 */
    int32_t reach; /* the highest index + 1: 1 + reach inputs from base on are enough */
    int32_t index[TAP_GROUP];
    float fraction[TAP_GROUP];
};

#endif
