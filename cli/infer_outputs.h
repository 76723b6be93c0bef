/* What `infer` writes: results of the network as raw bytes, .npy or text. */
#ifndef FSCNN_CLI_INFER_OUTPUTS_H
#define FSCNN_CLI_INFER_OUTPUTS_H

#include "files.h"

enum result_format { RESULT_BIN, RESULT_NPY, RESULT_TXT };

/* data: `images` results of `type`, as fscnn_session_run leaves them. TXT has one line for each row of the last axis,
 * "%f " or "%d " each value. Errors: IO, MEMORY. */
FSCNN_NODISCARD enum fscnn_status result_write(const char *path, enum result_format format,
                                               const struct fscnn_model_info *info, enum fscnn_output_type type,
                                               const void *data, size_t bytes, int images, struct fscnn_error *err);

/* Exactly what printf("%f ", value) gives, faster; `out` has room for 64 bytes. Returns the length. */
size_t format_float(float value, char *out);

#endif
