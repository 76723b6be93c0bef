/* A model that the compiler makes for itself, to look at what it computes. */
#ifndef FSCNN_COMPILE_TRIAL_H
#define FSCNN_COMPILE_TRIAL_H

#include "compile/compile.h"
#include "run/session.h"

struct trial {
    struct fscnn_model *model;
    struct fscnn_session *session;
    int threads;
    uint8_t *labels; /* [h, w] after trial_run */
};

/* Lowers the graph with options->whole set, and makes a session of so many threads (0: one per core). trial_free also
 * after an error. */
FSCNN_NODISCARD enum fscnn_status trial_create(const struct graph *graph, const struct lower_options *options,
                                               int threads, struct trial *out, struct fscnn_error *err);
/* Another session, after the model's plan was changed. */
FSCNN_NODISCARD enum fscnn_status trial_restart(struct trial *trial, struct fscnn_error *err);
FSCNN_NODISCARD enum fscnn_status trial_run(struct trial *trial, const struct fscnn_picture *picture,
                                            struct fscnn_error *err);
/* What the last stage reads, before it enlarges it to the labels' size: [*count] float32, until the next run. */
const float *trial_logits(const struct trial *trial, size_t *count);
void trial_free(struct trial *trial);

#endif
