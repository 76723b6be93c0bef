/* The work of `infer`: batches read, run and written as overlapping stages. */
#ifndef FSCNN_CLI_INFER_RUN_H
#define FSCNN_CLI_INFER_RUN_H

#include "infer_outputs.h"
#include "infer_report.h"

struct infer_job {
    const struct fscnn_model *model;
    const char *path; /* of the model, for messages */
    const struct infer_inputs *inputs;
    int threads; /* 0: all cores */
    int warmup, loop;
    int seconds; /* > 0: repeat every run for as long instead of `loop` times */
    bool random; /* made-up data: random in 0..1 instead of zeros */
    enum fscnn_output_type type;
    const char *folder; /* of the results; NULL: they are not kept */
    enum result_format format;
    const char *ending; /* ".bin" */
    bool quiet;         /* no progress bar */
    bool profile;       /* measure the model's steps too */
    void (*warmed_up)(void *user, int times);
    void *user;
};

/* Runs everything. At most two batches of input and, where results are kept, two of output are in memory. Errors: those
 * of reading, running and writing; MEMORY where the buffers do not fit. Free `times` with infer_times_free. */
FSCNN_NODISCARD enum fscnn_status infer_run(const struct infer_job *job, struct infer_times *times,
                                            struct fscnn_error *err);
void infer_times_free(struct infer_times *times);

#endif
