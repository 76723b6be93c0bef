/* The public face of running a model. */
#include "run/session.h"

#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "cpu/cpu.h"
#include "tensor/normalization.h"

enum { MAX_TAPS = 255 };

static bool worker_create(struct fscnn_session *session, struct worker *w, int index) {
    const struct fscnn_model *model = session->model;
    *w = (struct worker){
        .session = session,
        .index = index,
        .scratch = memory_new(model->layout.scratch_bytes),
        .stages = calloc((size_t)model->plan.num_stages, sizeof(*w->stages)),
        .segments = calloc(MAX_TAPS, sizeof(*w->segments)),
        .rows = calloc(MAX_TAPS, sizeof(*w->rows)),
    };
    return w->scratch && w->stages && w->segments && w->rows;
}

/* Puts the model's name before the error; one in the middle of being compiled has none. */
static enum fscnn_status name_model(const struct fscnn_model *model, enum fscnn_status status,
                                    struct fscnn_error *err) {
    return model->path ? error_prefix(err, status, "%s", model->path) : status;
}

static enum fscnn_status check_machine(const struct fscnn_model *model, uint64_t needed, struct fscnn_error *err) {
    if (cpu_word_unknown()) {
        return error_set(err, FSCNN_ERROR_USAGE, "FASTSCNN_CPU=%.40s is none of c, avx2, avxvnni, avx512, amx, neon",
                         cpu_word_unknown());
    }
    const enum fscnn_status status = memory_weigh(needed, "a session", err);
    return status == FSCNN_OK ? status : name_model(model, status, err);
}

static enum fscnn_status session_memory(const struct fscnn_model *model, uint64_t needed, struct fscnn_error *err) {
    return name_model(model, error_memory(err, needed, "a session"), err);
}

enum fscnn_status fscnn_session_create(const struct fscnn_model *model, const struct fscnn_session_options *options,
                                       struct fscnn_session **out, struct fscnn_error *err) {
    static const struct fscnn_session_options defaults;
    options = options ? options : &defaults;
    *out = NULL;
    int threads = options->threads ? options->threads : fscnn_cpu_cores();
    if (threads < 1 || threads > CPU_MOST_THREADS) {
        return error_set(err, FSCNN_ERROR_USAGE, "%d threads: 1 to %d can be used", threads, CPU_MOST_THREADS);
    }
    if (options->first_processor < 0) {
        return error_set(err, FSCNN_ERROR_USAGE, "first processor %d", options->first_processor);
    }
    const struct kernels kernels = kernels_get(cpu_flags_used());
    uint64_t split_bytes = kernels.split_pays ? weights_split_bytes(&model->plan) : 0;
    const uint64_t needed =
        model->layout.arena_bytes + (uint64_t)threads * model->layout.scratch_bytes + split_bytes + sizeof(**out);
    enum fscnn_status status = check_machine(model, needed, err);
    if (status != FSCNN_OK) {
        return status;
    }
    struct fscnn_session *session = calloc(1, sizeof(*session));
    if (!session) {
        return session_memory(model, needed, err);
    }
    session->model = model;
    session->kernels = kernels;
    session->workers = calloc((size_t)threads, sizeof(*session->workers));
    session->bands = bands_create(threads);
    /* Before the rest: for a moment it takes more memory than in the end. */
    const bool has_weights = weights_create(model, &kernels, &session->weights);
    session->arena = memory_new(model->layout.arena_bytes);
    session->table = malloc(3 * sizeof(*session->table));
    if (session->table) {
        normalization_table(session->table);
    }
    bool ok = session->workers && session->bands && has_weights && session->arena && session->table;
    if (ok) {
        status = team_create(threads, options->pin ? options->first_processor : -1, &session->team, err);
        status = status == FSCNN_OK ? status : name_model(model, status, err);
    }
    for (int i = 0; status == FSCNN_OK && ok && i < threads; i++) {
        ok = worker_create(session, &session->workers[i], i);
    }
    if (!ok) {
        status = session_memory(model, needed, err);
    }
    if (status != FSCNN_OK) {
        fscnn_session_free(&session);
    }
    *out = session;
    return status;
}

