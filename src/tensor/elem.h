/* What the pixels of activations are made of. */
#ifndef FSCNN_TENSOR_ELEM_H
#define FSCNN_TENSOR_ELEM_H

#include <stddef.h>

enum elem { ELEM_F32, ELEM_BF16, ELEM_U8, ELEM_COUNT };

static inline size_t elem_size(int elem) { return elem == ELEM_F32 ? 4 : elem == ELEM_BF16 ? 2 : 1; }

#endif
