/* What the ONNX importer makes of each operator: values where they are easy to tell by hand, attributes otherwise. */
#include "onnx_model.h"
#include "passes/passes.h"

static const float ramp16[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static const struct node *output_node(const struct model *m) { return &m->graph->nodes[m->graph->output]; }

/* ---- Conv, BatchNormalization ---- */

static Onnx__NodeProto *add_conv(struct model *m, int out, int in, int kh, int kw, const float *weights) {
    onnx_build_floats(&m->b, "w", 4, DIMS(out, in, kh, kw), weights);
    return onnx_build_node(&m->b, "Conv", "conv", "x w", "y");
}

static void conv_reads_pads_strides_and_order(void **state) {
    (void)state;
    struct model m;
    model_start(&m, 11, 1, 2, 3);
    Onnx__NodeProto *node = add_conv(&m, 2, 1, 2, 2, FLOATS(1, 10, 100, 1000, 2, 0, 0, 0));
    onnx_node_ints(&m.b, node, "pads", 4, INTS(1, 0, 0, 1)); /* top, left, bottom, right */
    onnx_node_ints(&m.b, node, "strides", 2, INTS(1, 2));
    /* Rows 0 1 2 / 3 4 5; a row of zeros above, a column of zeros on the right. */
    model_must_give(&m, ramp16, FLOATS(1000, 200, 4310, 502, 0, 0, 0, 4), 8);
    model_end(&m);
}

static void conv_adds_bias_and_splits_groups(void **state) {
    (void)state;
    struct model m;
    model_start(&m, 13, 2, 1, 2);
    onnx_build_floats(&m.b, "w", 4, DIMS(4, 1, 1, 1), FLOATS(1, 2, 3, 4));
    onnx_build_floats(&m.b, "b", 1, DIMS(4), FLOATS(0.5F, 0, 0, -1));
    onnx_node_int(&m.b, onnx_build_node(&m.b, "Conv", "conv", "x w b", "y"), "group", 2);
    model_must_give(&m, FLOATS(1, 2, 10, 20), FLOATS(1.5F, 2.5F, 2, 4, 30, 60, 39, 79), 8);
    assert_int_equal(m.graph->source_parameters, 8);
    model_end(&m);
}

static void conv_spreads_dilated_kernels(void **state) {
    (void)state;
    struct model m;
    model_start(&m, 11, 1, 4, 4);
    Onnx__NodeProto *node = add_conv(&m, 1, 1, 2, 2, FLOATS(1, 10, 100, 1000));
    onnx_node_ints(&m.b, node, "dilations", 2, INTS(3, 2));
    model_must_give(&m, ramp16, FLOATS(0 + 20 + 1200 + 14000, 1 + 30 + 1300 + 15000), 2);
    assert_int_equal(output_node(&m)->attr.conv.kh, 4);
    assert_int_equal(output_node(&m)->attr.conv.kw, 3);
    model_end(&m);
}

static void conv_pads_by_itself(void **state) {
    (void)state;
    static const struct {
        const char *mode;
        int top, bottom, out;
    } cases[] = {{"SAME_UPPER", 0, 1, 2}, {"SAME_LOWER", 1, 0, 2}, {"VALID", 0, 0, 1}, {"NOTSET", 0, 0, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 11, 1, 4, 4);
        const float weights[9] = {1};
        Onnx__NodeProto *node = add_conv(&m, 1, 1, 3, 3, weights);
        onnx_node_ints(&m.b, node, "strides", 2, INTS(2, 2));
        onnx_node_text(&m.b, node, "auto_pad", cases[i].mode);
        model_must_be(&m, 1, cases[i].out, cases[i].out);
        assert_int_equal(output_node(&m)->attr.conv.pad_top, cases[i].top);
        assert_int_equal(output_node(&m)->attr.conv.pad_bottom, cases[i].bottom);
        model_end(&m);
    }
}

static void conv_takes_weights_from_anywhere(void **state) {
    (void)state;
    enum { INITIALIZER_AND_INPUT, CONSTANT, IDENTITY, HALF, TYPED, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        struct model m;
        const struct onnx_dim dims[4] = {{.value = 1}, {.value = 1}, {.value = 1}, {.value = 1}};
        const float three = 3;
        const uint16_t half = 0x4200;
        model_start(&m, 11, 1, 1, 1);
        if (kind == INITIALIZER_AND_INPUT) {
            onnx_build_input(&m.b, "w", FLOAT_TYPE, 4, dims);
            onnx_build_floats(&m.b, "w", 4, DIMS(1, 1, 1, 1), &three);
        } else if (kind == CONSTANT) {
            onnx_node_tensor(&m.b, onnx_build_node(&m.b, "Constant", "c", "", "w"), "value",
                             onnx_make_tensor(&m.b, "", FLOAT_TYPE, 4, DIMS(1, 1, 1, 1), &three, 4));
        } else if (kind == IDENTITY) {
            onnx_build_floats(&m.b, "v", 4, DIMS(1, 1, 1, 1), &three);
            onnx_build_node(&m.b, "Identity", "i", "v", "w");
        } else if (kind == HALF) {
            onnx_build_initializer(&m.b, "w", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, 4, DIMS(1, 1, 1, 1), &half, 2);
        } else {
            static float typed[1] = {3};
            Onnx__TensorProto *t = onnx_build_initializer(&m.b, "w", FLOAT_TYPE, 4, DIMS(1, 1, 1, 1), NULL, 0);
            t->has_raw_data = false;
            t->float_data = typed;
            t->n_float_data = 1;
        }
        onnx_build_node(&m.b, "Conv", "conv", "x w", "y");
        model_must_give(&m, FLOATS(5), FLOATS(15), 1);
        model_end(&m);
    }
}

static Onnx__NodeProto *add_norm(struct model *m, const char *outputs) {
    onnx_build_floats(&m->b, "scale", 1, DIMS(2), FLOATS(2, 1));
    onnx_build_floats(&m->b, "bias", 1, DIMS(2), FLOATS(1, 0));
    onnx_build_floats(&m->b, "mean", 1, DIMS(2), FLOATS(3, 0));
    onnx_build_floats(&m->b, "var", 1, DIMS(2), FLOATS(3, 0));
    Onnx__NodeProto *node = onnx_build_node(&m->b, "BatchNormalization", "bn", "x scale bias mean var", outputs);
    onnx_node_float(&m->b, node, "epsilon", 1);
    return node;
}

static void batch_norm_in_every_version(void **state) {
    (void)state;
    static const int opsets[] = {7, 9, 14, 15};
    for (size_t i = 0; i < sizeof(opsets) / sizeof(opsets[0]); i++) {
        struct model m;
        model_start(&m, opsets[i], 2, 1, 1);
        Onnx__NodeProto *node = add_norm(&m, opsets[i] < 14 ? "y m v sm sv" : "y");
        onnx_node_float(&m.b, node, "momentum", 0.9F);
        if (opsets[i] < 9) {
            onnx_node_int(&m.b, node, "spatial", 1);
        } else if (opsets[i] >= 14) {
            onnx_node_int(&m.b, node, "training_mode", 0);
        }
        model_must_give(&m, FLOATS(5, 4), FLOATS(3, 4), 2); /* (5 - 3) / 2 * 2 + 1, 4 / 1 */
        model_end(&m);
    }
    struct model m;
    model_start(&m, 14, 2, 1, 1);
    onnx_node_int(&m.b, add_norm(&m, "y"), "training_mode", 1);
    model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED, "training_mode = 1");
    model_end(&m);
}

