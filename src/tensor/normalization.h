/* What 8-bit RGB means to the network: bit for bit torchvision's ToTensor and Normalize. */
#ifndef FSCNN_TENSOR_NORMALIZATION_H
#define FSCNN_TENSOR_NORMALIZATION_H

/* Mean and deviation of ImageNet's channels (R, G, B), on which the arithmetic of the checkpoints is based. */
static const float normalization_mean[3] = {0.485F, 0.456F, 0.406F};
static const float normalization_deviation[3] = {0.229F, 0.224F, 0.225F};

/* table [3, 256] f32: what each 8-bit value of each channel becomes. Only these results exist. */
static inline void normalization_table(float table[3][256]) {
    for (int c = 0; c < 3; c++) {
        for (int value = 0; value < 256; value++) {
            /* volatile: each step is rounded to float32, whatever the compiler would keep in wider registers. */
            volatile float unit = (float)value / 255.0F;
            volatile float centred = unit - normalization_mean[c];
            table[c][value] = centred / normalization_deviation[c];
        }
    }
}

#endif
