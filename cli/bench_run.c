#include "bench_run.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "buffers.h"
#include "progress.h"

/* No run takes less: barriers alone cost more. It bounds the list of times where only the duration is given. */
enum { MOST_RUNS_A_SECOND = 50000, REDRAW_MS = 100 };

struct bench;

struct stream {
    struct bench *bench;
    int index;
    pthread_t thread;
    struct fscnn_session *session;
    void *output;
    struct samples *times;
    _Atomic size_t done; /* runs, for the progress bar */
    double ended;        /* seconds_now */
    enum fscnn_status status;
    struct fscnn_error err;
};

struct bench {
    const struct bench_job *job;
    void *input; /* shared: nobody writes to it */
    size_t input_bytes, output_bytes;
    struct stream *streams;
    size_t most_runs; /* of a stream */
    double deadline;  /* seconds_now; INFINITY: none */
    /* Streams get ready, wait for the start (or for the news that one of them could not), run, and finish. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int ready, finished;
    bool started, cancelled;
};

/* Street-like bytes: a bright sky above, a dark road below, noise over both. */
static void fill_u8(uint8_t *rgb, int images, int height, int width) {
    uint32_t state = 2463534242;
    for (int row = 0; row < images * height; row++) {
        uint32_t base = (uint32_t)(row % height) * 2 < (uint32_t)height ? 150 : 60;
        for (int i = 0; i < 3 * width; i++) {
            state ^= state << 13; /* Marsaglia's xorshift */
            state ^= state >> 17;
            state ^= state << 5;
            *rgb++ = (uint8_t)(base + (state >> 8) % 64);
        }
    }
}

/* The same, normalised. False when there is no memory. */
static bool fill_normalised(float *values, int images, int height, int width) {
    const size_t pixels = (size_t)height * (size_t)width;
    uint8_t *rgb = malloc(3 * pixels);
    const bool ok = rgb != NULL;
    if (ok) {
        fill_u8(rgb, 1, height, width);
        const struct fscnn_picture picture = {.width = width, .height = height, .rgb = rgb};
        for (int i = 0; i < images; i++) {
            fscnn_normalize(&picture, values + 3 * pixels * (size_t)i);
        }
    }
    free(rgb);
    return ok;
}

/* The range of normalised pixels. */
static void fill_f32(float *values, size_t count) {
    uint32_t state = 2463534242;
    for (size_t i = 0; i < count; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        values[i] = (float)(state >> 8) * 0x1p-22F - 2.0F;
    }
}

static enum fscnn_status make_input(struct bench *b, struct fscnn_error *err) {
    const struct bench_job *job = b->job;
    struct fscnn_model_info info;
    fscnn_model_get_info(job->model, &info);
    b->input_bytes = fscnn_model_input_bytes(job->model, job->input, job->batch);
    b->output_bytes = fscnn_model_output_bytes(job->model, job->output, job->batch);
    size_t need = b->input_bytes + (size_t)job->streams * b->output_bytes;
    const uint64_t have = fscnn_memory_available();
    if (have > 0 && need > have) {
        return fail(err, FSCNN_ERROR_MEMORY,
                    "%.300s: buffers for a batch of %d in %d streams need %.1f GB, %.1f GB are free", job->path,
                    job->batch, job->streams, (double)need / 1e9, (double)have / 1e9);
    }
    b->input = buffer_create(b->input_bytes);
    if (!b->input) {
        return fail(err, FSCNN_ERROR_MEMORY, "%.300s: out of memory (%zu bytes for the input of a batch of %d)",
                    job->path, b->input_bytes, job->batch);
    }
    if (job->input == FSCNN_INPUT_U8) {
        fill_u8(b->input, job->batch, info.height, info.width);
    } else if (info.channels != 3) {
        fill_f32(b->input, b->input_bytes / sizeof(float));
    } else if (!fill_normalised(b->input, job->batch, info.height, info.width)) {
        return fail(err, FSCNN_ERROR_MEMORY, "%.300s: out of memory for a picture of %d x %d", job->path, info.height,
                    info.width);
    }
    return FSCNN_OK;
}

static enum fscnn_status run_once(struct stream *s) {
    const struct bench_job *job = s->bench->job;
    return fscnn_session_run(s->session, job->input, s->bench->input, job->output, s->output, job->batch, &s->err);
}

/* Everything that must not be in the times. */
static enum fscnn_status prepare(struct stream *s) {
    const struct bench_job *job = s->bench->job;
    const struct fscnn_session_options options = {
        .threads = job->threads, .pin = job->pin, .first_processor = s->index * job->threads};
    s->output = buffer_create(s->bench->output_bytes);
    const size_t times_bytes = s->bench->most_runs * sizeof(*s->times->values);
    s->times->values = malloc(times_bytes);
    s->times->capacity = s->bench->most_runs;
    if (!s->output || !s->times->values) {
        return fail(
            &s->err, FSCNN_ERROR_MEMORY,
            "%.300s: out of memory (%zu bytes for the results of a batch of %d, %zu for the times of stream %d)",
            job->path, s->bench->output_bytes, job->batch, times_bytes, s->index + 1);
    }
    enum fscnn_status status = fscnn_session_create(job->model, &options, &s->session, &s->err);
    for (int i = 0; status == FSCNN_OK && i < job->warmup; i++) {
        status = run_once(s);
    }
    if (status == FSCNN_OK && job->profile) {
        status = fscnn_session_profile(s->session, true, &s->err);
    }
    return status;
}

/* Tells that this stream is ready, or failed, and waits for the start. False: there will be none. */
static bool wait_start(struct stream *s) {
    struct bench *b = s->bench;
    pthread_mutex_lock(&b->mutex);
    b->ready++;
    b->cancelled |= s->status != FSCNN_OK;
    pthread_cond_broadcast(&b->changed);
    while (!b->started && !b->cancelled) {
        pthread_cond_wait(&b->changed, &b->mutex);
    }
    bool go = !b->cancelled;
    pthread_mutex_unlock(&b->mutex);
    return go;
}

static void *stream_main(void *arg) {
    struct stream *s = arg;
    struct bench *b = s->bench;
    s->status = prepare(s);
    if (wait_start(s)) {
        double before = seconds_now(), now = before;
        while (s->status == FSCNN_OK && s->times->count < b->most_runs && now < b->deadline) {
            s->status = run_once(s);
            now = seconds_now();
            s->times->values[s->times->count++] = 1000 * (now - before);
            atomic_store_explicit(&s->done, s->times->count, memory_order_relaxed);
            before = now;
        }
        s->ended = now;
    }
    pthread_mutex_lock(&b->mutex);
    b->finished++;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
    return NULL;
}

static void show_progress(struct bench *b, struct progress_bar *bar, double started) {
    const struct bench_job *job = b->job;
    if (job->iterations) {
        uint64_t done = 0;
        for (int i = 0; i < job->streams; i++) {
            done += atomic_load_explicit(&b->streams[i].done, memory_order_relaxed);
        }
        progress_update(bar, done, (uint64_t)job->streams * (uint64_t)job->iterations);
    } else {
        double elapsed = seconds_now() - started, total = job->seconds;
        progress_update(bar, (uint64_t)(10 * (elapsed < total ? elapsed : total)), (uint64_t)(10 * total));
    }
}

/* From the start to the end of all streams; false where there was no start. */
static bool measure(struct bench *b, double *started) {
    struct progress_bar bar;
    pthread_mutex_lock(&b->mutex);
    while (b->ready < b->job->streams && !b->cancelled) {
        pthread_cond_wait(&b->changed, &b->mutex);
    }
    bool go = !b->cancelled;
    *started = seconds_now();
    b->deadline = b->job->seconds ? *started + b->job->seconds : INFINITY;
    b->started = go;
    pthread_cond_broadcast(&b->changed);
    progress_start(&bar, b->job->iterations ? "runs" : "seconds", b->job->quiet);
    bar.tenths = !b->job->iterations; /* of a second: --duration 1 moves, too */
    while (go && b->finished < b->job->streams) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until); /* the clock of pthread_cond_timedwait */
        until.tv_nsec += REDRAW_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&b->changed, &b->mutex, &until);
        pthread_mutex_unlock(&b->mutex);
        show_progress(b, &bar, *started);
        pthread_mutex_lock(&b->mutex);
    }
    pthread_mutex_unlock(&b->mutex);
    progress_finish(&bar);
    return go;
}

