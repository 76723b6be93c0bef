/* Counting confusion matrices, and the evaluation that sums them up in order. */
#ifndef FSCNN_EVAL_CONFUSION_H
#define FSCNN_EVAL_CONFUSION_H

#include "base/status.h"

/* Scratch of one thread that counts; matrices are [classes, classes] uint64, rows = ground truth. */
struct confusion_counter {
    int classes;
    uint32_t *tables; /* [COUNTER_TABLES, classes + 1, classes]: row `classes` collects what is ignored */
};

FSCNN_NODISCARD enum fscnn_status confusion_counter_init(struct confusion_counter *counter, int classes,
                                                         struct fscnn_error *err);
void confusion_counter_release(struct confusion_counter *counter);

/* Adds predicted and true train ids [count] to matrix; a truth >= classes counts nowhere.
 * Error USAGE, naming class and pixel, for a prediction >= classes; matrix is then as before. */
FSCNN_NODISCARD enum fscnn_status confusion_count(struct confusion_counter *counter, const uint8_t *predicted,
                                                  const uint8_t *truth, size_t count, uint64_t *matrix,
                                                  struct fscnn_error *err);

/* Adds one image that was counted into a matrix of its own. Errors: MEMORY. */
FSCNN_NODISCARD enum fscnn_status evaluation_add_matrix(struct fscnn_evaluation *evaluation, const uint64_t *image,
                                                        struct fscnn_error *err);

#endif
