/* Fuzz target: .npy headers. An accepted array lies inside the file and ends where the file ends. */
#include <stdlib.h>

#include "tensor/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tensor t;
    struct fscnn_error err;
    if (npy_parse(data, size, "fuzz", &t, &err) != FSCNN_OK) {
        return 0;
    }
    const uint8_t *start = t.data;
    size_t bytes = tensor_count(&t) * dtype_size(t.dtype);
    if (t.rank < 0 || t.rank > TENSOR_MAX_RANK || start < data || start > data + size ||
        bytes != (size_t)(data + size - start)) {
        abort();
    }
    if (bytes) { /* both ends can be read */
        volatile double ends = tensor_get_double(&t, 0) + tensor_get_double(&t, tensor_count(&t) - 1);
        (void)ends;
    }
    return 0;
}
