#include "infer_run.h"

#include <stdlib.h>
#include <string.h>

#include "buffers.h"
#include "progress.h"
#include "stages.h"

enum { BUFFERS = 2 };

struct outcome {
    enum fscnn_status status;
    struct fscnn_error err;
};

struct running {
    const struct infer_job *job;
    struct fscnn_model_info info;
    struct fscnn_session *session;
    void *in[BUFFERS], *out[BUFFERS]; /* [in_bytes], [out_bytes]; NULL where one is enough */
    size_t in_bytes, out_bytes;
    int num_in, num_out;
    struct infer_times *times;
    struct outcome read, run, write; /* each of its own thread */
    struct progress_bar bar;
};

static enum fscnn_status buffers_create(struct running *r, struct fscnn_error *err) {
    size_t need = (size_t)r->num_in * r->in_bytes + (size_t)r->num_out * r->out_bytes;
    const uint64_t have = fscnn_memory_available();
    if (have > 0 && need > have) {
        return fail(err, FSCNN_ERROR_MEMORY,
                    "%.300s: buffers for a batch of %d need %.1f GB, %.1f GB are free: take a smaller batch or "
                    "--output_type UINT8",
                    r->job->path, r->job->inputs->batch, (double)need / 1e9, (double)have / 1e9);
    }
    for (int i = 0; i < BUFFERS; i++) {
        r->in[i] = i < r->num_in ? buffer_create(r->in_bytes) : NULL;
        r->out[i] = i < r->num_out ? buffer_create(r->out_bytes) : NULL;
        if ((i < r->num_in && !r->in[i]) || (i < r->num_out && !r->out[i])) {
            return fail(err, FSCNN_ERROR_MEMORY, "%.300s: out of memory (%zu bytes of buffers for a batch of %d)",
                        r->job->path, need, r->job->inputs->batch);
        }
    }
    return FSCNN_OK;
}

static void buffers_free(struct running *r) {
    for (int i = 0; i < BUFFERS; i++) {
        if (r->in[i]) {
            buffer_free(r->in[i], r->in_bytes);
        }
        if (r->out[i]) {
            buffer_free(r->out[i], r->out_bytes);
        }
    }
}

static bool keep_time(const struct running *r, struct samples *samples, double started, struct outcome *outcome) {
    if (!samples_add(samples, 1000 * (seconds_now() - started))) {
        outcome->status = fail(&outcome->err, FSCNN_ERROR_MEMORY, "%.300s: out of memory for the times of %zu runs",
                               r->job->path, samples->count + 1);
    }
    return outcome->status == FSCNN_OK;
}

static void fill_made_up(const struct running *r, void *buffer) {
    float *values = buffer;
    uint32_t state = 2463534242;
    for (size_t i = 0; i < r->in_bytes / sizeof(float); i++) {
        state ^= state << 13; /* Marsaglia's xorshift */
        state ^= state >> 17;
        state ^= state << 5;
        values[i] = r->job->random ? (float)(state >> 8) * 0x1p-24F : 0.0F;
    }
}

static bool read_batch(void *user, size_t i) {
    struct running *r = user;
    void *buffer = r->in[i % (size_t)r->num_in];
    double started = seconds_now();
    if (r->job->inputs->files.count) {
        r->read.status = infer_inputs_read(r->job->inputs, i, buffer, &r->read.err);
    } else {
        fill_made_up(r, buffer);
    }
    return r->read.status == FSCNN_OK && keep_time(r, &r->times->in, started, &r->read);
}

static bool run_batch(void *user, size_t i) {
    struct running *r = user;
    const struct infer_inputs *inputs = r->job->inputs;
    const void *in = r->in[i % (size_t)r->num_in];
    void *out = r->out[i % (size_t)r->num_out];
    size_t first, count = 1;
    if (inputs->files.count) {
        infer_inputs_of_run(inputs, i, &first, &count);
    }
    double begin = seconds_now();
    for (int n = 0; r->job->seconds ? n == 0 || seconds_now() - begin < r->job->seconds : n < r->job->loop; n++) {
        double started = seconds_now();
        r->run.status = fscnn_session_run(r->session, inputs->type, in, r->job->type, out, inputs->batch, &r->run.err);
        if (r->run.status != FSCNN_OK || !keep_time(r, &r->times->compute, started, &r->run)) {
            return false;
        }
        r->times->images += count * (uint64_t)inputs->images_per_file;
    }
    return true;
}

