/* Files -> graph. */
#ifndef FSCNN_IMPORT_IMPORT_H
#define FSCNN_IMPORT_IMPORT_H

#include "formats/pth.h"
#include "graph/graph.h"

/* What both importers are told. */
struct import_options {
    int height, width;       /* 0: as in the file; 1024 x 2048 for a checkpoint and for free ONNX dimensions */
    enum fscnn_pool pool;    /* checkpoints only */
    const char *output_name; /* ONNX only: which output; NULL: the first */
    struct fscnn_log log;    /* what was found, what was left out; line may be NULL */
};

/* Fast-SCNN from a checkpoint's tensors (names of SegmenTron). Any number of classes; auxiliary heads are left out.
 * Errors FORMAT: a missing, unknown or misshapen tensor, named with what was expected. */
FSCNN_NODISCARD enum fscnn_status import_fast_scnn(const struct checkpoint *checkpoint,
                                                   const struct import_options *options, struct graph **out,
                                                   struct fscnn_error *err);

/* An ONNX model in memory; `name` stands in messages ("model.onnx: node Resize_42 (Resize, opset 13): ...").
 * Errors: FORMAT, UNSUPPORTED (an operator outside the list: by operator, node and opset, with the list), MEMORY. */
FSCNN_NODISCARD enum fscnn_status import_onnx(const void *data, size_t size, const char *name,
                                              const struct import_options *options, struct graph **out,
                                              struct fscnn_error *err);

/* What a checkpoint holds, line by line: its tensors, and whether they are a Fast-SCNN. Errors: those of
 * checkpoint_open. */
FSCNN_NODISCARD enum fscnn_status checkpoint_describe(const char *path, struct fscnn_log log, struct fscnn_error *err);

/* What an ONNX model in memory holds, line by line: inputs, outputs, nodes, operators. Errors: FORMAT, UNSUPPORTED. */
FSCNN_NODISCARD enum fscnn_status onnx_describe(const void *data, size_t size, const char *name, struct fscnn_log log,
                                                struct fscnn_error *err);

#endif
