/* The float32 engine runs twice over the pictures: once for the extremes of every stage, once to count what lies
 * between. Then the range is chosen that loses least: a few large values may be cut off when that makes all steps
 * smaller. */
#include "compile/calibrate.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "compile/quantise.h"
#include "run/session.h"

enum { DEFAULT_PICTURES = 32, MAX_PICTURES = 4096 };

/* ---- which pictures ---- */

struct paths {
    char *names[MAX_PICTURES];
    int count;
};

static bool is_picture(const char *name) {
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot &&
           (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static enum fscnn_status list_pictures(const char *path, struct paths *out, struct fscnn_error *err) {
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        out->names[out->count++] = strdup(path);
        return out->names[0] ? FSCNN_OK : error_memory(err, strlen(path), "a file name");
    }
    DIR *folder = opendir(path);
    if (!folder) {
        return error_set(err, FSCNN_ERROR_IO, "%s: not a picture or folder of pictures to calibrate on", path);
    }
    enum fscnn_status status = FSCNN_OK;
    for (struct dirent *entry; status == FSCNN_OK && (entry = readdir(folder)) && out->count < MAX_PICTURES;) {
        if (is_picture(entry->d_name)) {
            out->names[out->count] = path_join(path, entry->d_name);
            status = out->names[out->count++] ? FSCNN_OK : error_memory(err, 256, "a file name");
        }
    }
    closedir(folder);
    if (status == FSCNN_OK && out->count == 0) {
        status = error_set(err, FSCNN_ERROR_USAGE, "%s: no PNG or JPEG pictures to calibrate on", path);
    }
    qsort(out->names, (size_t)out->count, sizeof(out->names[0]), by_name);
    return status;
}

/* ---- running ---- */

struct calibration {
    struct fscnn_model *model;
    struct fscnn_session *session;
    int32_t *stage_nodes; /* [PLAN_MAX_STAGES] */
    struct range *ranges; /* [stages] */
    uint32_t *bins;       /* [stages, RANGE_BINS] */
    void *logits;
};

static enum fscnn_status start(const struct graph *graph, struct calibration *c, struct fscnn_error *err) {
    struct plan plan = {.num_batch_sizes = 1, .batch_sizes = {1}};
    struct pack pack = {0};
    c->stage_nodes = calloc(PLAN_MAX_STAGES, sizeof(*c->stage_nodes));
    if (!c->stage_nodes) {
        return error_memory(err, PLAN_MAX_STAGES * sizeof(int32_t), "calibration");
    }
    const struct lower_options options = {.type = ELEM_F32, .whole = true, .stage_nodes = c->stage_nodes};
    const struct fscnn_session_options one = {.threads = 1};
    enum fscnn_status status = lower(graph, &options, &plan, &pack, err);
    if (status != FSCNN_OK) {
        arena_free(&plan.arena);
        free(pack.bytes);
        return status;
    }
    status = model_create(&plan, (struct file_map){0}, pack.bytes, &c->model, err);
    if (status == FSCNN_OK) {
        status = fscnn_session_create(c->model, &one, &c->session, err);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    size_t stages = (size_t)c->model->plan.num_stages;
    c->ranges = calloc(stages, sizeof(*c->ranges));
    c->bins = calloc(stages * RANGE_BINS, sizeof(*c->bins));
    c->logits = malloc(fscnn_model_output_bytes(c->model, FSCNN_OUTPUT_LABELS, 1));
    if (!c->ranges || !c->bins || !c->logits) {
        return error_memory(err, stages * RANGE_BINS * sizeof(*c->bins), "calibration");
    }
    for (size_t i = 0; i < stages; i++) {
        c->ranges[i] = (struct range){INFINITY, -INFINITY, NULL};
    }
    c->session->workers[0].ranges = c->ranges;
    return FSCNN_OK;
}

static void finish(struct calibration *c) {
    fscnn_session_free(&c->session);
    fscnn_model_free(&c->model);
    free(c->stage_nodes);
    free(c->ranges);
    free(c->bins);
    free(c->logits);
}

static enum fscnn_status look_at(struct calibration *c, const char *path, struct fscnn_error *err) {
    struct fscnn_picture picture = {0}, scaled = {0};
    const struct plan *plan = &c->model->plan;
    enum fscnn_status status = fscnn_picture_read(path, &picture, err);
    if (status == FSCNN_OK) {
        status = fscnn_picture_resize(&picture, plan->width, plan->height, &scaled, err);
    }
    if (status == FSCNN_OK) {
        status = fscnn_session_run(c->session, FSCNN_INPUT_U8, scaled.rgb, FSCNN_OUTPUT_LABELS, c->logits, 1, err);
    }
    fscnn_picture_free(&picture);
    fscnn_picture_free(&scaled);
    return status;
}

/* ---- choosing ---- */

/* Mean squared error of steps over low..high for values counted in `bins` over range->low..range->high. */
static double error_of(const struct range *range, float low, float high) {
    double width = ((double)range->high - range->low) / RANGE_BINS, step = ((double)high - low) / 255.0, sum = 0;
    for (int i = 0; i < RANGE_BINS; i++) {
        double value = range->low + width * (i + 0.5);
        double off = value < low ? low - value : value > high ? value - high : 0;
        sum += range->bins[i] * (off > 0 ? off * off : step * step / 12);
    }
    return sum;
}

static struct quant choose_quant(const struct range *range) {
    float best = 1.0F;
    double least = INFINITY;
    if (!(range->high > range->low)) {
        return quant_of_range(range->low, range->high);
    }
    for (int percent = 100; percent >= 20; percent -= 2) {
        float part = (float)percent / 100.0F;
        double lost = error_of(range, fminf(range->low, 0) * part, fmaxf(range->high, 0) * part);
        if (lost < least) {
            least = lost;
            best = part;
        }
    }
    return quant_of_range(fminf(range->low, 0) * best, fmaxf(range->high, 0) * best);
}

static void fill_quants(const struct graph *graph, const struct calibration *c, struct quant *quants) {
    for (int i = 0; i < graph->num_nodes; i++) {
        quants[i] = (struct quant){1.0F, 0};
    }
    for (int i = 0; i < c->model->plan.num_stages; i++) {
        if (c->stage_nodes[i] >= 0) {
            quants[c->stage_nodes[i]] = choose_quant(&c->ranges[i]);
        }
    }
    quants_of_pools(graph, quants);
}

static enum fscnn_status look_twice(struct calibration *c, const struct paths *paths, int limit,
                                    struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    int count = paths->count < limit ? paths->count : limit;
    for (int pass = 0; pass < 2 && status == FSCNN_OK; pass++) {
        for (int i = 0; i < c->model->plan.num_stages && pass == 1; i++) {
            c->ranges[i].bins = c->bins + (size_t)i * RANGE_BINS;
        }
        for (int i = 0; i < count && status == FSCNN_OK; i++) {
            /* Spread over the folder: neighbours are often alike. */
            status = look_at(c, paths->names[(size_t)i * (size_t)paths->count / (size_t)count], err);
        }
    }
    return status;
}

enum fscnn_status calibrate(const struct graph *graph, const char *path, int limit, struct fscnn_log log,
                            struct quant *quants, struct fscnn_error *err) {
    struct calibration c = {0};
    struct paths *paths = calloc(1, sizeof(*paths));
    limit = limit > 0 ? limit : DEFAULT_PICTURES;
    if (!paths) {
        return error_memory(err, sizeof(*paths), "file names");
    }
    enum fscnn_status status = list_pictures(path, paths, err);
    if (status == FSCNN_OK && graph->nodes[graph->input].shape.c != 3) {
        status =
            error_set(err, FSCNN_ERROR_UNSUPPORTED, "int8 calibrates on RGB pictures: this network has %d channels",
                      graph->nodes[graph->input].shape.c);
    }
    if (status == FSCNN_OK) {
        status = start(graph, &c, err);
    }
    if (status == FSCNN_OK) {
        status = look_twice(&c, paths, limit, err);
    }
    if (status == FSCNN_OK) {
        fill_quants(graph, &c, quants);
        log_line(log, "calibrated on %d of %d pictures of %s", paths->count < limit ? paths->count : limit,
                 paths->count, path);
    }
    finish(&c);
    for (int i = 0; i < paths->count; i++) {
        free(paths->names[i]);
    }
    free(paths);
    return status;
}