/* ---- arithmetic ---- */

static void clip_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *op, *inputs;
        int opset;
        float attributes[2]; /* min, max; none where they are equal */
        float expected[3];   /* of -2, 3, 9 */
    } cases[] = {
        {"Clip", "x", 10, {0, 6}, {0, 3, 6}},
        {"Clip", "x", 9, {0, 0}, {-2, 3, 9}},
        {"Clip", "x zero six", 11, {0, 0}, {0, 3, 6}},
        {"Clip", "x - six", 13, {0, 0}, {-2, 3, 6}},
        {"Clip", "x zero", 13, {0, 0}, {0, 3, 9}},
        {"Clip", "x", 13, {0, 0}, {-2, 3, 9}},
        {"Clip", "x", 9, {-3.4028234e38F, 3.4028234e38F}, {-2, 3, 9}},
        {"Relu", "x", 13, {0, 0}, {0, 3, 9}},
        {"Max", "zero x", 13, {0, 0}, {0, 3, 9}},
        {"Min", "x six", 13, {0, 0}, {-2, 3, 6}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, cases[i].opset, 1, 1, 3);
        onnx_build_floats(&m.b, "zero", 0, NULL, FLOATS(0));
        onnx_build_floats(&m.b, "six", 0, NULL, FLOATS(6));
        Onnx__NodeProto *node = onnx_build_node(&m.b, cases[i].op, "clip", cases[i].inputs, "y");
        if (cases[i].attributes[0] < cases[i].attributes[1]) {
            onnx_node_float(&m.b, node, "min", cases[i].attributes[0]);
            onnx_node_float(&m.b, node, "max", cases[i].attributes[1]);
        }
        model_must_give(&m, FLOATS(-2, 3, 9), cases[i].expected, 3);
        model_end(&m);
    }
}

