/* Named tensors as they come out of checkpoints and ONNX files, and element types. */
#ifndef FSCNN_TENSOR_TENSOR_H
#define FSCNN_TENSOR_TENSOR_H

#include <stddef.h>
#include <stdint.h>

enum dtype {
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F64,
    DTYPE_I64,
    DTYPE_I32,
    DTYPE_I16,
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_BOOL
};

enum { TENSOR_MAX_RANK = 8 };

struct tensor {
    const char *name;
    enum dtype dtype;
    int rank;
    int64_t shape[TENSOR_MAX_RANK]; /* C order, contiguous */
    const void *data;               /* tensor_count elements of dtype, at any alignment: read by tensor_get_* */
};

size_t dtype_size(enum dtype dtype);
const char *dtype_name(enum dtype dtype); /* "float32", "bfloat16", ... */

/* Product of the shape (1 for rank 0). The one who made the tensor has checked that it does not overflow. */
size_t tensor_count(const struct tensor *t);
/* Element i in C order. Integers and halves are converted exactly (int64 to double may round). */
double tensor_get_double(const struct tensor *t, size_t i);
int64_t tensor_get_int(const struct tensor *t, size_t i); /* truncates floats toward zero, clamps to int64 */
/* out [count] f32, every element converted (double and int64 round to nearest even). */
void tensor_to_f32(const struct tensor *t, float *out);
/* "[19, 128, 1, 1]" into text; returns text. */
const char *tensor_shape_text(const struct tensor *t, char *text, size_t size);

float half_to_float(uint16_t half);
uint16_t float_to_half(float value); /* nearest even, overflow to infinity */
float bfloat16_to_float(uint16_t value);
uint16_t float_to_bfloat16(float value); /* nearest even, NaN stays NaN */

#endif
