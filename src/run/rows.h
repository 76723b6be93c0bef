/* What the files that run stages share: where a thread's rows lie. */
#ifndef FSCNN_RUN_ROWS_H
#define FSCNN_RUN_ROWS_H

#include "run/session.h"

struct rows {
    char *data;      /* pixel 0 of the first row */
    int channels;    /* elements from pixel to pixel */
    bool contiguous; /* the rows asked for follow one another without gaps */
};

static inline const struct plan *plan_of(const struct worker *w) { return &w->session->model->plan; }
static inline const struct layout *layout_of(const struct worker *w) { return &w->session->model->layout; }
static inline char *work_of(const struct worker *w, int stage) { return w->scratch + layout_of(w)->stages[stage].work; }

/* Rows row .. row + count - 1 of a source. */
struct rows source_rows(const struct worker *w, struct source source, int row, int count);

/* In place over the `count` channels, `stride` elements apart, of one pixel. */
void softmax_pixel(float *pixel, int count, ptrdiff_t stride);

/* The OUTPUT stage: one row of the network's output to the caller. */
void output_run(struct worker *w, int stage, int row);

#endif
