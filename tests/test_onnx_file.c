/* ONNX files as a whole: shape arithmetic, inputs and outputs, refusals by name, damage, export and back. */
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/onnx_file.h"
#include "onnx_model.h"
#include "random_model.h"

/* ---- shape arithmetic: every case makes "sizes" of a picture of 3 x 6 x 10, which Resize takes ---- */

static void constant_ints(struct model *m, const char *name, size_t count, const int64_t *values) {
    onnx_build_ints(&m->b, name, count, values);
}
static void constant_floats(struct model *m, const char *name, int64_t count, const float *values) {
    onnx_build_floats(&m->b, name, 1, &count, values);
}
static Onnx__NodeProto *add(struct model *m, const char *op, const char *inputs, const char *output) {
    return onnx_build_node(&m->b, op, output, inputs, output);
}
static void add_cast(struct model *m, const char *input, const char *output, int64_t to) {
    onnx_node_int(&m->b, add(m, "Cast", input, output), "to", to);
}
static void add_concat(struct model *m, const char *inputs, const char *output) {
    onnx_node_int(&m->b, add(m, "Concat", inputs, output), "axis", 0);
}
/* "hw" [2] and "nc" [2] from the picture's shape. */
static void add_shape(struct model *m) {
    constant_ints(m, "zero", 1, INTS(0));
    constant_ints(m, "two", 1, INTS(2));
    constant_ints(m, "far", 1, INTS(INT64_MAX));
    add(m, "Shape", "x", "shape");
    add(m, "Slice", "shape zero two zero", "nc");
    add(m, "Slice", "shape two far", "hw");
}

static void fold_scale(struct model *m) { /* torch: floor(float(h) * 1.5) */
    constant_floats(m, "factor", 1, FLOATS(1.5F));
    add_cast(m, "hw", "hw_f", FLOAT_TYPE);
    add(m, "Mul", "hw_f factor", "scaled");
    add(m, "Floor", "scaled", "floored");
    add_cast(m, "floored", "hw_i", INT64_TYPE);
    add_concat(m, "nc hw_i", "sizes");
}
static void fold_gather(struct model *m) { /* h and w one by one, then put together again */
    onnx_build_initializer(&m->b, "i2", INT64_TYPE, 0, NULL, INTS(2), 8);
    constant_ints(m, "i3", 1, INTS(-1));
    add(m, "Gather", "shape i2", "h");
    add(m, "Gather", "shape i3", "w");
    add(m, "Unsqueeze", "h zero", "h1");
    add(m, "Squeeze", "w zero", "w0");
    add(m, "Unsqueeze", "w0 zero", "w1");
    constant_ints(m, "half", 2, INTS(2, -4));
    add_concat(m, "h1 w1", "hw1");
    add(m, "Sub", "hw1 half", "more");  /* 4, 14 */
    add(m, "Div", "more two", "sized"); /* 2, 7 */
    add_concat(m, "nc sized", "sizes");
}
static void fold_pad_order(struct model *m) { /* torch's F.pad: [-1, 2] turned upside down */
    constant_ints(m, "rows", 2, INTS(-1, 2));
    constant_ints(m, "back", 1, INTS(-1));
    constant_ints(m, "end", 1, INTS(INT64_MIN + 1));
    constant_ints(m, "flat", 1, INTS(-1));
    constant_ints(m, "values", 4, INTS(7, 9, 1, 3)); /* -> [[1, 3], [7, 9]] -> [1, 7, 3, 9] */
    add(m, "Reshape", "values rows", "table");
    add(m, "Slice", "table back end zero back", "turned");
    onnx_node_ints(&m->b, add(m, "Transpose", "turned", "columns"), "perm", 2, INTS(1, 0));
    add(m, "Reshape", "columns flat", "list"); /* 1, 7, 3, 9 */
    constant_ints(m, "order", 4, INTS(0, 2, 1, 3));
    add(m, "Gather", "list order", "sizes"); /* 1 3 7 9 */
}
static void fold_where(struct model *m) { /* torch's expand with -1 */
    constant_ints(m, "wanted", 4, INTS(1, 3, -1, 12));
    constant_ints(m, "minus", 1, INTS(-1));
    onnx_node_tensor(&m->b, add(m, "ConstantOfShape", "four", "ones"), "value",
                     onnx_make_tensor(&m->b, "", INT64_TYPE, 1, DIMS(1), INTS(1), 8));
    constant_ints(m, "four", 1, INTS(4));
    add(m, "Mul", "ones minus", "minuses");
    add(m, "Equal", "wanted minuses", "free");
    add(m, "Where", "free shape wanted", "sizes"); /* 1 3 6 12 */
}
static void fold_range(struct model *m) { /* 1 3 (5 7) from a range, then a maximum */
    onnx_build_initializer(&m->b, "from", INT64_TYPE, 0, NULL, INTS(1), 8);
    onnx_build_initializer(&m->b, "to", INT64_TYPE, 0, NULL, INTS(8), 8);
    onnx_build_initializer(&m->b, "step", INT64_TYPE, 0, NULL, INTS(2), 8);
    add(m, "Range", "from to step", "odd");
    constant_ints(m, "least", 4, INTS(0, 0, 0, 10));
    add(m, "Max", "odd least", "sizes"); /* 1 3 5 10 */
}
static void fold_roots(struct model *m) { /* ceil(sqrt(8)), 1 / 0.25, as numbers of Constant nodes */
    onnx_node_floats(&m->b, add(m, "Constant", "", "eight"), "value_floats", 1, FLOATS(8));
    onnx_node_float(&m->b, add(m, "Constant", "", "quarter"), "value_float", 0.25F);
    add(m, "Sqrt", "eight", "root");
    add(m, "Ceil", "root", "three");
    add(m, "Reciprocal", "quarter", "four_s");
    add(m, "Expand", "four_s one", "four_f");
    constant_ints(m, "one", 1, INTS(1));
    add_concat(m, "three four_f", "both");
    add_cast(m, "both", "both_i", INT64_TYPE);
    add_concat(m, "nc both_i", "sizes");
}
static void fold_shape_part(struct model *m) { /* Shape with start (opset 15), Pow, Neg */
    Onnx__NodeProto *node = add(m, "Shape", "x", "back_part");
    onnx_node_int(&m->b, node, "start", -2);
    onnx_node_int(&m->b, node, "end", 4);
    add(m, "Pow", "two two", "four_i");
    add(m, "Neg", "four_i", "minus_four");
    add(m, "Add", "back_part minus_four", "less"); /* 2 6 */
    add_concat(m, "nc less", "sizes");
}

