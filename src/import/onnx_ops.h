/* Operator translation, between onnx_ops.c and its sisters for convolution, pooling and resizing. */
#ifndef FSCNN_IMPORT_ONNX_OPS_H
#define FSCNN_IMPORT_ONNX_OPS_H

#include "import/onnx_import.h"

/* Input i, which must be an image in the usual order N C H W (and not labels). */
FSCNN_NODISCARD enum fscnn_status onnx_need_picture(struct onnx_import *in, int i, struct onnx_value **out);
/* Input i, which must be a constant of `rank` dimensions (-1: any) that holds floats. */
FSCNN_NODISCARD enum fscnn_status onnx_need_floats(struct onnx_import *in, int i, int rank, const struct tensor **out);

/* Adds *node, named after the node being read, with `image` as its only input (NULL: inputs are set already); *index
 * gets its number in the graph. */
FSCNN_NODISCARD enum fscnn_status onnx_add(struct onnx_import *in, struct node *node, const struct onnx_value *image,
                                           int *index);
/* The same, and the node's output becomes that image, in the order of axes of `like`. */
FSCNN_NODISCARD enum fscnn_status onnx_emit(struct onnx_import *in, struct node *node, const struct onnx_value *image,
                                            const struct onnx_value *like);

/* Adds y = x * scale[c] + shift[c]; NULL: 1 and 0. The arrays [c] must live in the graph's arena. */
FSCNN_NODISCARD enum fscnn_status onnx_emit_affine(struct onnx_import *in, const struct onnx_value *image,
                                                   const double *scale, const double *shift);

/* Memory of the graph, zeroed; NULL after setting the error. */
void *onnx_graph_alloc(struct onnx_import *in, size_t count, size_t size);

/* How windows slide over a picture: attributes kernel_shape, strides, dilations, pads, auto_pad of Conv and pooling. */
struct onnx_window {
    int kernel[2], stride[2], dilation[2]; /* h, w */
    int pad_begin[2], pad_end[2];
};
/* kernel[2] is the weights' size, {0, 0} where the attribute must give it; size[2] the picture's. */
FSCNN_NODISCARD enum fscnn_status onnx_get_window(struct onnx_import *in, const int64_t *kernel, struct shape picture,
                                                  struct onnx_window *out);

FSCNN_NODISCARD enum fscnn_status onnx_conv(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_batch_normalization(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_average_pool(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_global_average_pool(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_reduce_mean(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_mat_mul(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_resize(struct onnx_import *in);
FSCNN_NODISCARD enum fscnn_status onnx_upsample(struct onnx_import *in);

#endif