/* Joins the streams' times into one list. */
static enum fscnn_status collect(struct bench *b, double started, struct bench_times *times, struct fscnn_error *err) {
    for (int i = 0; i < b->job->streams; i++) {
        const struct samples *own = &times->streams[i];
        for (size_t k = 0; k < own->count; k++) {
            if (!samples_add(&times->all, own->values[k])) {
                return fail(err, FSCNN_ERROR_MEMORY, "%.300s: out of memory for the times of %d streams", b->job->path,
                            b->job->streams);
            }
        }
        times->wall = fmax(times->wall, b->streams[i].ended - started);
    }
    if (b->job->profile) {
        times->num_steps = fscnn_model_num_steps(b->job->model);
        times->step_ms = calloc((size_t)times->num_steps, sizeof(*times->step_ms));
        if (!times->step_ms) {
            return fail(err, FSCNN_ERROR_MEMORY, "%.300s: out of memory for a profile of %d steps", b->job->path,
                        times->num_steps);
        }
        fscnn_session_get_step_ms(b->streams[0].session, times->step_ms, times->num_steps);
    }
    return FSCNN_OK;
}

static enum fscnn_status run_streams(struct bench *b, struct bench_times *times, struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    int running = 0;
    double started;
    for (; running < b->job->streams && status == FSCNN_OK; running++) {
        struct stream *s = &b->streams[running];
        *s = (struct stream){.bench = b, .index = running, .times = &times->streams[running]};
        if (pthread_create(&s->thread, NULL, stream_main, s) != 0) {
            status = fail(err, FSCNN_ERROR_MEMORY, "%.300s: stream %d of %d cannot be started", b->job->path,
                          running + 1, b->job->streams);
            pthread_mutex_lock(&b->mutex);
            b->cancelled = true;
            pthread_cond_broadcast(&b->changed);
            pthread_mutex_unlock(&b->mutex);
            break;
        }
    }
    bool go = measure(b, &started);
    for (int i = 0; i < running; i++) {
        pthread_join(b->streams[i].thread, NULL);
        if (status == FSCNN_OK && b->streams[i].status != FSCNN_OK) {
            status = b->streams[i].status;
            *err = b->streams[i].err;
        }
    }
    if (go && status == FSCNN_OK) {
        status = collect(b, started, times, err);
    }
    for (int i = 0; i < running; i++) {
        fscnn_session_free(&b->streams[i].session);
        buffer_free(b->streams[i].output, b->output_bytes);
    }
    return status;
}