static void shape_arithmetic_is_folded(void **state) {
    (void)state;
    static const struct {
        void (*build)(struct model *);
        int h, w;
    } cases[] = {{fold_scale, 9, 15}, {fold_gather, 2, 7}, {fold_pad_order, 7, 9}, {fold_where, 6, 12},
                 {fold_range, 5, 10}, {fold_roots, 3, 4},  {fold_shape_part, 2, 6}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 15, 3, 0, 0);
        m.options.height = 6;
        m.options.width = 10;
        add_shape(&m);
        cases[i].build(&m);
        onnx_node_text(&m.b, add(&m, "Resize", "x - - sizes", "y"), "mode", "linear");
        model_must_be(&m, 3, cases[i].h, cases[i].w);
        model_end(&m);
    }
}

static void bad_shape_arithmetic_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *op, *inputs, *part;
    } cases[] = {
        {"Div", "hw zero", "division by zero"},
        {"Gather", "hw two", "index 2 of 2"},
        {"Add", "shape three", "do not fit together"},
        {"Reshape", "shape three", "4 elements do not fit the new shape"},
        {"Expand", "far far", "a constant with a dimension of 9223372036854775807"},
        {"ConstantOfShape", "huge", "more than 16777216 elements"},
        {"Range", "zero far two", "a range without end"},
        {"Unsqueeze", "shape huge", "axis 100000 of a tensor"},
        {"Slice", "shape zero two zero zero", "a step of 0"},
        {"Concat", "shape f", "input 1 does not fit"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 13, 3, 6, 10);
        add_shape(&m);
        constant_ints(&m, "three", 3, INTS(7, 7, 7));
        constant_ints(&m, "huge", 2, INTS(100000, 100000));
        constant_floats(&m, "f", 1, FLOATS(1));
        add(&m, cases[i].op, cases[i].inputs, "sizes");
        onnx_node_text(&m.b, add(&m, "Resize", "x - - sizes", "y"), "mode", "linear");
        enum fscnn_status status = model_import(&m);
        if (status == FSCNN_OK || !strstr(m.err.text, cases[i].part) ||
            !strstr(m.err.text, "model.onnx: node sizes (")) {
            fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].op, m.err.text, cases[i].part);
        }
        model_end(&m);
    }
}

