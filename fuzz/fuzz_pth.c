/* Checkpoints: any bytes are either tensors, all of which can be read, or an error with one line of text. */
#include <stdlib.h>

#include "base/status.h"
#include "formats/pth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct checkpoint checkpoint;
    struct fscnn_error err = {""};
    if (checkpoint_parse(data, size, "input", &checkpoint, &err) != FSCNN_OK) {
        if (err.text[0] == '\0' || checkpoint.tensors) {
            abort();
        }
        return 0;
    }
    volatile double sum = 0; /* so that every element is read */
    for (int i = 0; i < checkpoint.num_tensors; i++) {
        const struct tensor *tensor = &checkpoint.tensors[i];
        for (size_t k = 0, count = tensor_count(tensor); k < count && k < 4096; k++) {
            sum += tensor_get_double(tensor, k);
            sum += tensor_get_double(tensor, count - 1 - k);
        }
        if (checkpoint_find(&checkpoint, tensor->name) != tensor) {
            abort(); /* names are unique */
        }
    }
    (void)sum;
    checkpoint_close(&checkpoint);
    return 0;
}
