/* The work of `bench`: one model, run by one or more streams at the same time, every run timed. */
#ifndef FSCNN_CLI_BENCH_RUN_H
#define FSCNN_CLI_BENCH_RUN_H

#include "files.h"
#include "statistics.h"

/* As many runs are timed at most; more would not fit the list of times. */
enum { BENCH_MAX_RUNS = 10000000 };

struct bench_job {
    const struct fscnn_model *model;
    const char *path;     /* of the model, for messages */
    int threads, streams; /* threads of each stream; at least 1 */
    int batch, warmup;
    int iterations; /* of each stream; 0: as many as fit the duration */
    int seconds;    /* 0: no limit but the iterations */
    bool pin, profile, quiet;
    enum fscnn_input_type input;
    enum fscnn_output_type output;
};

struct bench_times {
    struct samples *streams; /* [num_streams] ms of every run, in order */
    int num_streams;
    struct samples all; /* the same, stream after stream */
    double wall;        /* seconds from the common start to the end of the last run */
    double *step_ms;    /* [num_steps] of the first stream; NULL: not measured */
    int num_steps;
};

/* Nothing but the network runs while times are taken: input and output are there before, and each stream has its
 * session and has warmed up. Errors: MEMORY, those of sessions and running. Free `times` with bench_times_free in any
 * case. */
FSCNN_NODISCARD enum fscnn_status bench_run(const struct bench_job *job, struct bench_times *times,
                                            struct fscnn_error *err);
void bench_times_free(struct bench_times *times);

#endif