/* ---- inputs and outputs ---- */

static void sizes_come_from_file_or_options(void **state) {
    (void)state;
    static const struct {
        int file_h, file_w, h, w, expected_h, expected_w; /* 0: must fail */
    } cases[] = {{0, 0, 0, 0, 1024, 2048}, {0, 0, 20, 30, 20, 30}, {8, 9, 0, 0, 8, 9},     {8, 9, 8, 9, 8, 9},
                 {8, 9, 10, 9, 0, 0},      {0, 9, 7, 0, 7, 9},     {0, 0, 70000, 4, 0, 0}, {70000, 4, 0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 13, 3, cases[i].file_h, cases[i].file_w);
        m.options.height = cases[i].h;
        m.options.width = cases[i].w;
        add(&m, "Relu", "x", "y");
        if (cases[i].expected_h) {
            model_must_be(&m, 3, cases[i].expected_h, cases[i].expected_w);
        } else {
            assert_int_not_equal(model_import(&m), FSCNN_OK);
        }
        model_end(&m);
    }
}

static void count_lines(void *user, const char *text) {
    struct fscnn_error *last = user;
    if (strstr(text, "left out")) {
        snprintf(last->text, sizeof(last->text), "%s", text);
    }
}

static void another_output_can_be_asked_for(void **state) {
    (void)state;
    struct fscnn_error line = {""};
    struct model m;
    model_start(&m, 13, 1, 1, 1);
    const struct onnx_dim dims[4] = {{.value = 1}, {.value = 1}, {.value = 1}, {.value = 1}};
    onnx_build_output(&m.b, "z", FLOAT_TYPE, 4, dims);
    onnx_build_floats(&m.b, "two", 0, NULL, FLOATS(2));
    add(&m, "Mul", "x two", "y");
    add(&m, "Add", "x two", "z");
    add(&m, "Einsum", "x", "unused"); /* what no output needs is not looked at */
    m.options.log = (struct fscnn_log){count_lines, &line};
    model_must_give(&m, FLOATS(5), FLOATS(10), 1);
    assert_string_equal(line.text, "model.onnx: output z is left out");
    assert_string_equal(m.graph->output_name, "y");
    m.options.output_name = "z";
    model_must_give(&m, FLOATS(5), FLOATS(7), 1);
    assert_string_equal(line.text, "model.onnx: output y is left out");
    m.options.output_name = "w";
    model_must_fail(&m, FSCNN_ERROR_USAGE, "no output is called w; the first is y");
    model_end(&m);
}

/* ---- refusals ---- */

static void operators_are_refused_by_name(void **state) {
    (void)state;
    struct model m;
    model_start(&m, 13, 1, 4, 4);
    onnx_build_node(&m.b, "Einsum", "Einsum_12", "x", "y");
    model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED,
                    "model.onnx: node Einsum_12: operator Einsum (opset 13) is not supported; supported: Conv, Batch");
    assert_non_null(strstr(m.err.text, "Reshape")); /* the list is complete */
    model_end(&m);

    model_start(&m, 13, 1, 4, 4);
    onnx_build_node(&m.b, "Conv", "c", "x", "y")->domain = (char *)"com.microsoft";
    model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED, "node c (Conv, opset 13): operators of domain com.microsoft");
    model_end(&m);

    model_start(&m, 13, 1, 4, 4);
    onnx_build_node(&m.b, "Sqrt", "root", "x", "y");
    model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED, "node root (Sqrt, opset 13): it is supported for constants only");
    model_end(&m);
}

