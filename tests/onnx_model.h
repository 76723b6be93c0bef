/* Small ONNX models for the tests: built, packed, imported and run in the slow evaluator. */
#ifndef FSCNN_TESTS_ONNX_MODEL_H
#define FSCNN_TESTS_ONNX_MODEL_H

#include <math.h>

#include "formats/onnx_build.h"
#include "graph_eval.h"
#include "import/import.h"
#include "testing.h"

#define FLOAT_TYPE ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT64_TYPE ONNX__TENSOR_PROTO__DATA_TYPE__INT64
#define DIMS(...) ((const int64_t[]){__VA_ARGS__})
#define FLOATS(...) ((const float[]){__VA_ARGS__})
#define INTS DIMS

/* A model from "x" [1, c, h, w] to "y"; 0 makes a dimension free. */
struct model {
    struct onnx_builder b;
    struct import_options options;
    struct graph *graph;
    struct fscnn_error err;
    uint8_t *data;
    size_t size;
};

static inline void model_start(struct model *m, int opset, int c, int h, int w) {
    *m = (struct model){0};
    onnx_builder_start(&m->b, 7, opset);
    const struct onnx_dim in[4] = {{.value = 1}, {c, c ? NULL : "c"}, {h, h ? NULL : "h"}, {w, w ? NULL : "w"}};
    onnx_build_input(&m->b, "x", FLOAT_TYPE, 4, in);
    const struct onnx_dim out[4] = {{.name = "n"}, {.name = "k"}, {.name = "p"}, {.name = "q"}};
    onnx_build_output(&m->b, "y", FLOAT_TYPE, 4, out);
}

static inline void model_end(struct model *m) {
    graph_free(&m->graph);
    onnx_builder_free(&m->b);
    free(m->data);
    m->data = NULL;
}

static inline enum fscnn_status model_import(struct model *m) {
    struct fscnn_error err;
    graph_free(&m->graph);
    free(m->data);
    if (onnx_builder_pack(&m->b, &m->data, &m->size, &err) != FSCNN_OK) {
        fail_msg("%s", err.text);
    }
    return import_onnx(m->data, m->size, "model.onnx", &m->options, &m->graph, &m->err);
}

static inline void model_must_import(struct model *m) {
    if (model_import(m) != FSCNN_OK) {
        fail_msg("%s", m->err.text);
    }
}

/* Imports and expects the output's shape. */
static inline void model_must_be(struct model *m, int c, int h, int w) {
    model_must_import(m);
    struct shape shape = m->graph->nodes[m->graph->output].shape;
    if (shape.c != c || shape.h != h || shape.w != w) {
        fail_msg("output [%d, %d, %d] instead of [%d, %d, %d]", shape.c, shape.h, shape.w, c, h, w);
    }
}

/* Imports and expects a failure whose text has `part` in it and begins with the file's name. */
static inline void model_must_fail(struct model *m, enum fscnn_status status, const char *part) {
    enum fscnn_status got = model_import(m);
    if (got != status || !strstr(m->err.text, part) || strncmp(m->err.text, "model.onnx: ", 12) != 0) {
        fail_msg("status %d, text \"%s\" instead of %d, \"%s\"", got, got ? m->err.text : "", status, part);
    }
    assert_null(m->graph);
}

/* Runs the graph on a planar image and compares with planar values. */
static inline void model_must_give(struct model *m, const float *image, const float *expected, size_t count) {
    model_must_import(m);
    struct shape in = m->graph->nodes[m->graph->input].shape, out = m->graph->nodes[m->graph->output].shape;
    assert_int_equal(shape_count(out), count);
    float *nhwc = malloc(shape_count(in) * sizeof(float)), *result = malloc(count * sizeof(float));
    float *planar = malloc(count * sizeof(float));
    assert_true(nhwc && result && planar);
    nchw_to_nhwc(in, image, nhwc);
    graph_eval(m->graph, nhwc, result);
    nhwc_to_nchw(out, result, planar);
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(planar[i] - expected[i]) <= 1e-5F * (1 + fabsf(expected[i])))) {
            fail_msg("value %zu is %g instead of %g", i, (double)planar[i], (double)expected[i]);
        }
    }
    free(nhwc);
    free(result);
    free(planar);
}

#endif
