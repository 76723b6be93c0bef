/* What follows from a plan: ring sizes, arena offsets, sampling tables, waiting points. */
#ifndef FSCNN_PLAN_LAYOUT_H
#define FSCNN_PLAN_LAYOUT_H

#include "plan/plan.h"
#include "tensor/taps.h"

/* A stage's own memory: strides and offsets into a thread's scratch in bytes. */
struct stage_layout {
    int chunk;     /* rows computed at a time */
    int ring_rows; /* 0 for a root */
    int left;      /* pixels of zeros before each row of the ring, for the padding of its user */
    int right;
    int channels;      /* of a ring's pixels: those of one slice */
    size_t row_stride; /* (left + w + right) * channels * size of an element */
    size_t ring;
    /* CONV of split numbers (plan_split_parts): PLAN_SPLIT_BYTES for each of K; LOAD, COPY, CONCAT, SOFTMAX, POOL: rows
     * in f32; RESIZE: one blended row; OUTPUT: planes (below) */
    size_t work;
    struct tap *rows;         /* RESIZE, OUTPUT: [h] */
    struct tap *columns;      /* RESIZE, OUTPUT: [w rounded up to 16] */
    struct tap_group *groups; /* OUTPUT: [ceil(w / 16)], the columns again */
    /* OUTPUT: at `work`, two planar source rows and a blended one of [c, plane], then a row of [c, row_plane]. */
    size_t plane, row_plane;
    int num_groups;
    size_t cells; /* OUTPUT, for labels: i32 [num_groups], u8 [w], u8 [2, width of the input] */
};

struct step_layout {
    bool wait; /* all threads must have finished what was before */
};

struct layout {
    struct arena arena;
    struct stage_layout *stages;
    struct step_layout *steps;
    size_t *tensors;      /* offset of each tensor in the activation arena, in bytes */
    size_t arena_bytes;   /* of the activation arena */
    size_t scratch_bytes; /* of each thread's scratch; starts with zero_bytes zeros for rows outside the picture */
    size_t zero_bytes;
};

/* For a plan that passed plan_check. Errors: MEMORY (more than a session may ask for). */
FSCNN_NODISCARD enum fscnn_status layout_create(const struct plan *plan, struct layout *out, struct fscnn_error *err);
void layout_free(struct layout *layout);

/* Rows [*low, *high] (inside the picture, low <= high; low > high where all are padding) of a source that the stage
 * needs for its output row `row`. */
void layout_source_rows(const struct plan *plan, const struct layout *layout, int stage, struct source source, int row,
                        int *low, int *high);

/* Rows that a stage computes at a time: several where rows are short. */
int layout_chunk(const struct stage *stage);
/* Rows of a ring that its user reads `window` rows of together and that is filled `chunk` rows at a time. */
int layout_ring_rows(int window, int chunk);

#endif