static void refuse_two_pictures(struct model *m) { add(m, "Mul", "x x", "y"); }
static void refuse_division(struct model *m) {
    constant_floats(m, "c", 1, FLOATS(1));
    add(m, "Div", "c x", "y");
}
static void refuse_map(struct model *m) {
    onnx_build_floats(&m->b, "c", 2, DIMS(1, 4), FLOATS(1, 2, 3, 4));
    add(m, "Add", "x c", "y");
}
static void refuse_edge(struct model *m) {
    constant_ints(m, "p", 8, INTS(0, 0, 1, 1, 0, 0, 1, 1));
    onnx_node_text(&m->b, add(m, "Pad", "x p", "y"), "mode", "reflect");
}
static void refuse_crop(struct model *m) {
    constant_ints(m, "p", 8, INTS(0, 0, -1, 0, 0, 0, 0, 0));
    add(m, "Pad", "x p", "y");
}
static void refuse_channel_pad(struct model *m) {
    constant_ints(m, "p", 8, INTS(0, 1, 0, 0, 0, 0, 0, 0));
    add(m, "Pad", "x p", "y");
}
static void refuse_reshape(struct model *m) {
    constant_ints(m, "s", 4, INTS(1, 4, 1, 4));
    add(m, "Reshape", "x s", "y");
}
static void refuse_side_output(struct model *m) {
    add(m, "Dropout", "x", "a mask");
    onnx_build_node(&m->b, "Relu", "r", "mask", "y");
}
static void refuse_second_input(struct model *m) {
    const struct onnx_dim dims[1] = {{.value = 1}};
    onnx_build_input(&m->b, "other", FLOAT_TYPE, 1, dims);
    add(m, "Add", "x other", "y");
}
static void refuse_missing(struct model *m) { add(m, "Relu", "nowhere", "y"); }
static void refuse_cycle(struct model *m) {
    add(m, "Add", "x b", "a");
    add(m, "Relu", "a", "b");
    add(m, "Relu", "b", "y");
}
static void refuse_order(struct model *m) {
    add(m, "Relu", "a", "y");
    add(m, "Relu", "x", "a");
}
static void refuse_twice(struct model *m) {
    add(m, "Relu", "x", "y");
    add(m, "Relu", "x", "y");
}
static void refuse_conv_shape(struct model *m) {
    onnx_build_floats(&m->b, "w", 4, DIMS(1, 2, 1, 1), FLOATS(1, 2));
    add(m, "Conv", "x w", "y");
}
static void refuse_conv_picture(struct model *m) { add(m, "Conv", "x x", "y"); }
static void refuse_conv_large(struct model *m) {
    onnx_build_floats(&m->b, "w", 4, DIMS(1, 1, 9, 9), (const float[81]){0});
    add(m, "Conv", "x w", "y");
}
static void refuse_dilation(struct model *m) {
    onnx_build_floats(&m->b, "w", 4, DIMS(1, 1, 2, 2), FLOATS(1, 2, 3, 4));
    onnx_node_ints(&m->b, add(m, "Conv", "x w", "y"), "dilations", 2, INTS(65000, 65000));
}
static void refuse_short_data(struct model *m) {
    onnx_build_initializer(&m->b, "w", FLOAT_TYPE, 4, DIMS(1, 1, 2, 2), FLOATS(1, 2), 8);
    add(m, "Conv", "x w", "y");
}
static void refuse_negative_dim(struct model *m) {
    onnx_build_initializer(&m->b, "w", FLOAT_TYPE, 4, DIMS(1, -1, 2, 2), NULL, 0);
    add(m, "Conv", "x w", "y");
}
static void refuse_huge_dim(struct model *m) {
    onnx_build_initializer(&m->b, "w", FLOAT_TYPE, 4, DIMS(1, INT64_MAX, 0, INT64_MAX), NULL, 0);
    add(m, "Conv", "x w", "y");
}
static void refuse_external(struct model *m) {
    Onnx__TensorProto *t = onnx_build_initializer(&m->b, "w", FLOAT_TYPE, 4, DIMS(1, 1, 1, 1), NULL, 0);
    t->has_data_location = true;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    add(m, "Conv", "x w", "y");
}
static void refuse_text(struct model *m) {
    onnx_build_initializer(&m->b, "w", ONNX__TENSOR_PROTO__DATA_TYPE__STRING, 1, DIMS(0), NULL, 0);
    add(m, "Conv", "x w", "y");
}
static void refuse_large_resize(struct model *m) {
    constant_ints(m, "s", 4, INTS(1, 1, 1 << 20, 4));
    add(m, "Resize", "x - - s", "y");
}
static void refuse_batch_resize(struct model *m) {
    constant_ints(m, "s", 4, INTS(2, 1, 4, 4));
    add(m, "Resize", "x - - s", "y");
}
static void refuse_subgraph(struct model *m) {
    Onnx__NodeProto *node = add(m, "If", "x", "y");
    onnx_node_int(&m->b, node, "then_branch", 0);
}
static void refuse_attribute_type(struct model *m) {
    onnx_node_text(&m->b, add(m, "Concat", "x x", "y"), "axis", "one");
}
static void refuse_constant_output(struct model *m) { add(m, "Shape", "x", "y"); }
static void refuse_transposed_output(struct model *m) { add(m, "Transpose", "x", "y"); }

