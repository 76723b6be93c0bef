/* A checkpoint's tensors -> the graph of Fast-SCNN, layer by layer as the table has them. */
#include "import/fast_scnn.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_HEIGHT = 1024, DEFAULT_WIDTH = 2048, SMALLEST_SIDE = 3, SMALLEST_FIXED_POOL = 6, NUM_PYRAMID = 4 };

struct builder {
    const struct checkpoint *checkpoint;
    struct graph *graph;
    struct fscnn_error *err;
    enum fscnn_status status; /* sticky: after a failure the other functions do nothing */
};

static void fail_memory(struct builder *b, size_t bytes, const char *what) {
    if (b->status == FSCNN_OK) {
        b->status = error_memory(b->err, bytes, what);
    }
}

/* A name in the graph's arena. */
__attribute__((format(printf, 2, 3))) static const char *name_of(struct builder *b, const char *format, ...) {
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const char *name = arena_strdup(&b->graph->arena, text);
    if (!name) {
        fail_memory(b, sizeof(text), "a name");
    }
    return name;
}

/* Adds a node and returns its number, 0 after a failure. */
static int add(struct builder *b, const struct node *node) {
    int index = 0;
    if (b->status == FSCNN_OK) {
        b->status = graph_add(b->graph, node, &index, b->err);
    }
    return index;
}

/* All zeros after a failure, so that arithmetic on it stays harmless. */
static struct shape shape_of(const struct builder *b, int index) {
    return b->status == FSCNN_OK ? b->graph->nodes[index].shape : (struct shape){0};
}

/* ---------------------------------------------------------------------------------- weights ---- */

/* The checkpoint has been checked: every tensor is there and of its shape. */
static const struct tensor *find(const struct builder *b, const char *prefix, const char *name) {
    char full[128];
    snprintf(full, sizeof(full), "%s.%s", prefix, name);
    return checkpoint_find(b->checkpoint, full);
}

static float *floats(struct builder *b, const struct tensor *tensor) {
    size_t count = tensor_count(tensor);
    float *out = arena_alloc(&b->graph->arena, count, sizeof(*out));
    if (!out) {
        fail_memory(b, count * sizeof(*out), tensor->name);
        return NULL;
    }
    tensor_to_f32(tensor, out);
    return out;
}

/* [out, in, kh, kw] -> [out, kh, kw, in]; the same thing where there is one channel or a 1x1 kernel. */
static float *conv_weights(struct builder *b, const struct tensor *tensor) {
    size_t out = (size_t)tensor->shape[0], in = (size_t)tensor->shape[1];
    size_t area = (size_t)(tensor->shape[2] * tensor->shape[3]);
    float *from = floats(b, tensor);
    if (!from || in == 1 || area == 1) {
        return from;
    }
    float *to = arena_alloc(&b->graph->arena, out * in * area, sizeof(*to));
    if (!to) {
        fail_memory(b, out * in * area * sizeof(*to), tensor->name);
        return NULL;
    }
    for (size_t o = 0; o < out; o++) {
        for (size_t i = 0; i < in; i++) {
            for (size_t k = 0; k < area; k++) {
                to[(o * area + k) * in + i] = from[(o * in + i) * area + k];
            }
        }
    }
    return to;
}

/* ------------------------------------------------------------------------------------ layers ---- */

static int add_conv(struct builder *b, const struct fast_scnn_layer *layer, int input) {
    const struct tensor *weight = find(b, layer->conv, "weight");
    struct node node = {.op = OP_CONV, .name = layer->conv, .num_inputs = 1, .inputs = {input}};
    node.attr.conv = (struct conv_attr){.kh = layer->kernel,
                                        .kw = layer->kernel,
                                        .stride_h = layer->stride,
                                        .stride_w = layer->stride,
                                        .pad_top = layer->pad,
                                        .pad_left = layer->pad,
                                        .pad_bottom = layer->pad,
                                        .pad_right = layer->pad,
                                        .groups = layer->depthwise ? layer->in : 1,
                                        .out_channels = (int)weight->shape[0],
                                        .weights = conv_weights(b, weight),
                                        .bias = layer->bias ? floats(b, find(b, layer->conv, "bias")) : NULL};
    return add(b, &node);
}

