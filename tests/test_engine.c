/* The compiled engine against graph_eval: Fast-SCNN and small networks made up at random, on every instruction set that
 * this processor has, with one thread and with several. */
#include <math.h>
#include <time.h>

#include "base/file.h"
#include "compile/compile.h"
#include "compile/quantise.h"
#include "cpu/cpu.h"
#include "graph_eval.h"
#include "import/import.h"
#include "passes/passes.h"
#include "random_model.h"
#include "run/session.h"
#include "testing.h"

static uint32_t random_state = 1;

static uint32_t random_u32(void) {
    random_state = random_state * 1664525U + 1013904223U;
    return random_state >> 8;
}
static int random_int(int low, int high) { return low + (int)(random_u32() % (uint32_t)(high - low + 1)); }
static float random_float(void) { return (float)random_u32() / 8388608.0F - 1.0F; }

static float *random_floats(struct arena *arena, size_t count, float scale) {
    float *values = arena_alloc(arena, count, sizeof(float));
    for (size_t i = 0; i < count; i++) {
        values[i] = scale * random_float();
    }
    return values;
}

/* ---- compiling and comparing ---- */

static void print_line(void *user, const char *text) {
    (void)user;
    print_message("# %s\n", text);
}

static struct fscnn_model *lower_graph(const struct graph *graph, const struct lower_options *options) {
    struct fscnn_error err = {""};
    struct plan plan = {0};
    struct pack pack = {0};
    struct fscnn_model *model = NULL;
    enum fscnn_status status = lower(graph, options, &plan, &pack, &err);
    plan.precision = options->quants ? FSCNN_INT8 : options->type == ELEM_F32 ? FSCNN_FP32 : FSCNN_BF16;
    plan.num_batch_sizes = 1;
    plan.batch_sizes[0] = 1;
    if (status == FSCNN_OK) {
        status = model_create(&plan, (struct file_map){0}, pack.bytes, &model, &err);
    }
    if (status != FSCNN_OK) {
        print_error("%s\n", err.text);
    }
    assert_int_equal(status, FSCNN_OK);
    return model;
}

static struct fscnn_model *compile_graph(struct graph *graph, int type) {
    struct fscnn_error err = {""};
    const struct lower_options options = {.type = type};
    assert_int_equal(passes_run(graph, (struct fscnn_log){0}, &err), FSCNN_OK);
    return lower_graph(graph, &options);
}

/* How often a stage of a mixed model read one type and gave another. */
static int mixed_stages[ELEM_COUNT][ELEM_COUNT];

static double largest_difference(const float *a, const float *b, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        most = d > most || isnan(d) ? d : most;
    }
    return most;
}

/* The labels that the session gave are the arg max of its logits. */
static void check_labels(const float *logits, const uint8_t *labels, int classes, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++) {
            best = logits[(size_t)c * pixels + i] > logits[(size_t)best * pixels + i] ? c : best;
        }
        assert_int_equal(labels[i], best);
    }
}

static void check_session(const struct fscnn_model *model, uint32_t flags, int threads, const float *image,
                          const float *expected, double tolerance) {
    struct fscnn_error err = {""};
    struct fscnn_session *session;
    struct fscnn_session_options options = {.threads = threads};
    assert_int_equal(fscnn_session_create(model, &options, &session, &err), FSCNN_OK);
    session->kernels = kernels_get(flags);
    const struct stage *output = model_output(model);
    size_t pixels = (size_t)output->h * (size_t)output->w, count = pixels * (size_t)output->c;
    float *logits = malloc(count * sizeof(float));
    uint8_t *labels = malloc(pixels);
    uint16_t *halves = malloc(count * sizeof(*halves));
    if (!model->plan.output_is_labels) {
        assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_F32, image, FSCNN_OUTPUT_F32, logits, 1, &err),
                         FSCNN_OK);
        double difference = largest_difference(logits, expected, count);
        if (!(difference <= tolerance)) {
            fscnn_model_describe(model, (struct fscnn_log){.line = print_line});
            print_error("isa %s, %d threads: largest difference %g of %g\n", session->kernels.isa, threads, difference,
                        tolerance);
        }
        assert_true(difference <= tolerance);
        assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_F32, image, FSCNN_OUTPUT_F16, halves, 1, &err),
                         FSCNN_OK);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(halves[i], float_to_half(logits[i]));
        }
    }
    assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_F32, image, FSCNN_OUTPUT_LABELS, labels, 1, &err),
                     FSCNN_OK);
    if (!model->plan.output_is_labels) {
        check_labels(logits, labels, output->c, pixels);
    } else {
        for (size_t i = 0; i < pixels; i++) { /* ties may fall either way by rounding: few */
            assert_true((float)labels[i] == expected[i] || tolerance > 0);
        }
    }
    free(logits);
    free(labels);
    free(halves);
    fscnn_session_free(&session);
}

