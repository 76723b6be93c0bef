/* ONNX files: bytes -> ModelProto, through protobuf-c and ONNX's own schema (onnx.proto), with bounded memory and
 * depth.
 */
#ifndef FSCNN_FORMATS_ONNX_FILE_H
#define FSCNN_FORMATS_ONNX_FILE_H

#include "base/arena.h"
#include "base/status.h"
#include "formats/onnx.pb-c.h"
#include "tensor/tensor.h"

/* A parsed file. It must stay where it is: the allocator points into it. */
struct onnx_file {
    Onnx__ModelProto *model; /* graph is never NULL */
    int64_t opset;           /* of the default domain */
    ProtobufCAllocator allocator;
    size_t used, limit; /* bytes of parsed messages */
};

/* Parses a whole file; `name` stands in messages. Errors: FORMAT (not a ModelProto, no graph, no opset, nested too
 * deep), MEMORY (the messages are out of proportion to the file). */
FSCNN_NODISCARD enum fscnn_status onnx_file_parse(const void *data, size_t size, const char *name,
                                                  struct onnx_file *out, struct fscnn_error *err);
void onnx_file_free(struct onnx_file *file);

/* Shape and elements of a TensorProto after checking that they belong together. Raw data is pointed at (valid as long
 * as the file), typed fields that are wider than their element type are narrowed into `arena`. Errors: FORMAT,
 * UNSUPPORTED (external data, strings and other element types), MEMORY; all name the tensor. */
FSCNN_NODISCARD enum fscnn_status onnx_tensor_view(const Onnx__TensorProto *proto, struct arena *arena,
                                                   struct tensor *out, struct fscnn_error *err);

/* ONNX's number for an element type -> ours; false where there is none. And its name ("float", "uint16"). */
bool onnx_dtype(int32_t data_type, enum dtype *out);
const char *onnx_dtype_name(int32_t data_type);

#endif