static void arithmetic_with_constants(void **state) {
    (void)state;
    static const struct {
        const char *op, *inputs;
        float expected[2]; /* of 6 in channel 0 and 8 in channel 1 */
    } cases[] = {
        {"Add", "x c", {7, 10}},  {"Add", "c x", {7, 10}},  {"Sub", "x c", {5, 6}}, {"Sub", "c x", {-5, -6}},
        {"Mul", "x c", {6, 16}},  {"Div", "x c", {6, 4}},   {"Mul", "s x", {3, 4}}, {"Add", "x one", {6.5F, 8.5F}},
        {"Add", "x x", {12, 16}}, {"Sum", "x x", {12, 16}}, {"Sum", "x", {6, 8}},   {"Sum", "x x x", {18, 24}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 11, 2, 1, 1);
        onnx_build_floats(&m.b, "c", 3, DIMS(2, 1, 1), FLOATS(1, 2));
        onnx_build_floats(&m.b, "s", 0, NULL, FLOATS(0.5F));
        onnx_build_floats(&m.b, "one", 4, DIMS(1, 1, 1, 1), FLOATS(0.5F));
        onnx_build_node(&m.b, cases[i].op, "a", cases[i].inputs, "y");
        model_must_give(&m, FLOATS(6, 8), cases[i].expected, 2);
        model_end(&m);
    }
}

static void concat_takes_many_inputs(void **state) {
    (void)state;
    struct model m;
    float expected[40];
    model_start(&m, 13, 2, 1, 2);
    Onnx__NodeProto *node = onnx_build_node(&m.b, "Concat", "cat", "x x x x x x x x x x", "y");
    onnx_node_int(&m.b, node, "axis", -3);
    for (int i = 0; i < 40; i++) {
        expected[i] = ramp16[i % 4];
    }
    model_must_give(&m, ramp16, expected, 40);
    model_end(&m);
}

/* ---- padding and pooling ---- */

static void pad_in_every_form(void **state) {
    (void)state;
    static const int opsets[] = {7, 11, 13, 18};
    for (size_t i = 0; i < sizeof(opsets) / sizeof(opsets[0]); i++) {
        struct model m;
        model_start(&m, opsets[i], 1, 1, 2);
        const char *inputs = opsets[i] < 11 ? "x" : opsets[i] < 18 ? "x pads zero" : "x pads - axes";
        onnx_build_floats(&m.b, "zero", 0, NULL, FLOATS(0));
        onnx_build_ints(&m.b, "axes", 2, INTS(-1, 2));
        if (opsets[i] < 18) {
            onnx_build_ints(&m.b, "pads", 8, INTS(0, 0, 1, 0, 0, 0, 0, 2));
        } else {
            onnx_build_ints(&m.b, "pads", 4, INTS(0, 1, 2, 0));
        }
        Onnx__NodeProto *node = onnx_build_node(&m.b, "Pad", "pad", inputs, "y");
        onnx_node_text(&m.b, node, "mode", "constant");
        if (opsets[i] < 11) {
            onnx_node_ints(&m.b, node, "pads", 8, INTS(0, 0, 1, 0, 0, 0, 0, 2));
            onnx_node_float(&m.b, node, "value", 0);
        }
        model_must_give(&m, FLOATS(7, 8), FLOATS(0, 0, 0, 0, 7, 8, 0, 0), 8);
        model_end(&m);
    }
}

static void average_pool_counts_as_told(void **state) {
    (void)state;
    static const struct {
        int64_t kernel, stride, begin, end, ceil_mode, count;
        const char *auto_pad;
        int bins;
        float expected[4]; /* of the row 2 4 6 8 10 */
    } cases[] = {
        {2, 2, 0, 0, 0, 0, "NOTSET", 2, {3, 7}},     {2, 2, 0, 0, 1, 0, "NOTSET", 3, {3, 7, 10}},
        {3, 2, 1, 1, 0, 0, "NOTSET", 3, {3, 6, 9}},  {3, 2, 1, 1, 0, 1, "NOTSET", 3, {2, 6, 6}},
        {3, 3, 0, 0, 0, 0, "SAME_UPPER", 2, {4, 9}}, {3, 3, 0, 0, 0, 0, "SAME_LOWER", 2, {3, 8}},
        {3, 2, 0, 0, 0, 0, "VALID", 2, {4, 8}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 11, 1, 1, 5);
        Onnx__NodeProto *node = onnx_build_node(&m.b, "AveragePool", "pool", "x", "y");
        onnx_node_ints(&m.b, node, "kernel_shape", 2, INTS(1, cases[i].kernel));
        onnx_node_ints(&m.b, node, "strides", 2, INTS(1, cases[i].stride));
        onnx_node_int(&m.b, node, "ceil_mode", cases[i].ceil_mode);
        onnx_node_int(&m.b, node, "count_include_pad", cases[i].count);
        onnx_node_text(&m.b, node, "auto_pad", cases[i].auto_pad);
        if (strcmp(cases[i].auto_pad, "NOTSET") == 0) {
            onnx_node_ints(&m.b, node, "pads", 4, INTS(0, cases[i].begin, 0, cases[i].end));
        }
        model_must_give(&m, FLOATS(2, 4, 6, 8, 10), cases[i].expected, (size_t)cases[i].bins);
        model_end(&m);
    }
}