static const uint32_t isas[] = {
    0, CPU_AVX2, CPU_AVX2 | CPU_AVX_VNNI, CPU_AVX2 | CPU_AVX512, CPU_AVX2 | CPU_AVX512 | CPU_AVX512_BF16, CPU_NEON};

/* The steps that hold what every node gives for this image, and the greatest of each channel, in the arena. */
static void quants_of_image(const struct graph *graph, const float *image, struct arena *arena, struct quant *quants) {
    int32_t *nodes = calloc(PLAN_MAX_STAGES, sizeof(*nodes));
    const struct lower_options options = {.type = ELEM_F32, .whole = true, .stage_nodes = nodes};
    const struct fscnn_session_options one = {.threads = 1};
    struct fscnn_model *model = lower_graph(graph, &options);
    struct fscnn_session *session;
    size_t stages = (size_t)model->plan.num_stages;
    struct range *ranges = arena_alloc(arena, stages, sizeof(*ranges));
    for (size_t i = 0; i < stages; i++) {
        ranges[i].least = arena_alloc(arena, (size_t)model->plan.stages[i].c, sizeof(float));
        ranges[i].most = arena_alloc(arena, (size_t)model->plan.stages[i].c, sizeof(float));
        ranges[i].sum = arena_alloc(arena, (size_t)model->plan.stages[i].c, sizeof(double));
    }
    uint8_t *labels = malloc(fscnn_model_output_bytes(model, FSCNN_OUTPUT_LABELS, 1));
    assert_int_equal(fscnn_session_create(model, &one, &session, NULL), FSCNN_OK);
    session->workers[0].ranges = ranges;
    assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_F32, image, FSCNN_OUTPUT_LABELS, labels, 1, NULL),
                     FSCNN_OK);
    for (int i = 0; i < graph->num_nodes; i++) {
        quants[i] = (struct quant){1.0F, 0, NULL, NULL};
    }
    for (size_t i = 0; i < stages; i++) {
        for (int c = 0; c < model->plan.stages[i].c; c++) {
            ranges[i].low = fminf(ranges[i].low, ranges[i].least[c]);
            ranges[i].high = fmaxf(ranges[i].high, ranges[i].most[c]);
        }
        if (nodes[i] >= 0) {
            quants[nodes[i]] = quant_of_range(ranges[i].low, ranges[i].high);
            quants[nodes[i]].most = ranges[i].most;
        }
    }
    quants_of_pools(graph, quants);
    fscnn_session_free(&session);
    fscnn_model_free(&model);
    free(nodes);
    free(labels);
}

/* Every node in a type drawn at random: conversions wherever neighbours differ. 255 steps from least to greatest are
 * coarse where a few values are large: errors add up to more than bfloat16's. */