static void models_are_refused_with_place_and_cause(void **state) {
    (void)state;
    static const struct {
        void (*build)(struct model *);
        const char *part;
    } cases[] = {
        {refuse_two_pictures, "node y (Mul, opset 13): of two pictures"},
        {refuse_division, "division by the picture"},
        {refuse_map, "a constant of [1, 4] that is neither one number nor one a channel"},
        {refuse_edge, "mode reflect"},
        {refuse_crop, "padding of -1 on axis 2"},
        {refuse_channel_pad, "padding of 1 on axis 1"},
        {refuse_reshape, "it changes the shape of the picture"},
        {refuse_side_output, "node r (Relu, opset 13): its input mask is not made before it"},
        {refuse_second_input, "other is a second input"},
        {refuse_missing, "its input nowhere is not defined"},
        {refuse_cycle, "node a (Add, opset 13): its input b is not made before it"},
        {refuse_order, "its input a is not made before it"},
        {refuse_twice, "the value y is made twice"},
        {refuse_conv_shape, "weights of [1, 2, 1, 1] in 1 groups for a picture of 1 channels"},
        {refuse_conv_picture, "input 1 is not a constant"},
        {refuse_conv_large, "node y (conv): the picture of 4x4 is smaller than the 9x9 kernel"},
        {refuse_dilation, "a kernel that spans 65001 pixels"},
        {refuse_short_data, "tensor w: its data does not fill [1, 1, 2, 2] of float32"},
        {refuse_negative_dim, "tensor w: a dimension is negative or too large"},
        {refuse_huge_dim, "tensor w: a dimension is negative or too large"},
        {refuse_external, "tensor w: its data is in another file"},
        {refuse_text, "tensor w: elements of type string"},
        {refuse_large_resize, "a size of 1048576"},
        {refuse_batch_resize, "it resizes the batch or the channels"},
        {refuse_subgraph, "operator If (opset 13) is not supported"},
        {refuse_attribute_type, "attribute axis is of another type"},
        {refuse_constant_output, "output y does not depend on the picture"},
        {refuse_transposed_output, "output y is transposed"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model m;
        model_start(&m, 13, 1, 4, 4);
        cases[i].build(&m);
        enum fscnn_status status = model_import(&m);
        if (status == FSCNN_OK || !strstr(m.err.text, cases[i].part) || strncmp(m.err.text, "model.onnx: ", 12) != 0) {
            fail_msg("case %zu: \"%s\" instead of \"%s\"", i, m.err.text, cases[i].part);
        }
        model_end(&m);
    }
}

static void other_versions_are_refused(void **state) {
    (void)state;
    static const int opsets[] = {1, 6, 22, 9999};
    for (size_t i = 0; i < sizeof(opsets) / sizeof(opsets[0]); i++) {
        struct model m;
        model_start(&m, opsets[i], 1, 4, 4);
        add(&m, "Relu", "x", "y");
        model_must_fail(&m, FSCNN_ERROR_UNSUPPORTED, "is not supported (7 to 21 are)");
        model_end(&m);
    }
    struct model m;
    model_start(&m, 13, 1, 4, 4);
    m.b.model.n_opset_import = 0;
    model_must_fail(&m, FSCNN_ERROR_FORMAT, "does not say its operator set version");
    m.b.model.graph = NULL;
    m.b.model.n_opset_import = 1;
    model_must_fail(&m, FSCNN_ERROR_FORMAT, "there is no graph");
    model_end(&m);
}

/* ---- damage ---- */

/* Of two graphs, merging them would copy the first. */
static void repeats_are_refused(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x3a, 0, 0x3a, 0};
    struct fscnn_error err = {""};
    struct onnx_file file;
    assert_int_equal(onnx_file_parse(bytes, sizeof(bytes), "twice.onnx", &file, &err), FSCNN_ERROR_FORMAT);
    assert_string_equal(err.text, "twice.onnx: +2: not an ONNX model, or damaged or cut off");
}