static void means_over_axes(void **state) {
    (void)state;
    struct model m;
    model_start(&m, 11, 1, 4, 4);
    onnx_build_node(&m.b, "GlobalAveragePool", "pool", "x", "y");
    model_must_give(&m, ramp16, FLOATS(7.5F), 1);
    model_end(&m);
    for (int opset = 13; opset <= 18; opset += 5) {
        model_start(&m, opset, 1, 4, 4);
        onnx_build_ints(&m.b, "axes", 1, INTS(-1));
        Onnx__NodeProto *node = onnx_build_node(&m.b, "ReduceMean", "mean", opset < 18 ? "x" : "x axes", "y");
        onnx_node_int(&m.b, node, "keepdims", 1);
        if (opset < 18) {
            onnx_node_ints(&m.b, node, "axes", 1, INTS(3));
        }
        model_must_give(&m, ramp16, FLOATS(1.5F, 5.5F, 9.5F, 13.5F), 4);
        model_end(&m);
    }
}

static void averaging_matrices_become_one_pooling(void **state) {
    (void)state;
    const float third = 1.0F / 3;
    struct model m;
    model_start(&m, 11, 1, 4, 4);
    onnx_build_floats(&m.b, "rows", 2, DIMS(2, 4), FLOATS(third, third, third, 0, 0, 0, 0.5F, 0.5F));
    onnx_build_floats(&m.b, "columns", 2, DIMS(4, 1), FLOATS(0.25F, 0.25F, 0.25F, 0.25F));
    onnx_build_node(&m.b, "MatMul", "left", "rows x", "between");
    onnx_build_node(&m.b, "MatMul", "right", "between columns", "y");
    model_must_give(&m, ramp16, FLOATS(5.5F, 11.5F), 2);
    const struct node *pool = output_node(&m);
    assert_int_equal(pool->op, OP_POOL);
    assert_int_equal(pool->inputs[0], m.graph->input); /* merged */
    assert_int_equal(pool->attr.pool.h.start[1], 2);
    assert_int_equal(pool->attr.pool.h.end[0], 3);
    assert_true(pool->attr.pool.h.divisor[0] == 3);
    model_end(&m);

    /* A matrix that several nodes have, on either side, is read once a side. */
    model_start(&m, 11, 1, 3, 3);
    onnx_build_floats(&m.b, "m", 2, DIMS(3, 3), FLOATS(0.5F, 0.5F, 0, 0.5F, 0.5F, 0, 0, 0, 1));
    onnx_build_node(&m.b, "MatMul", "first", "m x", "a");
    onnx_build_node(&m.b, "MatMul", "second", "m a", "b");
    onnx_build_node(&m.b, "MatMul", "third", "b m", "y");
    model_must_give(&m, FLOATS(0, 1, 2, 4, 5, 6, 8, 9, 10), FLOATS(2.5F, 2.5F, 4, 2.5F, 2.5F, 4, 8.5F, 8.5F, 10), 9);
    pool = output_node(&m);
    assert_ptr_equal(pool->attr.pool.h.start, m.graph->nodes[pool->inputs[0]].attr.pool.h.start);
    model_end(&m);

    static const float general[][4] = {{1, 2, 0, 0}, {0.5F, 0, 0.5F, 0}, {0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++) {
        model_start(&m, 11, 1, 4, 4);
        onnx_build_floats(&m.b, "matrix", 2, DIMS(1, 4), general[i]);
        onnx_build_node(&m.b, "MatMul", "product", "matrix x", "y");
        model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED,
                        "node product (MatMul, opset 11): a product with a general matrix");
        model_end(&m);
    }
}

/* ---- resizing ---- */

struct resize_case {
    const char *coordinates;
    int in, out;
    double scale, offset;
};

