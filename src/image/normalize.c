/* 8-bit RGB -> the network's float input. */
#include <stddef.h>

#include "fastscnn/fastscnn.h"
#include "tensor/normalization.h"

void fscnn_normalize(const struct fscnn_picture *in, float *out) {
    float table[3][256];
    normalization_table(table);
    size_t count = (size_t)in->width * (size_t)in->height;
    float *red = out, *green = out + count, *blue = out + 2 * count;
    for (size_t i = 0; i < count; i++) {
        red[i] = table[0][in->rgb[3 * i]];
        green[i] = table[1][in->rgb[3 * i + 1]];
        blue[i] = table[2][in->rgb[3 * i + 2]];
    }
}
