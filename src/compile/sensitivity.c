/* Each layer is quantised alone, while the others stay float32: what changes in the result then is its own doing. As
 * rounding errors are nearly independent, their powers add up, and leaving out the layers that do most leaves least.
 * Alone, a layer has one range of all channels for what it reads: steps for each channel come with a quantised
 * neighbour, and make it better than it looks here. */
#include "compile/sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compile/trial.h"

/* Layers are many and wait for each other: few pictures for them, more for the few trials of whole models. */
enum { MAX_PICTURES = 16, LAYER_PICTURES = 4 };

struct layer {
    int node;
    const char *op;
    uint64_t macs;
    double cost;    /* of not quantising it, in MACs */
    double noise;   /* power of the logits' change over that of the logits */
    double changed; /* part of the labels */
};

struct study {
    const struct graph *graph;
    const struct quant *quants;
    struct fscnn_picture pictures[MAX_PICTURES];
    int count, stride; /* layers are tried on every stride-th picture */
    size_t pixels, logits_count;
    uint8_t *labels; /* [count, pixels] of fp32 */
    float *logits;   /* [LAYER_PICTURES, logits_count] of fp32 */
    struct layer *layers;
    int num_layers;
    uint8_t types[GRAPH_MAX_NODES];
};

/* ---- fp32, which all is compared with ---- */

static enum fscnn_status run_reference(struct study *s, struct trial *trial, struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    for (int i = 0; i < s->count && status == FSCNN_OK; i++) {
        status = trial_run(trial, &s->pictures[i], err);
        if (status == FSCNN_OK) {
            memcpy(s->labels + (size_t)i * s->pixels, trial->labels, s->pixels);
        }
        if (status == FSCNN_OK && i % s->stride == 0) {
            memcpy(s->logits + (size_t)(i / s->stride) * s->logits_count, trial_logits(trial, &s->logits_count),
                   s->logits_count * sizeof(float));
        }
    }
    return status;
}

static enum fscnn_status start(struct study *s, const struct samples *samples, struct fscnn_error *err) {
    const struct lower_options options = {.type = ELEM_F32, .whole = true};
    struct trial trial;
    enum fscnn_status status = trial_create(s->graph, &options, 0, &trial, err);
    s->count = samples->count < MAX_PICTURES ? samples->count : MAX_PICTURES;
    s->stride = (s->count + LAYER_PICTURES - 1) / LAYER_PICTURES;
    if (status == FSCNN_OK) {
        (void)trial_logits(&trial, &s->logits_count);
        s->pixels = fscnn_model_output_bytes(trial.model, FSCNN_OUTPUT_LABELS, 1);
        s->labels = malloc((size_t)s->count * s->pixels);
        s->logits = malloc(LAYER_PICTURES * s->logits_count * sizeof(float));
        s->layers = calloc(GRAPH_MAX_NODES, sizeof(*s->layers));
        if (!s->labels || !s->logits || !s->layers) {
            status = error_memory(err, (size_t)s->count * s->pixels, "labels");
        }
    }
    for (int i = 0; i < s->count && status == FSCNN_OK; i++) {
        const struct plan *plan = &trial.model->plan;
        const struct samples some = {samples->names, samples->listed, s->count};
        status = samples_read(&some, i, plan->width, plan->height, &s->pictures[i], err);
    }
    if (status == FSCNN_OK) {
        status = run_reference(s, &trial, err);
    }
    trial_free(&trial);
    return status;
}

static void finish(struct study *s) {
    for (int i = 0; i < s->count; i++) {
        fscnn_picture_free(&s->pictures[i]);
    }
    free(s->labels);
    free(s->logits);
    free(s->layers);
    free(s);
}

/* ---- trials ---- */

/* Of the model of s->types on every stride-th picture: the part of the labels that differ from fp32's, and the power of
 * the logits' difference over that of fp32's (NULL: not asked for). */