static void resize_maps_coordinates(void **state) {
    (void)state;
    static const struct resize_case cases[] = {
        {"half_pixel", 4, 8, 0.5, -0.25},
        {"half_pixel", 4, 6, 2.0 / 3, -1.0 / 6},
        {"half_pixel", 4, 2, 2, 0.5},
        {"pytorch_half_pixel", 4, 8, 0.5, -0.25},
        {"pytorch_half_pixel", 4, 1, 0, 0},
        {"half_pixel", 4, 1, 4, 1.5},
        {"align_corners", 4, 7, 0.5, 0},
        {"align_corners", 4, 1, 0, 0},
        {"asymmetric", 4, 8, 0.5, 0},
        {"half_pixel_symmetric", 4, 8, 0.5, -0.25},
        {"tf_half_pixel_for_nn", 4, 8, 0.5, 0.25},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 19, 1, cases[i].in, 4);
        onnx_build_ints(&m.b, "sizes", 4, INTS(1, 1, cases[i].out, 8));
        Onnx__NodeProto *node = onnx_build_node(&m.b, "Resize", "resize", "x - - sizes", "y");
        onnx_node_text(&m.b, node, "mode", "linear");
        onnx_node_text(&m.b, node, "coordinate_transformation_mode", cases[i].coordinates);
        model_must_be(&m, 1, cases[i].out, 8);
        const struct resize_attr *a = &output_node(&m)->attr.resize;
        assert_int_equal(a->mode, RESIZE_LINEAR);
        assert_float_equal(a->scale_h, cases[i].scale, 1e-6);
        assert_float_equal(a->offset_h, cases[i].offset, 1e-6);
        model_end(&m);
    }
}

/* half_pixel_symmetric with a scale that does not reach a whole size: 4 * 1.7 = 6.8 -> 6 pixels, centred. */
static void resize_uses_scales_as_given(void **state) {
    (void)state;
    static const struct {
        const char *coordinates;
        double scale, offset;
    } cases[] = {{"half_pixel", 1 / 1.7, 0.5 / 1.7 - 0.5},
                 {"asymmetric", 1 / 1.7, 0},
                 {"align_corners", 0.6, 0},
                 {"half_pixel_symmetric", 1 / 1.7, 2 * (1 - 6 / 6.8) + 0.5 / 1.7 - 0.5}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 19, 1, 4, 4);
        onnx_build_floats(&m.b, "scales", 1, DIMS(2), FLOATS(1.7F, 2));
        Onnx__NodeProto *node = onnx_build_node(&m.b, "Resize", "resize", "x - scales", "y");
        onnx_node_ints(&m.b, node, "axes", 2, INTS(2, -1));
        onnx_node_text(&m.b, node, "mode", "linear");
        onnx_node_text(&m.b, node, "coordinate_transformation_mode", cases[i].coordinates);
        model_must_be(&m, 1, 6, 8);
        assert_float_equal(output_node(&m)->attr.resize.scale_h, cases[i].scale, 1e-6);
        assert_float_equal(output_node(&m)->attr.resize.offset_h, cases[i].offset, 1e-6);
        model_end(&m);
    }
}

static void resize_picks_neighbours(void **state) {
    (void)state;
    static const struct {
        const char *rounding; /* NULL: the default */
        float expected[6];    /* of 0 1 2 3 at half-pixel positions -1/6, 1/2, 7/6, 11/6, 5/2, 19/6 */
    } cases[] = {{"floor", {0, 0, 1, 1, 2, 3}},
                 {"ceil", {0, 1, 2, 2, 3, 3}},
                 {"round_prefer_floor", {0, 0, 1, 2, 2, 3}},
                 {NULL, {0, 0, 1, 2, 2, 3}},
                 {"round_prefer_ceil", {0, 1, 1, 2, 3, 3}}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 13, 1, 1, 4);
        onnx_build_floats(&m.b, "scales", 1, DIMS(4), FLOATS(1, 1, 1, 1.5F));
        Onnx__NodeProto *node = onnx_build_node(&m.b, "Resize", "resize", "x - scales", "y");
        if (cases[i].rounding) {
            onnx_node_text(&m.b, node, "nearest_mode", cases[i].rounding);
        }
        model_must_give(&m, ramp16, cases[i].expected, 6);
        model_end(&m);
    }
}

/* In float32, 49 * (1 / 49) < 1: pixel 49 of the enlarged row must still come from pixel 1. */
static void resize_nearest_is_exact_where_float_is_not(void **state) {
    (void)state;
    struct model m;
    float expected[2 * 147];
    model_start(&m, 13, 1, 1, 3);
    onnx_build_ints(&m.b, "sizes", 4, INTS(1, 1, 2, 147));
    Onnx__NodeProto *node = onnx_build_node(&m.b, "Resize", "resize", "x - - sizes", "y");
    onnx_node_text(&m.b, node, "coordinate_transformation_mode", "asymmetric");
    onnx_node_text(&m.b, node, "nearest_mode", "floor");
    for (int i = 0; i < 2 * 147; i++) {
        int from = i % 147 / 49;
        expected[i] = (float)from;
    }
    model_must_give(&m, ramp16, expected, 2 * 147);
    model_end(&m);
}

