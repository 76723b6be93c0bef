/* The pictures of a data set through the network and into an evaluation, in one pass. */
#ifndef FSCNN_CLI_VALIDATE_RUN_H
#define FSCNN_CLI_VALIDATE_RUN_H

#include "default_model.h"
#include "progress.h"

struct validation {
    const char *model; /* path; may not be NULL */
    struct pool_choice pool;
    enum fscnn_label_type label_type;
    int threads;          /* of the network; 0: one per core */
    const char *overlays; /* a folder that is there, or NULL */
    const struct fscnn_dataset *dataset;
    const size_t *order; /* [count] indices into the data set's items; NULL: as they are */
    size_t count;
    int *beyond; /* raised to the highest label of TRAIN_IDS that is none of the model's classes, nor 255 */
    struct progress_bar *bar;
    /* Is told of each picture that cannot be evaluated, in order, by one thread at a time. */
    void (*left_out)(void *user, const struct fscnn_dataset_item *item, const struct fscnn_error *err);
    void *user;
};

/* Gives the evaluation of all pictures, in order. Few pictures are in memory at a time; the next ones are decoded while
 * the network runs, and overlays are written meanwhile. A picture that cannot be read, whose labels do not fit or whose
 * size does not suit the model is left out; *out is NULL where none is left. What the others would meet as well stops
 * everything: errors are the first of these in the order of the pictures. */
FSCNN_NODISCARD enum fscnn_status validation_run(const struct validation *validation, struct fscnn_evaluation **out,
                                                 struct fscnn_error *err);

#endif