/* Batch norm in eval mode: y = x * scale + shift, scale = gamma / sqrt(var + eps), shift = beta - mean * scale. */
static int add_norm(struct builder *b, const struct fast_scnn_layer *layer, int input) {
    const struct tensor *gamma = find(b, layer->norm, "weight"), *beta = find(b, layer->norm, "bias");
    const struct tensor *mean = find(b, layer->norm, "running_mean"), *var = find(b, layer->norm, "running_var");
    size_t count = tensor_count(gamma);
    double *scale = arena_alloc(&b->graph->arena, count, sizeof(*scale));
    double *shift = arena_alloc(&b->graph->arena, count, sizeof(*shift));
    if (!scale || !shift) {
        fail_memory(b, 2 * count * sizeof(*scale), layer->norm);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        scale[i] = tensor_get_double(gamma, i) / sqrt(tensor_get_double(var, i) + FAST_SCNN_EPSILON);
        shift[i] = tensor_get_double(beta, i) - tensor_get_double(mean, i) * scale[i];
        if (b->status == FSCNN_OK && (!isfinite((float)scale[i]) || !isfinite((float)shift[i]))) {
            b->status =
                error_set(b->err, FSCNN_ERROR_FORMAT, "batch norm %s: channel %zu exceeds float32", layer->norm, i);
        }
    }
    struct node node = {.op = OP_AFFINE, .name = layer->norm, .num_inputs = 1, .inputs = {input}};
    node.attr.affine = (struct affine_attr){.scale = scale, .shift = shift};
    return add(b, &node);
}

static int add_clamp(struct builder *b, const char *name, float high, int input) {
    struct node node = {.op = OP_CLAMP, .name = name, .num_inputs = 1, .inputs = {input}};
    node.attr.clamp = (struct clamp_attr){.low = 0, .high = high};
    return add(b, &node);
}

static int add_sum(struct builder *b, const char *name, int left, int right) {
    struct node node = {.op = OP_ADD, .name = name, .num_inputs = 2, .inputs = {left, right}};
    return add(b, &node);
}

static int add_layer(struct builder *b, const struct fast_scnn_layer *layer, int input) {
    int at = add_conv(b, layer, input);
    at = layer->norm ? add_norm(b, layer, at) : at;
    if (layer->activation != ACT_NONE) {
        const char *name = name_of(b, "%s.%s", layer->norm, layer->activation == ACT_RELU ? "relu" : "relu6");
        at = add_clamp(b, name, layer->activation == ACT_RELU ? INFINITY : 6.0f, at);
    }
    return at;
}

/* All layers of a stage, one after another. */
static int add_stage(struct builder *b, enum fast_scnn_stage stage, int input) {
    int at = input, skipped = input;
    for (int i = 0; i < fast_scnn_num_layers; i++) {
        const struct fast_scnn_layer *layer = &fast_scnn_layers[i];
        if (layer->stage != stage) {
            continue;
        }
        skipped = layer->skip == SKIP_FIRST ? at : skipped;
        at = add_layer(b, layer, at);
        if (layer->skip == SKIP_LAST) {
            at = add_sum(b, name_of(b, "%s.add", layer->norm), skipped, at);
        }
    }
    return at;
}

/* ------------------------------------------------------------------------- pooling and resizing ---- */

/* Scale of align_corners, rounded as torch does it. */
static float corner_scale(int in, int out) { return out > 1 ? (float)(in - 1) / (float)(out - 1) : 0.0f; }

static int add_resize(struct builder *b, const char *name, int input, int out_h, int out_w) {
    struct shape in = shape_of(b, input);
    struct node node = {.op = OP_RESIZE, .name = name, .num_inputs = 1, .inputs = {input}};
    node.attr.resize = (struct resize_attr){.mode = RESIZE_LINEAR,
                                            .out_h = out_h,
                                            .out_w = out_w,
                                            .scale_h = corner_scale(in.h, out_h),
                                            .scale_w = corner_scale(in.w, out_w)};
    return add(b, &node);
}

static void pool_axis(struct builder *b, enum fscnn_pool pool, int size, int bins, struct pool_axis *out) {
    if (b->status != FSCNN_OK) {
        return;
    }
    if (pool == FSCNN_POOL_ADAPTIVE) {
        b->status = pool_axis_adaptive(b->graph, size, bins, out, b->err);
    } else {
        int stride = size / bins, kernel = size - (bins - 1) * stride;
        b->status = pool_axis_window(b->graph, size, kernel, stride, 0, 0, true, false, out, b->err);
    }
}

static int add_pool(struct builder *b, const char *name, enum fscnn_pool pool, int input, int bins) {
    struct shape in = shape_of(b, input);
    struct node node = {.op = OP_POOL, .name = name, .num_inputs = 1, .inputs = {input}};
    pool_axis(b, pool, in.h, bins, &node.attr.pool.h);
    pool_axis(b, pool, in.w, bins, &node.attr.pool.w);
    return add(b, &node);
}

