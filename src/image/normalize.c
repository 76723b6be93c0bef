/* 8-bit RGB -> the network's float input, bit for bit what torchvision's ToTensor and Normalize give: the value over
 * 255, minus the mean, divided by the deviation, each rounded to float32. Only 3 x 256 results exist: a table. */
#include "image/normalize.h"

#include <stddef.h>

#include "fastscnn/fastscnn.h"

/* Mean and deviation of ImageNet, on which the arithmetic of the checkpoints is based. */
static const float channel_mean[3] = {0.485F, 0.456F, 0.406F};
static const float channel_deviation[3] = {0.229F, 0.224F, 0.225F};

void normalize_table(float table[3][256]) {
    for (int c = 0; c < 3; c++) {
        for (int value = 0; value < 256; value++) {
            /* volatile: each step is rounded to float32, whatever the compiler would keep in wider registers. */
            volatile float unit = (float)value / 255.0F;
            volatile float centred = unit - channel_mean[c];
            table[c][value] = centred / channel_deviation[c];
        }
    }
}

void fscnn_normalize(const struct fscnn_picture *in, float *out) {
    float table[3][256];
    normalize_table(table);
    size_t count = (size_t)in->width * (size_t)in->height;
    float *red = out, *green = out + count, *blue = out + 2 * count;
    for (size_t i = 0; i < count; i++) {
        red[i] = table[0][in->rgb[3 * i]];
        green[i] = table[1][in->rgb[3 * i + 1]];
        blue[i] = table[2][in->rgb[3 * i + 2]];
    }
}