enum fscnn_status bench_run(const struct bench_job *job, struct bench_times *times, struct fscnn_error *err) {
    struct bench b = {.job = job, .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    size_t fit = job->seconds ? (size_t)job->seconds * MOST_RUNS_A_SECOND : BENCH_MAX_RUNS;
    b.most_runs = job->iterations ? (size_t)job->iterations : fit < BENCH_MAX_RUNS ? fit : BENCH_MAX_RUNS;
    b.streams = calloc((size_t)job->streams, sizeof(*b.streams));
    *times = (struct bench_times){.streams = calloc((size_t)job->streams, sizeof(*times->streams)),
                                  .num_streams = job->streams};
    enum fscnn_status status = FSCNN_OK;
    if (!b.streams || !times->streams) {
        status = fail(err, FSCNN_ERROR_MEMORY, "%.300s: out of memory for %d streams", job->path, job->streams);
    }
    if (status == FSCNN_OK) {
        status = make_input(&b, err);
    }
    if (status == FSCNN_OK) {
        status = run_streams(&b, times, err);
    }
    buffer_free(b.input, b.input_bytes);
    free(b.streams);
    return status;
}

void bench_times_free(struct bench_times *times) {
    for (int i = 0; times->streams && i < times->num_streams; i++) {
        samples_free(&times->streams[i]);
    }
    samples_free(&times->all);
    free(times->streams);
    free(times->step_ms);
    *times = (struct bench_times){0};
}