/* 10 * 1.9 and 10 * 2.2 in float32: 19 and 22 pixels; of the latter number 11 is at 5, not a hair below. */
static void resize_rounds_scales_like_runtimes(void **state) {
    (void)state;
    struct model m;
    float row[10], expected[22];
    for (int i = 0; i < 22; i++) {
        row[i % 10] = (float)(i % 10);
        int from = i * 5 / 11;
        expected[i] = (float)from;
    }
    model_start(&m, 13, 1, 10, 1);
    onnx_build_floats(&m.b, "scales", 1, DIMS(4), FLOATS(1, 1, 2.2F, 1));
    Onnx__NodeProto *node = onnx_build_node(&m.b, "Resize", "resize", "x - scales", "y");
    onnx_node_text(&m.b, node, "coordinate_transformation_mode", "asymmetric");
    onnx_node_text(&m.b, node, "nearest_mode", "floor");
    model_must_give(&m, row, expected, 22);
    model_end(&m);
    model_start(&m, 13, 1, 10, 1);
    onnx_build_floats(&m.b, "scales", 1, DIMS(4), FLOATS(1, 1, 1.9F, 1));
    onnx_node_text(&m.b, onnx_build_node(&m.b, "Resize", "resize", "x - scales", "y"), "mode", "linear");
    model_must_be(&m, 1, 19, 1);
    model_end(&m);
}

static void resize_of_old_versions(void **state) {
    (void)state;
    static const struct {
        int opset;
        const char *op, *mode;
        float expected[4]; /* of 0 4, twice as wide, asymmetric */
    } cases[] = {{7, "Upsample", "nearest", {0, 0, 4, 4}},
                 {9, "Upsample", "linear", {0, 2, 4, 4}},
                 {10, "Resize", "nearest", {0, 0, 4, 4}},
                 {10, "Resize", "linear", {0, 2, 4, 4}}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, cases[i].opset, 1, 1, 2);
        onnx_build_floats(&m.b, "scales", 1, DIMS(4), FLOATS(1, 1, 1, 2));
        Onnx__NodeProto *node = onnx_build_node(&m.b, cases[i].op, "up", cases[i].opset < 9 ? "x" : "x scales", "y");
        onnx_node_text(&m.b, node, "mode", cases[i].mode);
        if (cases[i].opset < 9) {
            onnx_node_floats(&m.b, node, "scales", 4, FLOATS(1, 1, 1, 2));
        }
        model_must_give(&m, FLOATS(0, 4), cases[i].expected, 4);
        model_end(&m);
    }
}

/* The example of ONNX's own tests of that version: .6 times as wide, position 1.67 takes the value at 2. */
static void resize_of_opset_10_shrinks_upward(void **state) {
    (void)state;
    struct model m;
    model_start(&m, 10, 1, 1, 4);
    onnx_build_floats(&m.b, "scales", 1, DIMS(4), FLOATS(1, 1, 1, 0.6F));
    onnx_node_text(&m.b, onnx_build_node(&m.b, "Resize", "down", "x scales", "y"), "mode", "nearest");
    model_must_give(&m, FLOATS(1, 2, 3, 4), FLOATS(1, 3), 2);
    model_end(&m);
}

static void resize_to_the_same_size_is_nothing(void **state) {
    (void)state;
    struct model m;
    model_start(&m, 11, 1, 4, 4);
    onnx_build_ints(&m.b, "sizes", 4, INTS(1, 1, 4, 4));
    onnx_build_floats(&m.b, "none", 1, DIMS(0), NULL);
    Onnx__NodeProto *node = onnx_build_node(&m.b, "Resize", "resize", "x none none sizes", "y");
    onnx_node_text(&m.b, node, "mode", "linear");
    model_must_give(&m, ramp16, ramp16, 16);
    assert_int_equal(m.graph->output, m.graph->input);
    model_end(&m);
}

static void resize_refuses_by_name(void **state) {
    (void)state;
    static const struct {
        const char *attribute, *text, *part;
        int64_t number;
    } cases[] = {
        {"mode", "cubic", "node resize (Resize, opset 19): mode cubic", 0},
        {"coordinate_transformation_mode", "tf_crop_and_resize", "coordinate_transformation_mode tf_crop", 0},
        {"nearest_mode", "sideways", "nearest_mode sideways", 0},
        {"keep_aspect_ratio_policy", "not_larger", "keep_aspect_ratio_policy not_larger", 0},
        {"antialias", NULL, "antialias = 1", 1},
        {"exclude_outside", NULL, "exclude_outside = 1", 1},
        {"novelty", NULL, "attribute novelty is not understood", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 19, 1, 4, 4);
        onnx_build_ints(&m.b, "sizes", 4, INTS(1, 1, 8, 8));
        Onnx__NodeProto *node = onnx_build_node(&m.b, "Resize", "resize", "x - - sizes", "y");
        if (cases[i].text) {
            onnx_node_text(&m.b, node, cases[i].attribute, cases[i].text);
        } else {
            onnx_node_int(&m.b, node, cases[i].attribute, cases[i].number);
        }
        model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED, cases[i].part);
        model_end(&m);
    }
}

