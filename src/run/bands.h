/* Which rows of a step each thread computes.
 *
 * Every thread starts with an equal band of neighbouring rows and takes them a few at a time. One that is done takes
 * over the lower part of what another has left, so that a slow or interrupted processor does not hold up the others:
 * waiting for it at the end of each step costs a tenth of the time on a busy machine. A band in slices (plan.h) is gone
 * through once for each; whoever takes rows over takes them in the slice that is in work, and for all later ones. */
#ifndef FSCNN_RUN_BANDS_H
#define FSCNN_RUN_BANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bands;

/* NULL when there is no memory. */
struct bands *bands_create(int threads);
void bands_free(struct bands **bands);

/* One pass of all threads over `rows` rows, `slices` times. */
struct bands_step {
    uint32_t number; /* tells it from the passes before and after */
    int rows, slices;
    int chunk;  /* rows taken at a time */
    bool share; /* take over rows of others; no thread may be in the pass before or after when another is in this one */
};

/* Rows to compute: from .. to - 1 of a slice. */
struct bands_part {
    int from, to, slice;
    bool fresh; /* they do not follow this thread's last ones */
    int end;    /* those that do will not reach beyond */
};

/* This thread's next rows; false when nothing is left for it. Takes locks, but holds them briefly. */
bool bands_take(struct bands *bands, int thread, const struct bands_step *step, struct bands_part *out);

#endif
