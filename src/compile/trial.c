#include "compile/trial.h"

#include <stdlib.h>

enum fscnn_status trial_create(const struct graph *graph, const struct lower_options *options, int threads,
                               struct trial *out, struct fscnn_error *err) {
    struct plan plan = {.num_batch_sizes = 1, .batch_sizes = {1}};
    struct pack pack = {0};
    *out = (struct trial){.threads = threads};
    enum fscnn_status status = lower(graph, options, &plan, &pack, err);
    if (status != FSCNN_OK) {
        arena_free(&plan.arena);
        free(pack.bytes);
        return status;
    }
    status = model_create(&plan, (struct file_map){0}, pack.bytes, &out->model, err);
    if (status == FSCNN_OK) {
        status = trial_restart(out, err);
    }
    if (status == FSCNN_OK) {
        size_t bytes = fscnn_model_output_bytes(out->model, FSCNN_OUTPUT_LABELS, 1);
        out->labels = malloc(bytes);
        status = out->labels ? FSCNN_OK : error_memory(err, bytes, "labels");
    }
    return status;
}

enum fscnn_status trial_restart(struct trial *trial, struct fscnn_error *err) {
    const struct fscnn_session_options options = {.threads = trial->threads};
    fscnn_session_free(&trial->session);
    return fscnn_session_create(trial->model, &options, &trial->session, err);
}

enum fscnn_status trial_run(struct trial *trial, const struct fscnn_picture *picture, struct fscnn_error *err) {
    return fscnn_session_run(trial->session, FSCNN_INPUT_U8, picture->rgb, FSCNN_OUTPUT_LABELS, trial->labels, 1, err);
}

const float *trial_logits(const struct trial *trial, size_t *count) {
    const struct plan *plan = &trial->model->plan;
    int tensor = model_output(trial->model)->inputs[0].index; /* a tensor, as the model is lowered whole */
    const struct tensor_desc *t = &plan->tensors[tensor];
    *count = (size_t)t->h * (size_t)t->w * (size_t)t->c;
    return (const float *)(const void *)(trial->session->arena + trial->model->layout.tensors[tensor]);
}

void trial_free(struct trial *trial) {
    fscnn_session_free(&trial->session);
    fscnn_model_free(&trial->model);
    free(trial->labels);
    *trial = (struct trial){0};
}
