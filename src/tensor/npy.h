/* NumPy's .npy files: one array with its element type and shape in front.
 *
 *   0   6   "\x93NUMPY"
 *   6   2   version: 1.0, 2.0 or 3.0
 *   8   2|4 length of the header, little-endian (2 bytes in version 1)
 *   10|12   header: a Python dict in ASCII, "{'descr': '<f4', 'fortran_order': False, 'shape': (19, 1024, 2048), }"
 *           and spaces up to a newline, so that the data starts at a multiple of 64
 *   ...     the elements
 *
 * Read and written are C order and little-endian f2 f4 f8 i1 i2 i4 i8 u1 and bool, rank 0 to TENSOR_MAX_RANK.
 */
#ifndef FSCNN_TENSOR_NPY_H
#define FSCNN_TENSOR_NPY_H

#include <stdbool.h>
#include <stdio.h>

#include "base/status.h"
#include "tensor/tensor.h"

/* Writes the header of version 1.0; the caller writes the elements (little-endian, C order) after it. A failed write
 * is left to the stream's error flag, as fscnn_output_commit wants it. Errors: USAGE for a rank beyond TENSOR_MAX_RANK
 * or a negative size, UNSUPPORTED for bfloat16, which .npy does not know; nothing is written then. */
FSCNN_NODISCARD enum fscnn_status npy_write_header(FILE *f, enum dtype dtype, const int64_t *shape, int rank);

/* True where `data` begins like an .npy file. */
bool npy_is(const void *data, size_t size);

/* Reads a whole file in memory. out->data points into `data` (any alignment) and out->name is `name`; both stay the
 * caller's. Errors name `name`: FORMAT (damaged, or not as many bytes as the shape needs), UNSUPPORTED (big-endian,
 * Fortran order, other element types, more dimensions). */
FSCNN_NODISCARD enum fscnn_status npy_parse(const void *data, size_t size, const char *name, struct tensor *out,
                                            struct fscnn_error *err);

#endif
