/* Offline models: whatever parses must also be laid out and run without leaving its memory. */
#include <stdlib.h>
#include <string.h>

#include "plan/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small enough to run: bigger pictures would only be slow. */
static void run(const struct fscnn_model *model) {
    const struct fscnn_session_options options = {.threads = 1};
    struct fscnn_session *session;
    size_t in = fscnn_model_input_bytes(model, FSCNN_INPUT_F32, 1);
    size_t out = fscnn_model_output_bytes(model, FSCNN_OUTPUT_LABELS, 1);
    struct fscnn_model_info info;
    fscnn_model_get_info(model, &info);
    if (in + out + info.activation_bytes + info.scratch_bytes > 1 << 22 || info.macs > 1 << 24 ||
        fscnn_session_create(model, &options, &session, NULL) != FSCNN_OK) {
        return;
    }
    void *image = calloc(1, in), *labels = calloc(1, out);
    if (image && labels) {
        /* May be refused, as more than 256 classes are, and bytes for other than 3 channels. */
        (void)!fscnn_session_run(session, FSCNN_INPUT_F32, image, FSCNN_OUTPUT_LABELS, labels, 1, NULL);
        (void)!fscnn_session_run(session, FSCNN_INPUT_U8, image, FSCNN_OUTPUT_LABELS, labels, 1, NULL);
    }
    free(image);
    free(labels);
    fscnn_session_free(&session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct plan plan;
    struct fscnn_model *model = NULL;
    void *copy = aligned_alloc(64, (size + 63) / 64 * 64 + 64); /* packed weights are used where they lie */
    if (!copy) {
        return 0;
    }
    memcpy(copy, data, size);
    if (plan_parse(copy, size, &plan, NULL) != FSCNN_OK) {
        free(copy);
        return 0;
    }
    if (model_create(&plan, (struct file_map){0}, copy, &model, NULL) == FSCNN_OK) { /* owns copy, also when it fails */
        run(model);
        fscnn_model_free(&model);
    }
    return 0;
}