static enum fscnn_status compare(struct study *s, int stride, double *changed, double *noise, struct fscnn_error *err) {
    const struct lower_options options = {.types = s->types, .quants = s->quants, .whole = true};
    struct trial trial;
    double signal = 0, difference = 0;
    size_t differ = 0, looked = 0;
    enum fscnn_status status = trial_create(s->graph, &options, 0, &trial, err);
    for (int i = 0; i < s->count && status == FSCNN_OK; i += stride) {
        status = trial_run(&trial, &s->pictures[i], err);
        const uint8_t *labels = s->labels + (size_t)i * s->pixels;
        for (size_t k = 0; k < s->pixels && status == FSCNN_OK; k++) {
            differ += labels[k] != trial.labels[k];
        }
        looked += s->pixels;
        for (size_t k = 0, count; noise && status == FSCNN_OK && k < s->logits_count; k++) {
            double exact = s->logits[(size_t)(i / stride) * s->logits_count + k];
            double off = (double)trial_logits(&trial, &count)[k] - exact;
            signal += exact * exact;
            difference += off * off;
        }
    }
    trial_free(&trial);
    *changed = looked ? (double)differ / (double)looked : 0;
    if (noise) {
        *noise = signal > 0 ? difference / signal : 0;
    }
    return status;
}

/* What is quantised when all that can be is. Not multiplying in int8 costs a layer twice the time for that, and the
 * larger elements that it reads and writes count like so many MACs. */
static enum fscnn_status find_layers(struct study *s, struct fscnn_error *err) {
    enum { ELEMENT = 16 };
    int32_t *nodes = calloc(PLAN_MAX_STAGES, sizeof(*nodes));
    const struct lower_options options = {.type = ELEM_U8, .quants = s->quants, .whole = true, .stage_nodes = nodes};
    struct trial trial = {0};
    enum fscnn_status status = nodes ? trial_create(s->graph, &options, 1, &trial, err)
                                     : error_memory(err, PLAN_MAX_STAGES * sizeof(*nodes), "layers");
    const struct plan *plan = status == FSCNN_OK ? &trial.model->plan : NULL;
    for (int i = 0; plan && i < plan->num_stages; i++) {
        const struct stage *stage = &plan->stages[i];
        bool computes = stage->op == STAGE_CONV || stage->op == STAGE_DEPTHWISE || stage->op == STAGE_RESIZE;
        if (nodes[i] < 0 || !computes || plan_input_type(plan, stage) != ELEM_U8) {
            continue;
        }
        double elements = (double)stage->h * stage->w * stage->c;
        for (int k = 0; k < stage->num_inputs; k++) {
            struct tensor_desc in = plan_source_shape(plan, stage->inputs[k]);
            elements += (double)in.h * in.w * in.c;
        }
        uint64_t macs = plan_stage_macs(plan, stage);
        s->layers[s->num_layers++] = (struct layer){
            .node = nodes[i], .op = stage_op_name(stage->op), .macs = macs, .cost = (double)macs + ELEMENT * elements};
    }
    trial_free(&trial);
    free(nodes);
    return status;
}

static enum fscnn_status try_layers(struct study *s, struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    for (int i = 0; i < s->num_layers && status == FSCNN_OK; i++) {
        struct layer *layer = &s->layers[i];
        memset(s->types, ELEM_F32, sizeof(s->types));
        s->types[layer->node] = ELEM_U8;
        status = compare(s, s->stride, &layer->changed, &layer->noise, err);
    }
    return status;
}

/* ---- which layers stay in bf16 ---- */

/* Most labels changed for the work first; their number goes with the amplitude of the noise, so its square adds up. */
static int by_worth(const void *a, const void *b) {
    const struct layer *x = a, *y = b;
    double p = x->changed * x->changed / x->cost, q = y->changed * y->changed / y->cost;
    if (p == q) {
        p = x->noise;
        q = y->noise;
    }
    return p != q ? (p < q ? 1 : -1) : x->node - y->node;
}