/* ---- heads ---- */

static void softmax_knows_its_versions(void **state) {
    (void)state;
    const float third = 1.0F / 3;
    struct model m;
    model_start(&m, 13, 3, 1, 2);
    onnx_node_int(&m.b, onnx_build_node(&m.b, "Softmax", "soft", "x", "y"), "axis", 1);
    model_must_give(&m, FLOATS(5, 0, 5, 200, 5, 0), FLOATS(third, 0, third, 1, third, 0), 6);
    model_end(&m);

    model_start(&m, 11, 3, 1, 2); /* here axis 1 means "everything from the channels on" */
    onnx_node_int(&m.b, onnx_build_node(&m.b, "Softmax", "soft", "x", "y"), "axis", 1);
    model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED, "before opset 13");
    model_end(&m);

    model_start(&m, 11, 3, 1, 2); /* which is why exporters transpose */
    onnx_node_ints(&m.b, onnx_build_node(&m.b, "Transpose", "t1", "x", "a"), "perm", 4, INTS(0, 3, 2, 1));
    onnx_node_int(&m.b, onnx_build_node(&m.b, "Softmax", "soft", "a", "b"), "axis", 3);
    onnx_node_ints(&m.b, onnx_build_node(&m.b, "Transpose", "t2", "b", "y"), "perm", 4, INTS(0, 3, 2, 1));
    model_must_give(&m, FLOATS(5, 0, 5, 200, 5, 0), FLOATS(third, 0, third, 1, third, 0), 6);
    model_end(&m);
}

static void arg_max_ends_the_network(void **state) {
    (void)state;
    enum { KEPT, DROPPED, SQUEEZED, RESHAPED, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        struct model m;
        model_start(&m, 13, 3, 1, 3);
        onnx_build_ints(&m.b, "one", 1, INTS(1));
        onnx_build_ints(&m.b, "shape", 3, INTS(-1, 1, 3));
        Onnx__NodeProto *node = onnx_build_node(&m.b, "ArgMax", "arg", "x", "labels");
        onnx_node_int(&m.b, node, "axis", -3);
        onnx_node_int(&m.b, node, "keepdims", kind != DROPPED);
        if (kind == SQUEEZED) {
            onnx_build_node(&m.b, "Squeeze", "squeeze", "labels one", "last");
        } else if (kind == RESHAPED) {
            onnx_build_node(&m.b, "Reshape", "reshape", "labels shape", "last");
        }
        onnx_node_int(&m.b, onnx_build_node(&m.b, "Cast", "cast", kind < SQUEEZED ? "labels" : "last", "y"), "to", 2);
        model_must_give(&m, FLOATS(1, 2, 0, 0, 2, 9, 1, 1, 9), FLOATS(0, 0, 1), 3); /* ties to the lower */
        assert_int_equal(output_node(&m)->op, OP_ARGMAX);
        model_end(&m);
    }
    struct model m;
    model_start(&m, 13, 3, 1, 3);
    onnx_node_int(&m.b, onnx_build_node(&m.b, "ArgMax", "arg", "x", "labels"), "axis", 1);
    onnx_build_node(&m.b, "Relu", "relu", "labels", "y");
    model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED, "node relu (Relu, opset 13): it computes with the result of ArgMax");
    model_end(&m);
}

/* The picture last-axis first, as TensorFlow has it; normalised before it is transposed. */
static void nhwc_input_is_turned(void **state) {
    (void)state;
    struct model m = {.graph = NULL};
    onnx_builder_start(&m.b, 7, 13);
    const struct onnx_dim dims[4] = {{.name = "n"}, {.value = 2}, {.value = 1}, {.value = 3}};
    onnx_build_input(&m.b, "x", FLOAT_TYPE, 4, dims);
    onnx_build_output(&m.b, "y", FLOAT_TYPE, 4, dims);
    onnx_build_floats(&m.b, "mean", 1, DIMS(3), FLOATS(1, 2, 3));
    onnx_build_node(&m.b, "Sub", "sub", "x mean", "a");
    onnx_node_ints(&m.b, onnx_build_node(&m.b, "Transpose", "t", "a", "b"), "perm", 4, INTS(0, 3, 1, 2));
    onnx_build_node(&m.b, "Relu", "relu", "b", "y");
    model_must_give(&m, FLOATS(5, 6, 5, 6, 5, 6), FLOATS(4, 5, 3, 4, 2, 3), 6);
    assert_int_equal(m.graph->batch, 0);
    model_end(&m);
}