static void check_mixed(const struct graph *graph, const float *image, const float *expected, size_t count) {
    struct quant *quants = calloc((size_t)graph->num_nodes, sizeof(*quants));
    uint8_t *types = calloc((size_t)graph->num_nodes, 1);
    struct arena arena = {0};
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = fabs((double)expected[i]) > most ? fabs((double)expected[i]) : most;
    }
    quants_of_image(graph, image, &arena, quants);
    for (int i = 0; i < graph->num_nodes; i++) {
        types[i] = (uint8_t)(random_int(0, 3) ? ELEM_U8 : random_int(0, 1) ? ELEM_BF16 : ELEM_F32);
    }
    const struct lower_options options = {.types = types, .quants = quants};
    struct fscnn_model *model = lower_graph(graph, &options);
    for (size_t i = 0; i < ARRAY_SIZE(isas); i++) {
        uint32_t flags = isas[i] | (isas[i] & CPU_AVX512 ? CPU_AVX512_VNNI : 0);
        if ((flags & cpu_flags_found()) == flags) {
            check_session(model, flags, 1 + (int)i % 2, image, expected, 0.3 * most + 0.02);
        }
    }
    for (int i = 0; i < model->plan.num_stages; i++) {
        const struct stage *s = &model->plan.stages[i];
        mixed_stages[plan_input_type(&model->plan, s)][s->type]++;
    }
    fscnn_model_free(&model);
    arena_free(&arena);
    free(quants);
    free(types);
}

/* Evaluates, compiles and compares; frees the graph. */
static void check_graph(struct graph *graph, double tolerance) {
    struct shape in = graph->nodes[graph->input].shape, out = graph->nodes[graph->output].shape;
    struct arena arena = {0};
    float *image = random_floats(&arena, shape_count(in), 2.0F);
    float *planar = arena_alloc(&arena, shape_count(in), sizeof(float));
    float *expected = arena_alloc(&arena, shape_count(out), sizeof(float));
    float *expected_planar = arena_alloc(&arena, shape_count(out), sizeof(float));
    float *planar_after = arena_alloc(&arena, shape_count(out), sizeof(float));
    nhwc_to_nchw(in, image, planar);
    graph_eval(graph, image, expected);
    nhwc_to_nchw(out, expected, expected_planar);
    struct fscnn_model *model = compile_graph(graph, ELEM_F32);
    graph_eval(graph, image, expected); /* the passes keep what the graph computes */
    nhwc_to_nchw(out, expected, planar_after);
    assert_true(largest_difference(planar_after, expected_planar, shape_count(out)) <= tolerance);
    for (size_t i = 0; i < ARRAY_SIZE(isas); i++) {
        for (int threads = 1; threads <= 3 && (isas[i] & cpu_flags_found()) == isas[i]; threads++) {
            check_session(model, isas[i], threads, planar, expected_planar, tolerance);
        }
    }
    fscnn_model_free(&model);
    /* bfloat16 has 8 bits: rounding errors of each layer add up to some percent of the largest value. */
    double most = 0;
    for (size_t i = 0; i < shape_count(out); i++) {
        most = fabs((double)expected[i]) > most ? fabs((double)expected[i]) : most;
    }
    model = compile_graph(graph, ELEM_BF16);
    for (size_t i = 0; i < ARRAY_SIZE(isas); i++) {
        for (int threads = 1; threads <= 2 && (isas[i] & cpu_flags_found()) == isas[i]; threads++) {
            check_session(model, isas[i], threads, planar, expected_planar, 0.08 * most + 0.01);
        }
    }
    fscnn_model_free(&model);
    check_mixed(graph, planar, expected_planar, shape_count(out));
    graph_free(&graph);
    arena_free(&arena);
}

/* ---- made-up networks ---- */

static int add_node(struct graph *graph, const struct node *node) {
    struct fscnn_error err = {""};
    int index = -1;
    if (graph_add(graph, node, &index, &err) != FSCNN_OK) {
        return -1;
    }
    return index;
}