/* The first `kept` layers in bf16, the rest quantised; all of them: no uint8 at all. */
static enum fscnn_status keep(struct study *s, int kept, double *changed, struct fscnn_error *err) {
    memset(s->types, kept == s->num_layers ? ELEM_BF16 : ELEM_U8, sizeof(s->types));
    for (int i = 0; i < kept; i++) {
        s->types[s->layers[i].node] = ELEM_BF16;
    }
    return compare(s, 1, changed, NULL, err);
}

/* As few of the layers as the budget allows, where each more makes it better. */
static enum fscnn_status meet_budget(struct study *s, double budget, int *kept, double *changed,
                                     struct fscnn_error *err) {
    int few = 0, enough = s->num_layers;
    double reached;
    *kept = 0;
    enum fscnn_status status = keep(s, 0, changed, err);
    if (status != FSCNN_OK || budget <= 0 || *changed <= budget) {
        return status;
    }
    *kept = enough;
    status = keep(s, enough, changed, err);
    if (status == FSCNN_OK && *changed > budget) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED,
                         "accuracy budget: %.3g %% of the labels differ from fp32's even in bf16, %.3g %% may",
                         100 * *changed, 100 * budget);
    }
    while (status == FSCNN_OK && enough - few > 1) {
        int middle = few + (enough - few) / 2;
        status = keep(s, middle, &reached, err);
        if (reached <= budget) {
            enough = *kept = middle;
            *changed = reached;
        } else {
            few = middle;
        }
    }
    return status;
}

static void report(const struct study *s, const struct fscnn_compile_options *options, int kept, double changed) {
    for (int i = 0; i < s->num_layers; i++) {
        const struct layer *layer = &s->layers[i];
        double snr = layer->noise > 1e-20 ? -10 * log10(layer->noise) : 200;
        const struct fscnn_layer_sensitivity line = {
            .name = s->graph->nodes[layer->node].name,
            .op = layer->op,
            .macs = layer->macs,
            .snr_db = snr,
            .changed_percent = 100 * layer->changed,
            .precision = i < kept ? FSCNN_BF16 : FSCNN_INT8,
        };
        if (i < kept) {
            log_line(options->log, "kept in bf16: %s (%s), %.1f dB, %.3f %% of the labels", line.name, line.op,
                     line.snr_db, line.changed_percent);
        }
        if (options->sensitivity.layer) {
            options->sensitivity.layer(options->sensitivity.user, &line);
        }
    }
    log_line(options->log, "%d of %d layers in int8: %.3f %% of the labels of %d pictures differ from fp32's",
             s->num_layers - kept, s->num_layers, 100 * changed, s->count);
}

enum fscnn_status sensitivity_choose(const struct graph *graph, const struct fscnn_compile_options *options,
                                     const struct samples *samples, const struct quant *quants, uint8_t *types,
                                     struct fscnn_error *err) {
    struct study *s = calloc(1, sizeof(*s));
    int kept = 0;
    double changed = 0;
    if (!s) {
        return error_memory(err, sizeof(*s), "a study of layers");
    }
    s->graph = graph;
    s->quants = quants;
    enum fscnn_status status = start(s, samples, err);
    if (status == FSCNN_OK) {
        status = find_layers(s, err);
    }
    if (status == FSCNN_OK) {
        status = try_layers(s, err);
    }
    if (status == FSCNN_OK) {
        qsort(s->layers, (size_t)s->num_layers, sizeof(*s->layers), by_worth);
        status = meet_budget(s, options->accuracy_budget / 100, &kept, &changed, err);
    }
    if (status == FSCNN_OK) {
        report(s, options, kept, changed);
        memset(types, kept == s->num_layers ? ELEM_BF16 : ELEM_U8, (size_t)graph->num_nodes);
        for (int i = 0; i < kept; i++) {
            types[s->layers[i].node] = ELEM_BF16;
        }
    }
    finish(s);
    return status;
}