void fscnn_session_free(struct fscnn_session **session) {
    struct fscnn_session *s = *session;
    if (!s) {
        return;
    }
    for (int i = 0; s->workers && s->team && i < team_size(s->team); i++) {
        free(s->workers[i].scratch);
        free(s->workers[i].stages);
        free(s->workers[i].segments);
        free(s->workers[i].rows);
    }
    team_free(&s->team);
    bands_free(&s->bands);
    free(s->workers);
    free(s->arena);
    weights_free(&s->weights);
    free(s->table);
    free(s->step_ms);
    free(s);
    *session = NULL;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void run_image(void *user, int thread) {
    struct fscnn_session *session = user;
    const struct fscnn_model *model = session->model;
    double *step_ms = thread == 0 ? session->step_ms : NULL;
    double before = step_ms ? now_ms() : 0;
    for (int i = 0; i < model->plan.num_steps; i++) {
        if (model->layout.steps[i].wait) {
            team_wait(session->team);
        }
        if (step_ms && i > 0) {
            double now = now_ms();
            step_ms[i - 1] += now - before;
            before = now;
        }
        step_run(&session->workers[thread], i);
    }
    if (step_ms) {
        step_ms[model->plan.num_steps - 1] += now_ms() - before;
        session->profiled++;
    }
}

enum fscnn_status fscnn_session_profile(struct fscnn_session *session, bool on, struct fscnn_error *err) {
    size_t steps = (size_t)session->model->plan.num_steps;
    free(session->step_ms);
    session->step_ms = NULL;
    session->profiled = 0;
    if (on) {
        session->step_ms = calloc(steps, sizeof(*session->step_ms));
        if (!session->step_ms) {
            enum fscnn_status status = error_memory(err, steps * sizeof(*session->step_ms), "a profile");
            return name_model(session->model, status, err);
        }
    }
    return FSCNN_OK;
}

uint64_t fscnn_session_get_step_ms(const struct fscnn_session *session, double *ms, int count) {
    for (int i = 0; session->profiled && i < count && i < session->model->plan.num_steps; i++) {
        ms[i] = session->step_ms[i] / (double)session->profiled;
    }
    return session->profiled;
}

static enum fscnn_status check_types(const struct fscnn_session *session, enum fscnn_input_type input_type,
                                     enum fscnn_output_type output_type, int count, struct fscnn_error *err) {
    const struct plan *plan = &session->model->plan;
    if (count < 1) {
        return error_set(err, FSCNN_ERROR_USAGE, "%d images to run", count);
    }
    if ((unsigned)input_type > FSCNN_INPUT_U8 || (unsigned)output_type > FSCNN_OUTPUT_LABELS) {
        return error_set(err, FSCNN_ERROR_USAGE, "input type %d, output type %d: out of range", (int)input_type,
                         (int)output_type);
    }
    if (input_type == FSCNN_INPUT_U8 && plan->channels != 3) {
        return error_set(err, FSCNN_ERROR_USAGE, "8-bit RGB for a model of %d channels", plan->channels);
    }
    if (output_type != FSCNN_OUTPUT_LABELS && plan->output_is_labels) {
        return error_set(err, FSCNN_ERROR_USAGE, "logits of a model that ends in arg max: it gives labels only");
    }
    if (output_type == FSCNN_OUTPUT_LABELS && model_output(session->model)->c > 256) {
        return error_set(err, FSCNN_ERROR_USAGE, "labels of %d classes: they have 8 bits",
                         model_output(session->model)->c);
    }
    return FSCNN_OK;
}

enum fscnn_status fscnn_session_run(struct fscnn_session *session, enum fscnn_input_type input_type, const void *input,
                                    enum fscnn_output_type output_type, void *output, int count,
                                    struct fscnn_error *err) {
    enum fscnn_status status = check_types(session, input_type, output_type, count, err);
    if (status != FSCNN_OK) {
        return status;
    }
    session->input_type = input_type;
    session->output_type = output_type;
    for (int i = 0; i < count; i++) {
        session->input = (const char *)input + fscnn_model_input_bytes(session->model, input_type, i);
        session->output = (char *)output + fscnn_model_output_bytes(session->model, output_type, i);
        session->image++;
        team_run(session->team, run_image, session);
    }
    return FSCNN_OK;
}