/* Input and its four poolings, each through its layer and back to full size, side by side. */
static int add_pyramid(struct builder *b, enum fscnn_pool pool, int input) {
    struct shape in = shape_of(b, input);
    struct node concat = {
        .op = OP_CONCAT, .name = "global_feature_extractor.ppm", .num_inputs = 1 + NUM_PYRAMID, .inputs = {input}};
    if (b->status == FSCNN_OK && pool == FSCNN_POOL_FIXED &&
        (in.h < SMALLEST_FIXED_POOL || in.w < SMALLEST_FIXED_POOL)) {
        b->status = error_set(b->err, FSCNN_ERROR_USAGE,
                              "fixed pooling needs %dx%d positions at 1/32 of the picture, and here are %dx%d: use "
                              "--pool adaptive, or a larger size",
                              SMALLEST_FIXED_POOL, SMALLEST_FIXED_POOL, in.h, in.w);
    }
    for (int i = 0, level = 0; i < fast_scnn_num_layers && level < NUM_PYRAMID; i++) {
        const struct fast_scnn_layer *layer = &fast_scnn_layers[i];
        if (layer->stage == STAGE_PYRAMID) {
            int bins = fast_scnn_pyramid_bins[level];
            int at = add_pool(b, name_of(b, "%s.pool", layer->conv), pool, input, bins);
            at = add_layer(b, layer, at);
            concat.inputs[++level] = add_resize(b, name_of(b, "%s.resize", layer->conv), at, in.h, in.w);
        }
    }
    return add(b, &concat);
}

/* ----------------------------------------------------------------------------------- network ---- */

static int add_network(struct builder *b, enum fscnn_pool pool, int image) {
    struct shape size = shape_of(b, image);
    int hi = add_stage(b, STAGE_DOWNSAMPLE, image);
    int lo = add_stage(b, STAGE_BOTTLENECKS, hi);
    lo = add_pyramid(b, pool, lo);
    lo = add_stage(b, STAGE_GLOBAL_OUT, lo);
    struct shape hi_size = shape_of(b, hi);
    /* Not by a factor of 4: the two differ where 32 does not divide the picture. */
    int low = add_resize(b, "feature_fusion.resize", lo, hi_size.h, hi_size.w);
    low = add_stage(b, STAGE_FUSION_LOW, low);
    int high = add_stage(b, STAGE_FUSION_HIGH, hi);
    int fused = add_clamp(b, "feature_fusion.relu", INFINITY, add_sum(b, "feature_fusion.add", high, low));
    int logits = add_stage(b, STAGE_CLASSIFIER, fused);
    return add_resize(b, "output1", logits, size.h, size.w);
}

static void log_summary(const struct checkpoint *checkpoint, const struct fast_scnn_summary *summary,
                        const struct import_options *options, int height, int width) {
    log_line(options->log, "%s: Fast-SCNN (%s checkpoint), %d classes, %llu weights, %dx%d, %s pooling",
             checkpoint->name, checkpoint->container, summary->classes, (unsigned long long)summary->elements, height,
             width, options->pool == FSCNN_POOL_ADAPTIVE ? "adaptive" : "fixed");
    if (summary->left_out_auxiliary) {
        log_line(options->log, "left out: %d tensors of the auxiliary training heads", summary->left_out_auxiliary);
    }
    if (summary->left_out_counters) {
        log_line(options->log, "left out: %d num_batches_tracked counters", summary->left_out_counters);
    }
    if (checkpoint->num_others) {
        log_line(options->log, "left out: %d entries that are not tensors", checkpoint->num_others);
    }
}

enum fscnn_status import_fast_scnn(const struct checkpoint *checkpoint, const struct import_options *options,
                                   struct graph **out, struct fscnn_error *err) {
    int height = options->height ? options->height : DEFAULT_HEIGHT;
    int width = options->width ? options->width : DEFAULT_WIDTH;
    struct fast_scnn_summary summary;
    *out = NULL;
    if (height < SMALLEST_SIDE || width < SMALLEST_SIDE || height > GRAPH_MAX_SIDE || width > GRAPH_MAX_SIDE) {
        return error_set(err, FSCNN_ERROR_USAGE, "%s: a size of %dx%d is not between %dx%d and %dx%d", checkpoint->name,
                         height, width, SMALLEST_SIDE, SMALLEST_SIDE, GRAPH_MAX_SIDE, GRAPH_MAX_SIDE);
    }
    if ((int64_t)height * width > GRAPH_MAX_PIXELS) {
        return error_set(err, FSCNN_ERROR_USAGE, "%s: a size of %dx%d is beyond the limit of 2^28 pixels",
                         checkpoint->name, height, width);
    }
    enum fscnn_status status = fast_scnn_check(checkpoint, &summary, err);
    struct builder b = {.checkpoint = checkpoint, .err = err};
    status = status == FSCNN_OK ? graph_create(&b.graph, err) : status;
    if (status != FSCNN_OK) {
        return status;
    }
    struct node image = {.op = OP_INPUT, .name = "image", .shape = {height, width, 3}};
    b.graph->input_name = "image";
    b.graph->output_name = "output1";
    b.graph->source_parameters = summary.elements;
    b.graph->input = add(&b, &image);
    b.graph->output = add_network(&b, options->pool, b.graph->input);
    if (b.status != FSCNN_OK) {
        graph_free(&b.graph);
        return error_prefix(err, b.status, "%s", checkpoint->name);
    }
    log_summary(checkpoint, &summary, options, height, width);
    *out = b.graph;
    return FSCNN_OK;
}