/* `below` rows of padding at the bottom, `pad` everywhere else. */
static int add_conv_below(struct graph *g, int from, int channels, int kernel, int stride, int pad, int below,
                          int groups) {
    int in = g->nodes[from].shape.c / groups;
    size_t count = (size_t)channels * (size_t)(kernel * kernel * in);
    struct node n = {.op = OP_CONV, .num_inputs = 1, .inputs = {from}};
    n.attr.conv =
        (struct conv_attr){.kh = kernel,
                           .kw = kernel,
                           .stride_h = stride,
                           .stride_w = stride,
                           .pad_top = pad,
                           .pad_left = pad,
                           .pad_bottom = below,
                           .pad_right = pad,
                           .groups = groups,
                           .out_channels = channels,
                           .weights = random_floats(&g->arena, count, 1.7F / sqrtf((float)(kernel * kernel * in))),
                           .bias = random_int(0, 1) ? random_floats(&g->arena, (size_t)channels, 0.3F) : NULL};
    return add_node(g, &n);
}

static int add_conv(struct graph *g, int from, int channels, int kernel, int stride, int pad, int groups) {
    return add_conv_below(g, from, channels, kernel, stride, pad, random_int(0, 1) ? pad : pad / 2, groups);
}

static int add_clamp(struct graph *g, int from, float high) {
    struct node n = {.op = OP_CLAMP, .num_inputs = 1, .inputs = {from}, .attr.clamp = {0.0F, high}};
    return add_node(g, &n);
}

static int add_affine(struct graph *g, int from) {
    int c = g->nodes[from].shape.c;
    double *scale = arena_alloc(&g->arena, (size_t)c, sizeof(double));
    double *shift = arena_alloc(&g->arena, (size_t)c, sizeof(double));
    for (int i = 0; i < c; i++) {
        scale[i] = 0.6 + 0.4 * random_float();
        shift[i] = 0.2 * random_float();
    }
    struct node n = {.op = OP_AFFINE, .num_inputs = 1, .inputs = {from}, .attr.affine = {scale, shift}};
    return add_node(g, &n);
}

static int add_binary(struct graph *g, enum op op, int a, int b) {
    struct node n = {.op = op, .num_inputs = 2, .inputs = {a, b}};
    return add_node(g, &n);
}

static int add_unary(struct graph *g, enum op op, int a) {
    struct node n = {.op = op, .num_inputs = 1, .inputs = {a}};
    return add_node(g, &n);
}

static int add_resize(struct graph *g, int from, int h, int w) {
    struct shape in = g->nodes[from].shape;
    bool corners = random_int(0, 1);
    struct node n = {.op = OP_RESIZE, .num_inputs = 1, .inputs = {from}};
    struct resize_attr *a = &n.attr.resize;
    *a = (struct resize_attr){.mode = random_int(0, 3) ? RESIZE_LINEAR : RESIZE_NEAREST_FLOOR, .out_h = h, .out_w = w};
    a->scale_h = corners ? (h > 1 ? (float)(in.h - 1) / (float)(h - 1) : 0) : (float)in.h / (float)h;
    a->scale_w = corners ? (w > 1 ? (float)(in.w - 1) / (float)(w - 1) : 0) : (float)in.w / (float)w;
    a->offset_h = corners ? 0 : 0.5F * a->scale_h - 0.5F;
    a->offset_w = corners ? 0 : 0.5F * a->scale_w - 0.5F;
    return add_node(g, &n);
}

static int add_pool(struct graph *g, int from, int bins) {
    struct node n = {.op = OP_POOL, .num_inputs = 1, .inputs = {from}};
    struct shape in = g->nodes[from].shape;
    if (pool_axis_adaptive(g, in.h, bins, &n.attr.pool.h, NULL) != FSCNN_OK ||
        pool_axis_adaptive(g, in.w, bins, &n.attr.pool.w, NULL) != FSCNN_OK) {
        return -1;
    }
    return add_node(g, &n);
}

static int add_pad(struct graph *g, int from) {
    struct node n = {.op = OP_PAD, .num_inputs = 1, .inputs = {from}};
    n.attr.pad = (struct pad_attr){random_int(0, 2), random_int(0, 2), random_int(0, 2), random_int(0, 2)};
    return add_node(g, &n);
}

