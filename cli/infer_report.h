/* What `infer` says about a run: the performance summary on the console, the summary file, JSON. */
#ifndef FSCNN_CLI_INFER_REPORT_H
#define FSCNN_CLI_INFER_REPORT_H

#include "infer_inputs.h"
#include "json_output.h"
#include "statistics.h"

struct infer_times {
    struct samples compute; /* ms around fscnn_session_run alone, every repetition */
    struct samples in, out; /* ms of reading a batch into memory and of writing its results */
    double wall;            /* seconds of everything after the warm-up */
    uint64_t images;        /* real ones that went through the network, repetitions included */
    double *step_ms;        /* [num_steps] mean of each of the model's steps an image; NULL: not measured */
    int num_steps;
    uint64_t profiled_images; /* that step_ms is the mean of */
};

/* The "Performance Summary" lines; `all`: the in and out latencies too. */
void infer_print_summary(const struct infer_times *times, int batch, bool all);

/* {"NPU_compute_time": {...}, "H2D_latency": ..., "D2H_latency": ..., "throughput": ..., "npu_compute_time_list":
 * [...], "pid": ...}; NULL when out of memory. */
json_t *infer_summary_json(const struct infer_times *times, int batch);

/* Adds "filesinfo" {id: {infiles, outfiles}} and "args" and writes PATH. `folder`: of the results; `ending`: ".bin". */
FSCNN_NODISCARD enum fscnn_status infer_write_summary(const char *path, const struct infer_times *times,
                                                      const struct infer_inputs *inputs, const char *folder,
                                                      const char *ending, int argc, char **argv,
                                                      struct fscnn_error *err);

/* The steps' times as a table on stdout, and as {"images": ..., "step_ms_sum": ..., "steps": [{step, name, gmac, ms,
 * share}, ...]}, NULL when out of memory. */
void infer_print_profile(const struct infer_times *times, const struct fscnn_model *model);
json_t *infer_profile_json(const struct infer_times *times, const struct fscnn_model *model);

/* "FOLDER/STEM_0.bin" in fresh memory; `input` NULL: made-up data. NULL when out of memory. */
char *infer_result_path(const char *folder, const char *input, const char *ending);

#endif