/* A graph in an attribute of a node of a graph in an attribute of a node ...: 40 deep, built from the inside out. */
static void nesting_is_limited(void **state) {
    (void)state;
    static uint8_t bytes[1 << 12], outer[1 << 12];
    size_t size = 0;
    static const uint8_t tags[] = {0x32 /* attribute.g */, 0x2a /* node.attribute */, 0x0a /* graph.node */};
    for (int i = 0; i < 120; i++) {
        size_t head = 0;
        outer[head++] = tags[i % 3];
        outer[head++] = (uint8_t)(size < 128 ? size : (size & 127) | 128);
        if (size >= 128) {
            outer[head++] = (uint8_t)(size >> 7);
        }
        memcpy(outer + head, bytes, size);
        size += head;
        memcpy(bytes, outer, size);
    }
    outer[0] = 0x3a; /* model.graph */
    outer[1] = (uint8_t)((size & 127) | 128);
    outer[2] = (uint8_t)(size >> 7);
    memcpy(outer + 3, bytes, size);
    const struct import_options options = {0};
    struct fscnn_error err;
    struct graph *graph;
    assert_int_equal(import_onnx(outer, size + 3, "deep.onnx", &options, &graph, &err), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "nested more than 32 deep"));
}

/* Names that a hash table by FNV-1a keeps close together, where each search would pass by all of them: 2^31
 * comparisons. Long ones with a common beginning, too, so that each takes its time. */
static void names_cannot_be_chosen_to_take_long(void **state) {
    (void)state;
    enum { NAMES = 1 << 16, SLOTS = 1 << 18, CLOSE = SLOTS / 64 };
    struct model m;
    model_start(&m, 13, 1, 4, 4);
    add(&m, "Relu", "x", "y");
    int found = 0;
    for (int i = 0; found < NAMES; i++) {
        char name[64];
        snprintf(name, sizeof(name), "a_layer_of_the_network_like_any_other.%d", i);
        uint64_t hash = 14695981039346656037U;
        for (const char *at = name; *at; at++) {
            hash = (hash ^ (unsigned char)*at) * 1099511628211U;
        }
        if (((hash ^ hash >> 32) & (SLOTS - 1)) < CLOSE) {
            constant_ints(&m, name, 1, INTS(1));
            found++;
        }
    }
    const clock_t before = clock();
    model_must_import(&m);
    assert_true(clock() - before < 3 * CLOCKS_PER_SEC);
    model_end(&m);
}

