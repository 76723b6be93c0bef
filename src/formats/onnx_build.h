/* Builds an ONNX model message by message, then packs it. Everything lives in one arena; running out of memory sets
 * `failed`, which onnx_builder_pack reports, so that callers need not check each call. Texts and arrays are copied. */
#ifndef FSCNN_FORMATS_ONNX_BUILD_H
#define FSCNN_FORMATS_ONNX_BUILD_H

#include "base/arena.h"
#include "base/status.h"
#include "formats/onnx.pb-c.h"

struct onnx_builder {
    struct arena arena;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__NodeProto spare_node; /* stand in for what could not be allocated: written to, never packed */
    Onnx__TensorProto spare_tensor;
    bool failed;
};

/* An empty model of the default domain. Must stay where it is; free with onnx_builder_free. */
void onnx_builder_start(struct onnx_builder *b, int64_t ir_version, int64_t opset);
void onnx_builder_free(struct onnx_builder *b);

/* A fixed dimension, or a named one where `name` is not NULL. */
struct onnx_dim {
    int64_t value;
    const char *name;
};
void onnx_build_input(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                      const struct onnx_dim *dims);
void onnx_build_output(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                       const struct onnx_dim *dims);

/* A node; inputs and outputs are names separated by spaces, "-" stands for an input left out. Never NULL. */
Onnx__NodeProto *onnx_build_node(struct onnx_builder *b, const char *op, const char *name, const char *inputs,
                                 const char *outputs);
void onnx_node_int(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, int64_t value);
void onnx_node_ints(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, size_t count,
                    const int64_t *values);
void onnx_node_float(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, float value);
void onnx_node_floats(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, size_t count,
                      const float *values);
void onnx_node_text(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, const char *value);
void onnx_node_tensor(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, Onnx__TensorProto *value);

/* A tensor with raw little-endian data of size bytes, on its own (for onnx_node_tensor) or as an initializer. */
Onnx__TensorProto *onnx_make_tensor(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                                    const int64_t *dims, const void *data, size_t size);
Onnx__TensorProto *onnx_build_initializer(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                                          const int64_t *dims, const void *data, size_t size);
void onnx_build_floats(struct onnx_builder *b, const char *name, size_t rank, const int64_t *dims, const float *data);
void onnx_build_ints(struct onnx_builder *b, const char *name, size_t count, const int64_t *data); /* rank 1 */

/* The file's bytes, malloc'd. Error MEMORY. */
FSCNN_NODISCARD enum fscnn_status onnx_builder_pack(struct onnx_builder *b, uint8_t **data, size_t *size,
                                                    struct fscnn_error *err);

#endif
