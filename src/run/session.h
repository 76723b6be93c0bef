/* A session's inside: what session.c (the public face) and rows.c (the stages) share. */
#ifndef FSCNN_RUN_SESSION_H
#define FSCNN_RUN_SESSION_H

#include "kernels/kernels.h"
#include "plan/model.h"
#include "run/bands.h"
#include "run/team.h"
#include "run/weights.h"

/* Rows of a stage that one thread computes in one step. */
struct progress {
    int first, next, end;
};

/* What a stage gave: on the first look the least, the greatest and the sum of each channel's values, on the second how
 * many lay where between low and high. */
enum { RANGE_BINS = 2048 };
struct range {
    float *least, *most; /* [c] */
    double *sum;         /* [c] */
    float low, high;     /* set between the looks */
    uint64_t *bins;      /* [RANGE_BINS] over low..high, or NULL on the first look */
};

struct worker {
    struct fscnn_session *session;
    int index;
    char *scratch; /* layout.scratch_bytes, zeros first */
    struct progress *stages;
    struct conv_segment *segments; /* [255] */
    const void **rows;             /* [255] */
    int plane_rows[2];             /* which source rows the OUTPUT stage's planes hold */
    int settled_rows[2], num_todo; /* between which source rows its labels are settled, and groups that are not */
    int slice;                     /* of the step that runs */
    struct range *ranges;          /* [stages] when calibrating, else NULL; the model is float32 and uncut */
};

struct fscnn_session {
    const struct fscnn_model *model;
    struct kernels kernels;
    struct team *team;
    struct bands *bands;
    struct worker *workers;
    char *arena; /* tensors */
    struct weights weights;
    float (*table)[256]; /* u8 -> normalised f32, by channel */
    /* The image in work, and its number. */
    uint32_t image;
    enum fscnn_input_type input_type;
    enum fscnn_output_type output_type;
    const void *input;
    void *output;
    /* [steps] time of thread 0 in each step, waiting before the next one included; NULL: not measured. */
    double *step_ms;
    uint64_t profiled; /* images that step_ms is the sum of */
};

/* Runs one step's part of this thread. */
void step_run(struct worker *worker, int step);

#endif
