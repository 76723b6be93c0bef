#include "run/peak.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "cpu/cpu.h"
#include "run/team.h"

/* Each figure is the best of several runs of at least some milliseconds: others on the machine only make it worse. */
enum { RUNS = 10, RUN_MS = 6, ENOUGH_MS = 50, MB = 1 << 20 };

struct peak_job {
    const struct kernels *kernels;
    int type;           /* enum elem */
    uint64_t rounds;    /* of the work below, by each thread */
    uint64_t work_done; /* by thread 0 */
    char *data;         /* thread i has data + i * part */
    size_t part;
};

static void run_compute(void *user, int thread) {
    struct peak_job *job = user;
    uint64_t done = job->kernels->peak[job->type](job->rounds * 100);
    if (thread == 0) {
        job->work_done = done;
    }
}

static void run_read(void *user, int thread) {
    struct peak_job *job = user;
    for (uint64_t i = 0; i < job->rounds; i++) {
        job->kernels->peak_read(job->data + (size_t)thread * job->part, job->part);
    }
    if (thread == 0) {
        job->work_done = job->rounds * job->part;
    }
}

static void run_write(void *user, int thread) {
    struct peak_job *job = user;
    for (uint64_t i = 0; i < job->rounds; i++) {
        job->kernels->peak_write(job->data + (size_t)thread * job->part, job->part);
    }
    if (thread == 0) {
        job->work_done = job->rounds * job->part;
    }
}

static double now_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double timed_run(struct team *team, void (*run)(void *user, int thread), struct peak_job *job) {
    double start = now_seconds();
    team_run(team, run, job);
    return now_seconds() - start;
}

/* Work a second of all threads together. */
static double best_rate(struct team *team, void (*run)(void *user, int thread), struct peak_job *job) {
    double seconds, spent = 0, best = 0;
    /* Also warms up: clocks, pages, caches. */
    for (job->rounds = 1; (seconds = timed_run(team, run, job)) < 1e-3 * RUN_MS && job->rounds < 1ULL << 32;) {
        job->rounds *= seconds < 1e-4 * RUN_MS ? 8 : 2;
    }
    for (int i = 0; i < 2 || (i < RUNS && spent < 1e-3 * ENOUGH_MS); i++) {
        seconds = timed_run(team, run, job);
        spent += seconds;
        double rate = (double)job->work_done * team_size(team) / (seconds > 0 ? seconds : 1e-9);
        best = rate > best ? rate : best;
    }
    return best;
}

static void measure_compute(struct team *team, struct peak_job *job, double rates[ELEM_COUNT]) {
    for (job->type = 0; job->type < ELEM_COUNT; job->type++) {
        rates[job->type] = best_rate(team, run_compute, job);
        /* Narrow types can always be computed in float32, which is faster on some processors. */
        if (rates[job->type] < rates[ELEM_F32]) {
            rates[job->type] = rates[ELEM_F32];
        }
    }
}

/* sysconf names caches of x86; elsewhere it may give 0 or -1. */
static size_t cache_bytes(int name, size_t otherwise) {
    long bytes = sysconf(name);
    return bytes > 0 ? (size_t)bytes : otherwise;
}

/* Bytes of memory to stream through: beyond the caches, as far as that is a reasonable amount. */
static size_t memory_bytes(void) {
    const uint64_t available = fscnn_memory_available();
    size_t bytes = 2 * cache_bytes(_SC_LEVEL3_CACHE_SIZE, 16 * MB);
    bytes = bytes < 64 * MB ? 64 * MB : bytes > 512 * MB ? 512 * MB : bytes;
    return available > 0 && bytes > available / 4 ? (size_t)(available / 4) : bytes;
}

static enum fscnn_status measure_memory(struct team *team, struct peak_job *job, struct fscnn_peak *out,
                                        struct fscnn_error *err) {
    size_t threads = (size_t)team_size(team), bytes = memory_bytes();
    size_t cached = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 512 * 1024) / 2 / PEAK_LINE * PEAK_LINE;
    bytes = bytes / threads < cached ? cached * threads : bytes;
    size_t part = bytes / threads / PEAK_LINE * PEAK_LINE;
    job->data = aligned_alloc(2 * MB, (part * threads + 2 * MB - 1) / (2 * MB) * (2 * MB));
    if (!job->data) {
        return error_memory(err, bytes, "measuring the memory");
    }
    madvise(job->data, part * threads, MADV_HUGEPAGE);
    job->part = part;
    out->write_memory = best_rate(team, run_write, job); /* first: it gives the pages contents of their own */
    out->read_memory = best_rate(team, run_read, job);
    job->part = cached;
    out->read_cache = best_rate(team, run_read, job);
    free(job->data);
    return FSCNN_OK;
}

enum fscnn_status peak_measure(const struct kernels *kernels, int threads, struct fscnn_peak *out,
                               struct fscnn_error *err) {
    struct peak_job job = {.kernels = kernels};
    struct team *team;
    *out = (struct fscnn_peak){.threads = threads ? threads : fscnn_cpu_cores()};
    if (out->threads < 1 || out->threads > CPU_MOST_THREADS) {
        return error_set(err, FSCNN_ERROR_USAGE, "%d threads: 1 to %d can be used", threads, CPU_MOST_THREADS);
    }
    enum fscnn_status status = team_create(out->threads, -1, &team, err);
    if (status == FSCNN_OK) {
        measure_compute(team, &job, out->compute);
        status = measure_memory(team, &job, out, err);
        team_free(&team);
    }
    return status;
}

enum fscnn_status fscnn_cpu_peak(int threads, struct fscnn_peak *out, struct fscnn_error *err) {
    const struct kernels kernels = kernels_get(cpu_flags_used());
    return peak_measure(&kernels, threads, out, err);
}