static void what_does_nothing_leaves_no_node(void **state) {
    (void)state;
    struct model m;
    model_start(&m, 13, 3, 4, 4);
    onnx_build_ints(&m.b, "shape", 4, INTS(0, 3, -1, 4));
    onnx_build_node(&m.b, "Identity", "identity", "x", "a");
    onnx_build_node(&m.b, "Dropout", "dropout", "a", "b mask");
    onnx_node_int(&m.b, onnx_build_node(&m.b, "Cast", "cast", "b", "c"), "to", FLOAT_TYPE);
    onnx_build_node(&m.b, "Reshape", "reshape", "c shape", "y");
    model_must_be(&m, 3, 4, 4);
    assert_int_equal(m.graph->num_nodes, 1);
    model_end(&m);
}

/* As though the rewrites so far had made weights of all but a megabyte of what they may. */
static void use_up(void *user, const char *text) {
    struct arena *arena = user;
    (void)text;
    arena->used = arena->limit - (1 << 20);
}

/* So much of rewritten weights for a file of this size: what goes beyond is refused before it is taken. Here a grouped
 * convolution is made dense, which uses up the rest, and then scaled. */
static void rewrites_are_bounded(void **state) {
    (void)state;
    enum { WIDE = 4098 }; /* 32 kB of weights, which made dense would be 67 MB */
    static const float wide_weights[WIDE * 2];
    struct model wide;
    model_start(&wide, 13, WIDE, 2, 2);
    onnx_build_floats(&wide.b, "w", 4, DIMS(WIDE, 2, 1, 1), wide_weights);
    onnx_node_int(&wide.b, onnx_build_node(&wide.b, "Conv", "conv", "x w", "y"), "group", WIDE / 2);
    model_must_import(&wide);
    assert_int_equal(passes_run(wide.graph, (struct fscnn_log){0}, &wide.err), FSCNN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(wide.err.text, "node conv: a grouped convolution that made dense has 16793604 weights"));
    model_end(&wide);
    static const float weights[1024 * 2];
    static const struct {
        int channels;
        enum fscnn_status status;
    } cases[] = {{256, FSCNN_OK}, {1024, FSCNN_ERROR_MEMORY}}; /* 256 kB and 4 MB */
    for (int i = 0; i < 2; i++) {
        struct model m;
        model_start(&m, 13, cases[i].channels, 2, 2);
        onnx_build_floats(&m.b, "w", 4, DIMS(cases[i].channels, 2, 1, 1), weights);
        onnx_node_int(&m.b, onnx_build_node(&m.b, "Conv", "conv", "x w", "a"), "group", cases[i].channels / 2);
        onnx_build_floats(&m.b, "scale", 1, DIMS(1), FLOATS(2));
        onnx_build_node(&m.b, "Mul", "mul", "a scale", "y");
        model_must_import(&m);
        const struct fscnn_log log = {.line = use_up, .user = &m.graph->arena};
        assert_int_equal(passes_run(m.graph, log, &m.err), cases[i].status);
        assert_int_equal(m.graph->arena.limit, 0);
        model_end(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_reads_pads_strides_and_order),
        cmocka_unit_test(conv_adds_bias_and_splits_groups),
        cmocka_unit_test(conv_spreads_dilated_kernels),
        cmocka_unit_test(conv_pads_by_itself),
        cmocka_unit_test(conv_takes_weights_from_anywhere),
        cmocka_unit_test(batch_norm_in_every_version),
        cmocka_unit_test(clip_in_every_form),
        cmocka_unit_test(arithmetic_with_constants),
        cmocka_unit_test(concat_takes_many_inputs),
        cmocka_unit_test(pad_in_every_form),
        cmocka_unit_test(average_pool_counts_as_told),
        cmocka_unit_test(means_over_axes),
        cmocka_unit_test(averaging_matrices_become_one_pooling),
        cmocka_unit_test(resize_maps_coordinates),
        cmocka_unit_test(resize_uses_scales_as_given),
        cmocka_unit_test(resize_picks_neighbours),
        cmocka_unit_test(resize_nearest_is_exact_where_float_is_not),
        cmocka_unit_test(resize_rounds_scales_like_runtimes),
        cmocka_unit_test(resize_of_old_versions),
        cmocka_unit_test(resize_of_opset_10_shrinks_upward),
        cmocka_unit_test(resize_to_the_same_size_is_nothing),
        cmocka_unit_test(resize_refuses_by_name),
        cmocka_unit_test(softmax_knows_its_versions),
        cmocka_unit_test(arg_max_ends_the_network),
        cmocka_unit_test(nhwc_input_is_turned),
        cmocka_unit_test(what_does_nothing_leaves_no_node),
        cmocka_unit_test(rewrites_are_bounded),
    };
    return cmocka_run_group_tests_name("onnx operators", tests, NULL, NULL);
}
