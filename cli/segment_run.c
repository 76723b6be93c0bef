#include "segment_run.h"

#include <stdlib.h>
#include <string.h>

#include "stages.h"
#include "statistics.h"

enum { CITYSCAPES_CLASSES = 19 };

/* A picture on its way. */
struct item {
    struct segmented result;
    struct fscnn_picture photo; /* as in the file */
    struct fscnn_picture input; /* scaled for the network; empty where the photo is used as it is */
    struct fscnn_labels labels;
};

struct segmenting {
    const struct segment_job *job;
    struct item *items; /* [slots] */
    size_t slots;
};

bool classes_are_cityscapes(const struct fscnn_model_info *info) {
    return info->output_is_labels || info->classes == CITYSCAPES_CLASSES;
}

static struct item *item_of(struct segmenting *s, size_t i) { return &s->items[i % s->slots]; }

static double ms_since(double started) { return 1000 * (seconds_now() - started); }

/* The text of an error, if there is one, with the picture's name before it. */
static void name_picture(struct segmented *r) {
    char text[sizeof(r->err.text)];
    if (r->status != FSCNN_OK) {
        snprintf(text, sizeof(text), "%.200s: %.300s", r->input, r->err.text);
        memcpy(r->err.text, text, sizeof(text));
    }
}

static bool read_picture(void *user, size_t i) {
    struct segmenting *s = user;
    const struct segment_job *job = s->job;
    struct item *item = item_of(s, i);
    struct segmented *r = &item->result;
    *item = (struct item){.result = {.input = job->inputs->names[i], .output = job->outputs->names[i]}};
    double started = seconds_now();
    r->status = fscnn_picture_read(r->input, &item->photo, &r->err);
    if (r->status != FSCNN_OK) {
        return true;
    }
    r->height = item->photo.height;
    r->width = item->photo.width;
    r->run_height = job->height ? job->height : job->models->fixed_height ? job->models->fixed_height : r->height;
    r->run_width = job->width ? job->width : job->models->fixed_width ? job->models->fixed_width : r->width;
    if (r->run_height != r->height || r->run_width != r->width) {
        r->status = fscnn_picture_resize(&item->photo, r->run_width, r->run_height, &item->input, &r->err);
        name_picture(r);
    }
    r->read_ms = ms_since(started);
    return true;
}

static bool run_picture(void *user, size_t i) {
    struct segmenting *s = user;
    struct item *item = item_of(s, i);
    struct segmented *r = &item->result;
    struct cached_model *model = NULL;
    struct fscnn_model_info info;
    if (r->status != FSCNN_OK) {
        return true;
    }
    r->status = model_cache_get(s->job->models, r->run_height, r->run_width, &model, &r->err);
    if (r->status == FSCNN_OK) {
        fscnn_model_get_info(model->model, &info);
        r->cityscapes = classes_are_cityscapes(&info);
        item->labels = (struct fscnn_labels){.width = info.output_width, .height = info.output_height};
        size_t bytes = fscnn_model_output_bytes(model->model, FSCNN_OUTPUT_LABELS, 1);
        item->labels.labels = malloc(bytes);
        if (!item->labels.labels) {
            r->status = fail(&r->err, FSCNN_ERROR_MEMORY, "out of memory (%zu bytes for labels)", bytes);
        }
    }
    if (r->status == FSCNN_OK) {
        double started = seconds_now();
        const uint8_t *rgb = item->input.rgb ? item->input.rgb : item->photo.rgb;
        r->status = fscnn_session_run(model->session, FSCNN_INPUT_U8, rgb, FSCNN_OUTPUT_LABELS, item->labels.labels, 1,
                                      &r->err);
        r->run_ms = ms_since(started);
    }
    name_picture(r);
    return true;
}

/* Labels at the size of the picture. */
static enum fscnn_status fit_labels(struct item *item, struct fscnn_error *err) {
    struct fscnn_labels fitted;
    if (item->labels.width == item->photo.width && item->labels.height == item->photo.height) {
        return FSCNN_OK;
    }
    enum fscnn_status status = fscnn_labels_resize(&item->labels, item->photo.width, item->photo.height, &fitted, err);
    if (status == FSCNN_OK) {
        free(item->labels.labels); /* made here by malloc */
        item->labels = fitted;
    }
    return status;
}

static void count_pixels(const struct fscnn_labels *labels, uint64_t *pixels) {
    /* Four counters in turn: neighbours mostly have one label, and one counter would wait for itself. */
    uint32_t counts[4][256] = {{0}};
    size_t count = (size_t)labels->width * (size_t)labels->height;
    for (size_t i = 0; i < count; i++) {
        counts[i & 3][labels->labels[i]]++;
    }
    for (int id = 0; id < 256; id++) {
        pixels[id] = (uint64_t)counts[0][id] + counts[1][id] + counts[2][id] + counts[3][id];
    }
}

static bool write_picture(void *user, size_t i) {
    struct segmenting *s = user;
    struct item *item = item_of(s, i);
    struct segmented *r = &item->result;
    if (r->status == FSCNN_OK) {
        double started = seconds_now();
        r->status = fit_labels(item, &r->err);
        name_picture(r);
        if (r->status == FSCNN_OK) {
            count_pixels(&item->labels, r->pixels);
            r->status = fscnn_labels_write_png(r->output, &item->labels, s->job->style, &item->photo, &r->err);
        }
        r->write_ms = ms_since(started);
    }
    fscnn_picture_free(&item->photo);
    fscnn_picture_free(&item->input);
    fscnn_labels_free(&item->labels);
    return true;
}

static void finish_picture(void *user, size_t i) {
    struct segmenting *s = user;
    s->job->done(s->job->user, &item_of(s, i)->result);
}

enum fscnn_status segment_run(const struct segment_job *job, struct fscnn_error *err) {
    /* Decoding and encoding take about as long together as the network on a few cores, so they get a few threads. */
    int cores = fscnn_cpu_cores();
    int writers = cores < 4 ? 2 : cores / 2 < 8 ? cores / 2 : 8, readers = (writers + 1) / 2;
    struct stages stages = {.count = job->inputs->count,
                            .readers = readers,
                            .writers = writers,
                            .read_ahead = readers + 1,
                            .write_behind = writers + 1,
                            .read = read_picture,
                            .run = run_picture,
                            .write = write_picture,
                            .finish = finish_picture};
    struct segmenting s = {.job = job, .slots = (size_t)(stages.read_ahead + stages.write_behind)};
    s.items = calloc(s.slots, sizeof(*s.items));
    if (!s.items) {
        return fail(err, FSCNN_ERROR_MEMORY, "out of memory for pictures");
    }
    stages.user = &s;
    bool done = stages_run(&stages);
    free(s.items);
    return done ? FSCNN_OK : fail(err, FSCNN_ERROR_MEMORY, "no thread could be started");
}