/* Writes a batch's results, one file for each input file; copies that filled up the batch are left out. */
static bool write_batch(void *user, size_t i) {
    struct running *r = user;
    const struct infer_job *job = r->job;
    if (!job->folder) {
        return true;
    }
    const struct infer_inputs *inputs = job->inputs;
    size_t first = 0, count = 1;
    if (inputs->files.count) {
        infer_inputs_of_run(inputs, i, &first, &count);
    }
    size_t bytes = r->out_bytes / (size_t)inputs->files_per_batch;
    const char *data = r->out[i % (size_t)r->num_out];
    double started = seconds_now();
    for (size_t k = 0; r->write.status == FSCNN_OK && k < count; k++) {
        const char *input = inputs->files.count ? inputs->files.names[first + k] : NULL;
        char *path = infer_result_path(job->folder, input, job->ending);
        r->write.status = path ? result_write(path, job->format, &r->info, job->type, data + k * bytes, bytes,
                                              inputs->images_per_file, &r->write.err)
                               : fail(&r->write.err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
        free(path);
    }
    return r->write.status == FSCNN_OK && keep_time(r, &r->times->out, started, &r->write);
}

static void finish_batch(void *user, size_t i) {
    struct running *r = user;
    progress_update(&r->bar, i + 1, r->job->inputs->runs);
}

static enum fscnn_status warm_up(struct running *r, struct fscnn_error *err) {
    const struct infer_job *job = r->job;
    enum fscnn_status status = FSCNN_OK;
    for (int i = 0; status == FSCNN_OK && i < job->warmup; i++) {
        status =
            fscnn_session_run(r->session, job->inputs->type, r->in[0], job->type, r->out[0], job->inputs->batch, err);
    }
    if (status == FSCNN_OK && job->warmed_up) {
        job->warmed_up(job->user, job->warmup);
    }
    return status;
}

static enum fscnn_status run_stages(struct running *r, struct fscnn_error *err) {
    struct stages stages = {.count = r->job->inputs->runs,
                            .readers = 1,
                            .writers = 1,
                            .read_ahead = r->num_in,
                            .write_behind = r->num_out,
                            .read = read_batch,
                            .run = run_batch,
                            .write = write_batch,
                            .finish = finish_batch,
                            .user = r};
    double started = seconds_now();
    progress_start(&r->bar, "infer", r->job->quiet);
    bool done = stages_run(&stages);
    progress_finish(&r->bar);
    r->times->wall = seconds_now() - started;
    if (done) {
        return FSCNN_OK;
    }
    const struct outcome *outcomes[] = {&r->run, &r->read, &r->write};
    for (int i = 0; i < 3; i++) {
        if (outcomes[i]->status != FSCNN_OK) {
            *err = outcomes[i]->err;
            return outcomes[i]->status;
        }
    }
    return fail(err, FSCNN_ERROR_MEMORY, "no thread could be started");
}

/* Measuring of steps begins. */
static enum fscnn_status start_profile(struct running *r, struct fscnn_error *err) {
    int steps = fscnn_model_num_steps(r->job->model);
    r->times->step_ms = calloc((size_t)steps, sizeof(*r->times->step_ms));
    if (!r->times->step_ms) {
        return fail(err, FSCNN_ERROR_MEMORY, "%.300s: out of memory for a profile of %d steps", r->job->path, steps);
    }
    r->times->num_steps = steps;
    return fscnn_session_profile(r->session, true, err);
}

enum fscnn_status infer_run(const struct infer_job *job, struct infer_times *times, struct fscnn_error *err) {
    struct running r = {.job = job,
                        .times = times,
                        .in_bytes = job->inputs->batch_bytes,
                        .out_bytes = fscnn_model_output_bytes(job->model, job->type, job->inputs->batch)};
    struct fscnn_session_options options = {.threads = job->threads};
    bool several = job->inputs->runs > 1;
    *times = (struct infer_times){0};
    r.num_in = several ? 2 : 1;
    r.num_out = several && job->folder ? 2 : 1;
    fscnn_model_get_info(job->model, &r.info);
    enum fscnn_status status = fscnn_session_create(job->model, &options, &r.session, err);
    if (status == FSCNN_OK) {
        status = buffers_create(&r, err);
    }
    if (status == FSCNN_OK) {
        status = warm_up(&r, err);
    }
    if (status == FSCNN_OK && job->profile) {
        status = start_profile(&r, err);
    }
    if (status == FSCNN_OK) {
        status = run_stages(&r, err);
    }
    if (status == FSCNN_OK && job->profile) {
        times->profiled_images = fscnn_session_get_step_ms(r.session, times->step_ms, times->num_steps);
    }
    buffers_free(&r);
    fscnn_session_free(&r.session);
    return status;
}

void infer_times_free(struct infer_times *times) {
    samples_free(&times->compute);
    samples_free(&times->in);
    samples_free(&times->out);
    free(times->step_ms);
    times->step_ms = NULL;
}