/* A few kinds of nodes in one file, as ground for damage. */
static void build_mixture(struct model *m) {
    model_start(m, 13, 3, 0, 0);
    m->options.height = 6;
    m->options.width = 10;
    add_shape(m);
    fold_scale(m);
    onnx_build_floats(&m->b, "w", 4, DIMS(4, 3, 1, 1), FLOATS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
    onnx_build_floats(&m->b, "b", 1, DIMS(4), FLOATS(1, 2, 3, 4));
    add(m, "Conv", "x w b", "c");
    add(m, "BatchNormalization", "c b b b b", "n");
    Onnx__NodeProto *pool = add(m, "AveragePool", "n", "p");
    onnx_node_ints(&m->b, pool, "kernel_shape", 2, INTS(2, 2));
    onnx_node_ints(&m->b, pool, "strides", 2, INTS(2, 2));
    constant_ints(m, "four", 1, INTS(4));
    constant_ints(m, "one", 1, INTS(1));
    add_concat(m, "one four hw_i", "resized");
    onnx_node_text(&m->b, add(m, "Resize", "p - - resized", "r"), "mode", "linear");
    onnx_node_int(&m->b, add(m, "ArgMax", "r", "y"), "axis", 1);
}

static void try_bytes(const uint8_t *data, size_t size, size_t *imported) {
    const struct import_options options = {.height = 6, .width = 10};
    struct fscnn_error err = {""};
    struct graph *graph = NULL;
    uint8_t *copy = malloc(size ? size : 1); /* of the exact size, for the sanitizer */
    assert_non_null(copy);
    memcpy(copy, data, size);
    enum fscnn_status status = import_onnx(copy, size, "bad.onnx", &options, &graph, &err);
    if (status == FSCNN_OK) {
        (*imported)++;
        graph_free(&graph);
    } else {
        assert_null(graph);
        assert_true(strncmp(err.text, "bad.onnx: ", 10) == 0);
    }
    struct fscnn_log nowhere = {0};
    enum fscnn_status described = onnx_describe(copy, size, "bad.onnx", nowhere, &err);
    (void)described;
    free(copy);
}

static void damage_is_survived(void **state) {
    (void)state;
    struct model m;
    size_t imported = 0, tried = 0;
    build_mixture(&m);
    model_must_be(&m, 1, 9, 15);
    for (size_t size = 0; size < m.size; size++) {
        try_bytes(m.data, size, &imported);
    }
    assert_int_equal(imported, 0); /* the operator set version or the output comes last */
    for (size_t i = 0; i < m.size; i++) {
        static const uint8_t flips[] = {0x01, 0x10, 0x80, 0xff};
        for (size_t k = 0; k < sizeof(flips); k++) {
            m.data[i] ^= flips[k];
            try_bytes(m.data, m.size, &imported);
            m.data[i] ^= flips[k];
            tried++;
        }
    }
    assert_true(imported > 0 && imported < tried);
    model_end(&m);
}

/* ---- export ---- */

static void export_and_import_agree(void **state) {
    (void)state;
    static const struct {
        struct fscnn_export_options options;
        int h, w;
    } cases[] = {
        {{.height = 200, .width = 233, .opset = 11}, 200, 233},
        {{.height = 70, .width = 97, .opset = 18, .pool = FSCNN_POOL_ADAPTIVE, .dynamic_batch = true}, 70, 97}};
    char folder[] = "/tmp/test_onnx.XXXXXX", pth[64], onnx[64];
    assert_non_null(mkdtemp(folder));
    snprintf(pth, sizeof(pth), "%s/model.pth", folder);
    snprintf(onnx, sizeof(onnx), "%s/model.onnx", folder);
    struct blob blob = {0};
    random_model_write(&(const struct random_model){.seed = 4, .classes = 5, .dtype = DTYPE_F32}, &blob);
    struct fscnn_error err;
    assert_int_equal(file_write(pth, blob.data, blob.size, &err), FSCNN_OK);
    blob_free(&blob);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int h = cases[i].h, w = cases[i].w;
        const struct import_options options = {.height = h, .width = w, .pool = cases[i].options.pool};
        struct checkpoint checkpoint;
        struct file_map file;
        struct graph *first, *second;
        assert_int_equal(fscnn_export_onnx(pth, onnx, &cases[i].options, &err), FSCNN_OK);
        assert_int_equal(checkpoint_open(pth, &checkpoint, &err), FSCNN_OK);
        assert_int_equal(import_fast_scnn(&checkpoint, &options, &first, &err), FSCNN_OK);
        assert_int_equal(file_map_open(onnx, &file, &err), FSCNN_OK);
        if (import_onnx(file.data, file.size, onnx, &options, &second, &err) != FSCNN_OK) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(second->batch, cases[i].options.dynamic_batch ? 0 : 1);
        assert_string_equal(second->input_name, "image");
        assert_string_equal(second->output_name, "output1");
        size_t pixels = (size_t)h * (size_t)w, in = pixels * 3, out = pixels * 5;
        float *image = malloc(in * sizeof(float)), *a = malloc(out * sizeof(float)), *b = malloc(out * sizeof(float));
        assert_true(image && a && b);
        for (size_t k = 0; k < in; k++) {
            image[k] = sinf((float)k * 0.37F) * 2;
        }
        graph_eval(first, image, a);
        graph_eval(second, image, b);
        for (size_t k = 0; k < out; k++) {
            assert_true(fabsf(a[k] - b[k]) <= 1e-4F * (1 + fabsf(a[k])));
        }
        free(image);
        free(a);
        free(b);
        graph_free(&first);
        graph_free(&second);
        file_map_close(&file);
        checkpoint_close(&checkpoint);
    }
    const struct fscnn_export_options wrong[] = {{.opset = 10}, {.opset = 19}, {.batch_size = 1000}, {.height = -4}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(fscnn_export_onnx(pth, onnx, &wrong[i], &err), FSCNN_ERROR_USAGE);
    }
    unlink(pth);
    unlink(onnx);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_arithmetic_is_folded),
        cmocka_unit_test(bad_shape_arithmetic_is_refused),
        cmocka_unit_test(sizes_come_from_file_or_options),
        cmocka_unit_test(another_output_can_be_asked_for),
        cmocka_unit_test(operators_are_refused_by_name),
        cmocka_unit_test(models_are_refused_with_place_and_cause),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(repeats_are_refused),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(names_cannot_be_chosen_to_take_long),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(export_and_import_agree),
    };
    return cmocka_run_group_tests_name("onnx files", tests, NULL, NULL);
}
