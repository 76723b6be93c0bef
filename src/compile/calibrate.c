/* The float32 engine runs twice over the pictures: once for the extremes of every stage, once to count what lies
 * between. From the counts ranges.c chooses the range of each. */
#include "compile/calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "compile/quantise.h"
#include "compile/trial.h"

struct calibration {
    struct trial trial;
    int32_t *stage_nodes; /* [PLAN_MAX_STAGES] */
    struct range *ranges; /* [stages] */
    uint64_t *bins;       /* [stages, RANGE_BINS] */
    struct arena *arena;  /* of what the ranges and quants point to */
};

static enum fscnn_status start(const struct graph *graph, struct calibration *c, struct fscnn_error *err) {
    c->stage_nodes = calloc(PLAN_MAX_STAGES, sizeof(*c->stage_nodes));
    if (!c->stage_nodes) {
        return error_memory(err, PLAN_MAX_STAGES * sizeof(int32_t), "calibration");
    }
    const struct lower_options options = {.type = ELEM_F32, .whole = true, .stage_nodes = c->stage_nodes};
    enum fscnn_status status = trial_create(graph, &options, 1, &c->trial, err);
    if (status != FSCNN_OK) {
        return status;
    }
    size_t stages = (size_t)c->trial.model->plan.num_stages;
    c->ranges = calloc(stages, sizeof(*c->ranges));
    c->bins = calloc(stages * RANGE_BINS, sizeof(*c->bins));
    if (!c->ranges || !c->bins) {
        return error_memory(err, stages * RANGE_BINS * sizeof(*c->bins), "calibration");
    }
    for (size_t i = 0; i < stages; i++) {
        int channels = c->trial.model->plan.stages[i].c;
        c->ranges[i].least = arena_alloc(c->arena, (size_t)channels, sizeof(float));
        c->ranges[i].most = arena_alloc(c->arena, (size_t)channels, sizeof(float));
        c->ranges[i].sum = arena_alloc(c->arena, (size_t)channels, sizeof(double));
        for (int k = 0; c->ranges[i].least && c->ranges[i].most && k < channels; k++) {
            c->ranges[i].least[k] = INFINITY;
            c->ranges[i].most[k] = -INFINITY;
        }
        if (!c->ranges[i].least || !c->ranges[i].most || !c->ranges[i].sum) {
            return error_memory(err, (size_t)channels * sizeof(float), "calibration");
        }
    }
    c->trial.session->workers[0].ranges = c->ranges;
    return FSCNN_OK;
}

static void finish(struct calibration *c) {
    trial_free(&c->trial);
    free(c->stage_nodes);
    free(c->ranges);
    free(c->bins);
}

static void join_channels(struct range *range, int channels) {
    range->low = INFINITY;
    range->high = -INFINITY;
    for (int c = 0; c < channels; c++) {
        range->low = fminf(range->low, range->least[c]);
        range->high = fmaxf(range->high, range->most[c]);
    }
}

static enum fscnn_status look_twice(struct calibration *c, const struct samples *samples, struct fscnn_error *err) {
    const struct plan *plan = &c->trial.model->plan;
    enum fscnn_status status = FSCNN_OK;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < plan->num_stages && pass == 1; i++) {
            join_channels(&c->ranges[i], plan->stages[i].c);
            c->ranges[i].bins = c->bins + (size_t)i * RANGE_BINS;
        }
        for (int i = 0; i < samples->count && status == FSCNN_OK; i++) {
            struct fscnn_picture picture;
            status = samples_read(samples, i, plan->width, plan->height, &picture, err);
            if (status == FSCNN_OK) {
                status = trial_run(&c->trial, &picture, err);
            }
            fscnn_picture_free(&picture);
        }
    }
    return status;
}

static void fill_quants(const struct graph *graph, const struct calibration *c, int pictures,
                        enum fscnn_calibration_method method, struct quant *quants) {
    for (int i = 0; i < graph->num_nodes; i++) {
        quants[i] = (struct quant){1.0F, 0, NULL, NULL};
    }
    for (int i = 0; i < c->trial.model->plan.num_stages; i++) {
        struct range *range = &c->ranges[i];
        if (c->stage_nodes[i] < 0) {
            continue;
        }
        const struct stage *stage = &c->trial.model->plan.stages[i];
        const double pixels = (double)stage->h * stage->w * pictures;
        struct quant quant = choose_quant(range, method);
        for (int k = 0; k < c->trial.model->plan.stages[i].c; k++) { /* what is cut off is so in every channel */
            range->sum[k] /= pixels;
            range->most[k] = fminf(range->most[k], quant.scale * (float)(255 - quant.zero));
        }
        quant.most = range->most;
        quant.mean = range->sum;
        quants[c->stage_nodes[i]] = quant;
    }
    quants_of_pools(graph, quants);
}

enum fscnn_status calibrate(const struct graph *graph, const struct samples *samples,
                            enum fscnn_calibration_method method, struct arena *arena, struct quant *quants,
                            struct fscnn_error *err) {
    struct calibration c = {.arena = arena};
    if (graph->nodes[graph->input].shape.c != 3) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "int8 calibrates on RGB pictures: this network has %d channels",
                         graph->nodes[graph->input].shape.c);
    }
    enum fscnn_status status = start(graph, &c, err);
    if (status == FSCNN_OK) {
        status = look_twice(&c, samples, err);
    }
    if (status == FSCNN_OK) {
        fill_quants(graph, &c, samples->count, method, quants);
    }
    finish(&c);
    return status;
}
