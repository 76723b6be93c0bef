/* The network's input arithmetic as a table. */
#ifndef FSCNN_IMAGE_NORMALIZE_H
#define FSCNN_IMAGE_NORMALIZE_H

#include <stdint.h>

/* table [3, 256] f32: what each 8-bit value of each channel (R, G, B) becomes. */
void normalize_table(float table[3][256]);

#endif