/* One more node behind `from`, of a kind drawn at random. */
static int grow(struct graph *g, int from) {
    struct shape s = g->nodes[from].shape;
    int other;
    switch (random_int(0, 13)) {
    case 0: return add_conv(g, from, random_int(1, 70), 1, 1, 0, 1);
    case 1: return add_conv(g, from, random_int(1, 40), 3, random_int(1, 2), random_int(0, 1), 1);
    case 2: return add_conv(g, from, s.c, 3, random_int(1, 2), 1, s.c);
    case 3: return add_conv(g, from, s.c, random_int(2, 5), random_int(1, 3), random_int(0, 2), s.c);
    case 4: return add_clamp(g, from, random_int(0, 1) ? 6.0F : INFINITY);
    case 5: return add_affine(g, from);
    case 6: /* inverted residual */
        other = add_conv(g, from, s.c * 6, 1, 1, 0, 1);
        other = add_clamp(g, add_affine(g, other), 6.0F);
        other = add_clamp(g, add_conv(g, other, s.c * 6, 3, 1, 1, s.c * 6), 6.0F);
        other = add_conv(g, other, s.c, 1, 1, 0, 1);
        return g->nodes[other].shape.h == s.h && g->nodes[other].shape.w == s.w ? add_binary(g, OP_ADD, other, from)
                                                                                : other;
    case 7: /* pyramid part */
        other = add_clamp(g, add_conv(g, add_pool(g, from, random_int(1, 4)), 5, 1, 1, 0, 1), INFINITY);
        return add_binary(g, OP_CONCAT, from, add_resize(g, other, s.h, s.w));
    case 8: return add_resize(g, from, random_int(1, 40), random_int(1, 60));
    case 9: return add_binary(g, OP_ADD, from, add_conv(g, from, s.c, 1, 1, 0, 1));
    case 10: /* two paths of 1x1 convolutions summed */
        return add_binary(g, OP_ADD, add_conv(g, from, 24, 1, 1, 0, 1),
                          add_conv(g, add_clamp(g, from, INFINITY), 24, 1, 1, 0, 1));
    case 11: return add_pad(g, from);
    case 12: return add_conv_below(g, from, random_int(1, 40), 1, 1, 0, random_int(1, 9), 1);
    default: return add_unary(g, OP_SOFTMAX, from);
    }
}

static struct graph *random_network(int nodes) {
    struct graph *g;
    assert_int_equal(graph_create(&g, NULL), FSCNN_OK);
    struct node input = {
        .op = OP_INPUT, .name = "image", .shape = {random_int(9, 50), random_int(9, 70), random_int(1, 3)}};
    int at = add_node(g, &input);
    for (int i = 0; i < nodes; i++) {
        int next = grow(g, at);
        at = next >= 0 && shape_count(g->nodes[next].shape) < 400000 ? next : at;
    }
    if (random_int(0, 1)) {
        at = add_conv(g, at, random_int(2, 25), 1, 1, 0, 1);
        at = add_resize(g, at, random_int(1, 90), random_int(1, 130));
    }
    g->output = random_int(0, 3) ? at : add_unary(g, OP_SOFTMAX, at);
    return g;
}

static void test_random_networks(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 150; seed++) {
        random_state = seed * 2654435761U;
        struct graph *g = random_network(random_int(1, 9));
        struct shape s = g->nodes[g->output].shape;
        if (s.c > 256) {
            graph_free(&g);
            continue;
        }
        check_graph(g, 2e-3);
    }
    for (int from = 0; from < ELEM_COUNT; from++) {
        for (int to = 0; to < ELEM_COUNT; to++) {
            print_message("# mixed: %d stages from type %d to %d\n", mixed_stages[from][to], from, to);
            assert_true(mixed_stages[from][to] > 5);
        }
    }
}

/* ---- Fast-SCNN ---- */

