/* Constant folding, between onnx_shape_math.c (values) and onnx_shape_move.c (which only moves elements). */
#ifndef FSCNN_IMPORT_ONNX_FOLD_H
#define FSCNN_IMPORT_ONNX_FOLD_H

#include "import/onnx_import.h"

struct onnx_folder {
    const char *op_type;
    enum fscnn_status (*fold)(struct onnx_import *in);
};

/* A zeroed constant in the import's arena, after checking its shape. Errors: FORMAT, UNSUPPORTED, MEMORY. */
FSCNN_NODISCARD enum fscnn_status onnx_fold_create(struct onnx_import *in, enum dtype dtype, int rank,
                                                   const int64_t *shape, struct tensor *out);
/* Stores an element, rounded to the element type, into a tensor made by onnx_fold_create. */
void onnx_fold_put(struct tensor *t, size_t i, double value);

FSCNN_NODISCARD enum fscnn_status onnx_fold_concat(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_fold_expand(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_fold_flatten(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_fold_gather(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_fold_reshape(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_fold_slice(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_fold_squeeze(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_fold_transpose(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_fold_unsqueeze(struct onnx_import *in);

#endif
