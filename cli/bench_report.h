/* What `bench` says about its times: text, JSON, every run's time as a file. */
#ifndef FSCNN_CLI_BENCH_REPORT_H
#define FSCNN_CLI_BENCH_REPORT_H

#include "bench_run.h"
#include "json_output.h"

struct bench_report {
    const struct bench_job *job;
    const struct bench_times *times;
    const char *model;             /* the file's name, as given */
    size_t peak_rss;               /* bytes */
    const struct fscnn_peak *peak; /* of all streams' threads together; NULL without a profile */
};

/* What will be run, before it is. */
void bench_print_job(const struct bench_job *job, const char *model);
void bench_print(const struct bench_report *report);
/* NULL when out of memory. */
json_t *bench_json(const struct bench_report *report);
/* A line "stream,run,latency_ms" for each run, below these words. Errors: IO, MEMORY. */
FSCNN_NODISCARD enum fscnn_status bench_write_times(const char *path, const struct bench_times *times,
                                                    struct fscnn_error *err);

#endif