static void check_fast_scnn(int seed, int classes, int h, int w, enum fscnn_pool pool) {
    const struct random_model random = {.seed = seed, .classes = classes, .dtype = DTYPE_F32};
    struct fscnn_error err = {""};
    struct blob blob = {0};
    struct checkpoint checkpoint;
    struct graph *graph;
    const struct import_options options = {.height = h, .width = w, .pool = pool};
    random_model_write(&random, &blob);
    assert_int_equal(checkpoint_parse(blob.data, blob.size, "random.pth", &checkpoint, &err), FSCNN_OK);
    assert_int_equal(import_fast_scnn(&checkpoint, &options, &graph, &err), FSCNN_OK);
    checkpoint_close(&checkpoint);
    check_graph(graph, 1e-3);
    free(blob.data);
}

static void test_fast_scnn(void **state) {
    (void)state;
    check_fast_scnn(1, 19, 192, 256, FSCNN_POOL_FIXED);
    check_fast_scnn(2, 19, 200, 232, FSCNN_POOL_ADAPTIVE);
    check_fast_scnn(3, 2, 65, 97, FSCNN_POOL_ADAPTIVE);
    check_fast_scnn(4, 150, 193, 225, FSCNN_POOL_FIXED);
}

/* Bounds that cross: the upper one wins, as a part of the operation before it, too. */
static void test_crossed_clamp(void **state) {
    (void)state;
    struct graph *g;
    assert_int_equal(graph_create(&g, NULL), FSCNN_OK);
    const struct node input = {.op = OP_INPUT, .name = "image", .shape = {9, 11, 3}};
    struct node clamp = {.op = OP_CLAMP, .num_inputs = 1, .attr.clamp = {1.0F, 0.5F}};
    clamp.inputs[0] = add_conv(g, add_node(g, &input), 8, 1, 1, 0, 1);
    g->output = add_conv(g, add_node(g, &clamp), 4, 1, 1, 0, 1);
    check_graph(g, 1e-4);
}

/* ---- int8 ---- */

/* All that can be in uint8 is; `share` of the largest value is the most that an output may be off. */
static void check_quantised(struct graph *g, double share) {
    const struct shape in = g->nodes[g->input].shape, out = g->nodes[g->output].shape;
    struct arena arena = {0};
    float *image = random_floats(&arena, shape_count(in), 2.0F);
    float *planar = arena_alloc(&arena, shape_count(in), sizeof(float));
    float *expected = arena_alloc(&arena, shape_count(out), sizeof(float));
    float *expected_planar = arena_alloc(&arena, shape_count(out), sizeof(float));
    struct quant *quants = calloc((size_t)g->num_nodes, sizeof(*quants));
    double most = 0;
    nhwc_to_nchw(in, image, planar);
    graph_eval(g, image, expected);
    nhwc_to_nchw(out, expected, expected_planar);
    for (size_t i = 0; i < shape_count(out); i++) {
        most = fmax(most, fabs((double)expected[i]));
    }
    assert_int_equal(passes_run(g, (struct fscnn_log){0}, NULL), FSCNN_OK);
    quants_of_image(g, planar, &arena, quants);
    const struct lower_options options = {.type = ELEM_U8, .quants = quants};
    struct fscnn_model *model = lower_graph(g, &options);
    check_session(model, 0, 1, planar, expected_planar, share * most);
    fscnn_model_free(&model);
    free(quants);
    graph_free(&g);
    arena_free(&arena);
}

/* Averages that count padding, of numbers of both signs: padding is 0, not the least number. */
static void test_int8_padded_average(void **state) {
    (void)state;
    struct graph *g;
    assert_int_equal(graph_create(&g, NULL), FSCNN_OK);
    const struct node input = {.op = OP_INPUT, .name = "image", .shape = {12, 14, 3}};
    struct node pool = {.op = OP_POOL, .num_inputs = 1};
    pool.inputs[0] = add_conv(g, add_node(g, &input), 8, 3, 1, 0, 1);
    assert_int_equal(pool_axis_window(g, 10, 3, 1, 1, 1, true, false, &pool.attr.pool.h, NULL), FSCNN_OK);
    assert_int_equal(pool_axis_window(g, 12, 3, 1, 1, 1, true, false, &pool.attr.pool.w, NULL), FSCNN_OK);
    g->output = add_conv(g, add_node(g, &pool), 4, 1, 1, 0, 1);
    check_quantised(g, 0.08);
}

