/* Fuzz target: PNG and JPEG pictures and labels, from memory. What decodes must decode again to its announced size. */
#include <stdlib.h>

#include "image/picture.h"

/* Larger pictures are allowed, but a fuzzer that spends its time in them finds less. */
enum { MAX_PIXELS = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fscnn_picture picture;
    struct fscnn_labels labels;
    struct fscnn_error error;
    int width = 0, height = 0;
    enum fscnn_status head = picture_decode_size(data, size, "fuzz", &width, &height, &error);
    if (head == FSCNN_OK && (int64_t)width * height > MAX_PIXELS) {
        return 0;
    }
    if (picture_decode(data, size, "fuzz", &picture, &error) == FSCNN_OK) {
        if (head != FSCNN_OK || picture.width != width || picture.height != height) {
            abort();
        }
        fscnn_picture_free(&picture);
    } else if (picture.rgb) {
        abort();
    }
    if (labels_decode(data, size, "fuzz", &labels, &error) == FSCNN_OK) {
        if (labels.width != width || labels.height != height) {
            abort();
        }
        fscnn_labels_free(&labels);
    }
    return 0;
}