/* Channels of different greatest values behind a clamp at 1 from below. */
static void test_int8_raised_clamp(void **state) {
    (void)state;
    struct graph *g;
    assert_int_equal(graph_create(&g, NULL), FSCNN_OK);
    const struct node input = {.op = OP_INPUT, .name = "image", .shape = {12, 14, 3}};
    int at = add_conv(g, add_node(g, &input), 16, 3, 1, 0, 1);
    struct node clamp = {.op = OP_CLAMP, .num_inputs = 1, .inputs = {at}, .attr.clamp = {1.0F, 6.0F}};
    at = add_conv(g, add_node(g, &clamp), 16, 3, 1, 0, 16);
    g->output = add_conv(g, at, 4, 1, 1, 0, 1);
    check_quantised(g, 0.08);
}

static double rms(const float *a, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)a[i];
    }
    return sqrt(sum / (double)count);
}

/* A picture of coloured stripes and noise, as a file to calibrate on. */
static void write_picture(const char *path, struct fscnn_picture *picture) {
    struct fscnn_error err = {""};
    for (int i = 0; i < picture->width * picture->height * 3; i++) {
        int x = i / 3 % picture->width, y = i / 3 / picture->width;
        picture->rgb[i] = (uint8_t)((x * (i % 3 + 1) / 2 + y * 2 + (int)(random_u32() % 40)) % 256);
    }
    assert_int_equal(fscnn_picture_write_png(path, picture, &err), FSCNN_OK);
}

static void run_precision(const char *pth, const char *calibration, enum fscnn_precision precision, uint32_t flags,
                          int threads, const struct fscnn_picture *picture, float *logits) {
    struct fscnn_error err = {""};
    struct fscnn_model *model;
    struct fscnn_session *session;
    const struct fscnn_compile_options options = {.height = picture->height,
                                                  .width = picture->width,
                                                  .precision = precision,
                                                  .calibration = calibration,
                                                  .pool = FSCNN_POOL_ADAPTIVE};
    const struct fscnn_session_options session_options = {.threads = threads};
    enum fscnn_status status = fscnn_compile(pth, &options, &model, &err);
    if (status != FSCNN_OK) {
        print_error("%s\n", err.text);
    }
    assert_int_equal(status, FSCNN_OK);
    assert_int_equal(fscnn_session_create(model, &session_options, &session, &err), FSCNN_OK);
    session->kernels = kernels_get(flags);
    assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_U8, picture->rgb, FSCNN_OUTPUT_F32, logits, 1, &err),
                     FSCNN_OK);
    if (precision == FSCNN_INT8) {
        /* Normalised floats become the same bytes again, on another way to the first layer. */
        const size_t pixels = (size_t)picture->width * (size_t)picture->height, bytes = pixels * 19 * sizeof(float);
        float *image = malloc(pixels * 3 * sizeof(float)), *again = malloc(bytes);
        fscnn_normalize(picture, image);
        assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_F32, image, FSCNN_OUTPUT_F32, again, 1, &err),
                         FSCNN_OK);
        assert_memory_equal(again, logits, bytes);
        free(image);
        free(again);
    }
    fscnn_session_free(&session);
    fscnn_model_free(&model);
}

/* int8 stays near fp32, and gives the same bytes on every instruction set and number of threads up to the last resize.
 */
static void test_int8(void **state) {
    (void)state;
    const struct random_model random = {.seed = 9, .classes = 19, .dtype = DTYPE_F32};
    struct fscnn_picture picture = {.width = 160, .height = 128, .rgb = malloc(160 * 128 * 3)};
    struct fscnn_error err = {""};
    struct blob blob = {0};
    const size_t count = 160 * 128 * 19;
    float *exact = malloc(count * sizeof(float)), *first = malloc(count * sizeof(float)),
          *other = malloc(count * sizeof(float));
    char folder[] = "/tmp/fastscnn-int8-XXXXXX", pth[64], png[64];
    assert_non_null(mkdtemp(folder));
    snprintf(pth, sizeof(pth), "%s/random.pth", folder);
    snprintf(png, sizeof(png), "%s/picture.png", folder);
    random_model_write(&random, &blob);
    assert_int_equal(file_write(pth, blob.data, blob.size, &err), FSCNN_OK);
    blob_free(&blob);
    write_picture(png, &picture);
    run_precision(pth, NULL, FSCNN_FP32, 0, 1, &picture, exact);
    run_precision(pth, folder, FSCNN_INT8, 0, 1, &picture, first);
    for (size_t i = 0; i < count; i++) {
        other[i] = first[i] - exact[i];
    }
    print_message("# int8: error %.4f of %.4f (root mean square)\n", rms(other, count), rms(exact, count));
    assert_true(rms(other, count) < 0.15 * rms(exact, count));
    for (size_t i = 1; i < ARRAY_SIZE(isas); i++) {
        uint32_t flags = isas[i] | (isas[i] & CPU_AVX512 ? CPU_AVX512_VNNI : 0);
        if ((flags & cpu_flags_found()) == flags) {
            run_precision(pth, folder, FSCNN_INT8, flags, 2, &picture, other);
            assert_true(largest_difference(first, other, count) <= 1e-4 * rms(exact, count));
        }
    }
    assert_int_equal(remove(pth) | remove(png) | remove(folder), 0);
    free(picture.rgb);
    free(exact);
    free(first);
    free(other);
}

/* ---- graphs as large as they may be ---- */

/* A file can hold a thousand nodes of little work: what looks at the graph must not do so once for each pair of them.
 */
static void check_chain(int nodes) {
    struct graph *g;
    assert_int_equal(graph_create(&g, NULL), FSCNN_OK);
    const struct node input = {.op = OP_INPUT, .name = "image", .shape = {9, 11, 3}};
    int at = add_conv(g, add_node(g, &input), 8, 3, 2, 1, 1);
    for (int i = 2; i < nodes; i++) {
        at = i % 3 == 0 ? add_conv(g, at, 8, 1, 1, 0, 1) : i % 3 == 1 ? add_affine(g, at) : add_clamp(g, at, 6.0F);
    }
    g->output = at;
    clock_t start = clock();
    struct fscnn_model *model = compile_graph(g, ELEM_F32);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("# %d nodes compile in %.3f s\n", nodes, seconds);
    assert_true(seconds < 2.0);
    fscnn_model_free(&model);
    graph_free(&g);
}

/* Weights that only dense groups would make huge are a limit of ours, not a lack of memory. */
static void test_dense_limit(void **state) {
    (void)state;
    enum { CHANNELS = 32768 };
    struct fscnn_error err = {""};
    struct graph *g;
    assert_int_equal(graph_create(&g, NULL), FSCNN_OK);
    const struct node input = {.op = OP_INPUT, .name = "image", .shape = {1, 1, CHANNELS}};
    struct node conv = {.op = OP_CONV, .name = "wide", .num_inputs = 1, .inputs = {add_node(g, &input)}};
    conv.attr.conv = (struct conv_attr){.kh = 1,
                                        .kw = 1,
                                        .stride_h = 1,
                                        .stride_w = 1,
                                        .groups = CHANNELS / 2,
                                        .out_channels = CHANNELS,
                                        .weights = arena_alloc(&g->arena, 2 * CHANNELS, sizeof(float))};
    g->output = add_node(g, &conv);
    assert_int_equal(passes_run(g, (struct fscnn_log){0}, &err), FSCNN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "node wide: a grouped convolution that made dense has 1073741824 weights"));
    graph_free(&g);
}

static void test_chain(void **state) {
    (void)state;
    random_state = 7;
    check_chain(1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_scnn),
        cmocka_unit_test(test_random_networks),
        cmocka_unit_test(test_crossed_clamp),
        cmocka_unit_test(test_int8_padded_average),
        cmocka_unit_test(test_int8_raised_clamp),
        cmocka_unit_test(test_int8),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_dense_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
