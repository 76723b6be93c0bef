/* Checkpoint -> graph: the layers are those of the published network, its numbers are PyTorch's, and what is not a
 * Fast-SCNN is told by name. */
#include "testing.h"

#include <math.h>
#include <unistd.h>

#include "base/status.h"
#include "graph_eval.h"
#include "import/fast_scnn.h"
#include "random_model.h"

/* A fresh checkpoint with pseudo-random weights, whose tensors tests may change. */
static void make_checkpoint(struct random_model model, struct checkpoint *out) {
    struct blob file;
    struct fscnn_error err = {""};
    random_model_write(&model, &file);
    if (checkpoint_parse(file.data, file.size, "model.pth", out, &err) != FSCNN_OK) {
        fail_msg("%s", err.text);
    }
    blob_free(&file);
}

static struct tensor *find(struct checkpoint *checkpoint, const char *name) {
    struct tensor *tensor = (struct tensor *)checkpoint_find(checkpoint, name);
    assert_non_null(tensor);
    return tensor;
}

/* Lines of a log, one after another. */
static void keep_line(void *user, const char *text) {
    char *all = user;
    assert_true(strlen(all) + strlen(text) + 2 < 32768);
    strcat(strcat(all, text), "\n");
}

static struct graph *import(const struct checkpoint *checkpoint, struct import_options options) {
    struct graph *graph;
    struct fscnn_error err = {""};
    if (import_fast_scnn(checkpoint, &options, &graph, &err) != FSCNN_OK) {
        fail_msg("%s", err.text);
    }
    return graph;
}

static void refuse(const struct checkpoint *checkpoint, struct import_options options, enum fscnn_status expected,
                   const char *text) {
    struct graph *graph;
    struct fscnn_error err = {""};
    enum fscnn_status status = import_fast_scnn(checkpoint, &options, &graph, &err);
    if (status == FSCNN_OK || !strstr(err.text, text)) {
        fail_msg("'%s' does not say '%s'", err.text, text);
    }
    assert_int_equal(status, expected);
    assert_null(graph);
}

/* --------------------------------------------------------------------------------- the network ---- */

static const struct node *node_of(const struct graph *graph, enum op op, const char *name) {
    for (int i = 0; i < graph->num_nodes; i++) {
        if (graph->nodes[i].op == op && strcmp(graph->nodes[i].name, name) == 0) {
            return &graph->nodes[i];
        }
    }
    fail_msg("no %s node %s", op_name(op), name);
    return NULL;
}

static void check_shape(const struct graph *graph, enum op op, const char *name, int h, int w, int c) {
    struct shape shape = node_of(graph, op, name)->shape;
    assert_int_equal(shape.h, h);
    assert_int_equal(shape.w, w);
    assert_int_equal(shape.c, c);
}

static void has_the_published_shapes(void **state) {
    (void)state;
    struct checkpoint checkpoint;
    make_checkpoint((struct random_model){.classes = 19}, &checkpoint);
    struct graph *graph = import(&checkpoint, (struct import_options){0}); /* 1024 x 2048, fixed */
    check_shape(graph, OP_CONV, "learning_to_downsample.conv.conv", 511, 1023, 32);
    check_shape(graph, OP_CONV, "learning_to_downsample.dsconv1.block.pointwise", 256, 512, 48);
    check_shape(graph, OP_CONV, "learning_to_downsample.dsconv2.block.pointwise", 128, 256, 64);
    check_shape(graph, OP_ADD, "global_feature_extractor.bottleneck1.2.conv.3.add", 64, 128, 64);
    check_shape(graph, OP_ADD, "global_feature_extractor.bottleneck2.2.conv.3.add", 32, 64, 96);
    check_shape(graph, OP_ADD, "global_feature_extractor.bottleneck3.2.conv.3.add", 32, 64, 128);
    check_shape(graph, OP_POOL, "global_feature_extractor.ppm.convs.3.conv.pool", 6, 6, 128);
    check_shape(graph, OP_CONCAT, "global_feature_extractor.ppm", 32, 64, 256);
    check_shape(graph, OP_CONV, "global_feature_extractor.out.conv", 32, 64, 128);
    check_shape(graph, OP_ADD, "feature_fusion.add", 128, 256, 128);
    check_shape(graph, OP_CONV, "classifier.conv.1", 128, 256, 19);
    check_shape(graph, OP_RESIZE, "output1", 1024, 2048, 19);
    assert_string_equal(graph->input_name, "image");
    assert_string_equal(graph->output_name, "output1");
    assert_ptr_equal(&graph->nodes[graph->output], node_of(graph, OP_RESIZE, "output1"));
    uint64_t weights = 0, macs = 0, skips = 0;
    for (int i = 0; i < graph->num_nodes; i++) {
        const struct node *node = &graph->nodes[i];
        skips += node->op == OP_ADD;
        if (node->op == OP_CONV) {
            const struct conv_attr *conv = &node->attr.conv;
            int in = graph->nodes[node->inputs[0]].shape.c;
            uint64_t count = (uint64_t)conv->out_channels * (uint64_t)(conv->kh * conv->kw * in / conv->groups);
            weights += count;
            macs += count * (uint64_t)node->shape.h * (uint64_t)node->shape.w;
        }
    }
    assert_int_equal(weights, 1129328);                 /* as torch counts those of its own network */
    assert_int_equal((macs + 5000000) / 10000000, 721); /* 7.21 billion */
    assert_int_equal(skips, 6 + 1);
    const struct pool_axis *axis =
        &node_of(graph, OP_POOL, "global_feature_extractor.ppm.convs.2.conv.pool")->attr.pool.h;
    assert_int_equal(axis->start[1], 10); /* 32 rows to 3: stride 10, window 12 */
    assert_int_equal(axis->end[1], 22);
    graph_free(&graph);
    checkpoint_close(&checkpoint);
}

static void takes_the_checkpoints_numbers(void **state) {
    (void)state;
    struct checkpoint checkpoint;
    make_checkpoint((struct random_model){.classes = 3, .dtype = DTYPE_F64}, &checkpoint);
    struct graph *graph = import(&checkpoint, (struct import_options){.height = 256, .width = 256});
    const struct tensor *weight = find(&checkpoint, "learning_to_downsample.conv.conv.weight");
    const struct conv_attr *conv = &node_of(graph, OP_CONV, "learning_to_downsample.conv.conv")->attr.conv;
    for (size_t o = 0; o < 32; o++) {
        for (size_t k = 0; k < 9; k++) {
            for (size_t i = 0; i < 3; i++) { /* [out, in, kh, kw] there, [out, kh, kw, in] here */
                assert_true(conv->weights[(o * 9 + k) * 3 + i] ==
                            (float)tensor_get_double(weight, (o * 3 + i) * 9 + k));
            }
        }
    }
    assert_null(conv->bias);
    const struct affine_attr *norm = &node_of(graph, OP_AFFINE, "feature_fusion.conv_lower_res.1")->attr.affine;
    double gamma = tensor_get_double(find(&checkpoint, "feature_fusion.conv_lower_res.1.weight"), 127);
    double beta = tensor_get_double(find(&checkpoint, "feature_fusion.conv_lower_res.1.bias"), 127);
    double mean = tensor_get_double(find(&checkpoint, "feature_fusion.conv_lower_res.1.running_mean"), 127);
    double var = tensor_get_double(find(&checkpoint, "feature_fusion.conv_lower_res.1.running_var"), 127);
    assert_true(norm->scale[127] == gamma / sqrt(var + 1e-5));
    assert_true(norm->shift[127] == beta - mean * norm->scale[127]);
    conv = &node_of(graph, OP_CONV, "classifier.conv.1")->attr.conv;
    assert_true(conv->bias[2] == (float)tensor_get_double(find(&checkpoint, "classifier.conv.1.bias"), 2));
    assert_int_equal(graph->nodes[graph->output].shape.c, 3);
    uint64_t elements = 0;
    for (int i = 0; i < checkpoint.num_tensors; i++) {
        bool counter = strstr(checkpoint.tensors[i].name, "num_batches_tracked") != NULL;
        elements += counter ? 0 : tensor_count(&checkpoint.tensors[i]);
    }
    assert_int_equal(graph->source_parameters, elements);
    graph_free(&graph);
    checkpoint_close(&checkpoint);
}

/* Logits of PyTorch at 5 x 5 points (tests/make_pth_fixtures.py). */
static void check_logits(int height, int width, enum fscnn_pool pool, const char *name) {
    enum { POINTS = 5, CLASSES = 19 };
    struct checkpoint checkpoint;
    make_checkpoint((struct random_model){.seed = 5, .classes = CLASSES, .auxiliary = true}, &checkpoint);
    struct graph *graph = import(&checkpoint, (struct import_options){.height = height, .width = width, .pool = pool});
    float *image = malloc((size_t)height * (size_t)width * 3 * sizeof(*image));
    float *logits = malloc((size_t)height * (size_t)width * CLASSES * sizeof(*logits));
    float expected[POINTS * POINTS * CLASSES];
    assert_non_null(image);
    assert_non_null(logits);
    for (int y = 0, at = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            for (int c = 0; c < 3; c++) {
                image[at++] = (float)((c * 31 + y * 17 + x * 13 + x * y % 29) % 64) / 16 - 2;
            }
        }
    }
    graph_eval(graph, image, logits);
    FILE *file = fopen(source_path(name), "rb");
    assert_non_null(file);
    assert_int_equal(fread(expected, sizeof(float), ARRAY_SIZE(expected), file), ARRAY_SIZE(expected));
    fclose(file);
    for (int i = 0; i < POINTS * POINTS * CLASSES; i++) {
        int y = i / CLASSES / POINTS * (height - 1) / 4, x = i / CLASSES % POINTS * (width - 1) / 4;
        double got = logits[(y * width + x) * CLASSES + i % CLASSES];
        if (!(fabs(got - (double)expected[i]) < 1e-3)) { /* of logits up to 20 */
            fail_msg("point %d, %d, class %d: %g, and torch has %g", y, x, i % CLASSES, got, (double)expected[i]);
        }
    }
    free(image);
    free(logits);
    graph_free(&graph);
    checkpoint_close(&checkpoint);
}

static void computes_what_torch_does(void **state) {
    (void)state;
    check_logits(65, 97, FSCNN_POOL_ADAPTIVE, "tests/data/pth/logits_adaptive_65x97.bin");
    check_logits(193, 225, FSCNN_POOL_FIXED, "tests/data/pth/logits_fixed_193x225.bin");
}

static void says_what_it_leaves_out(void **state) {
    (void)state;
    char text[32768] = "";
    struct checkpoint checkpoint;
    make_checkpoint((struct random_model){.classes = 7, .auxiliary = true, .legacy = true}, &checkpoint);
    assert_int_equal(checkpoint.num_tensors, 284);
    struct graph *graph = import(
        &checkpoint,
        (struct import_options){.height = 33, .width = 40, .pool = FSCNN_POOL_ADAPTIVE, .log = {keep_line, text}});
    assert_non_null(strstr(text, "model.pth: Fast-SCNN (legacy checkpoint), 7 classes, "));
    assert_non_null(strstr(text, "left out: 16 tensors of the auxiliary training heads\n"));
    assert_non_null(strstr(text, "left out: 44 num_batches_tracked counters\n"));
    for (int i = 0; i < graph->num_nodes; i++) {
        assert_null(strstr(graph->nodes[i].name, "auxlayer"));
    }
    graph_free(&graph);
    checkpoint_close(&checkpoint);
}

/* ------------------------------------------------------------------------------------ refusals ---- */

static void refuses_impossible_sizes(void **state) {
    (void)state;
    struct checkpoint checkpoint;
    struct import_options options = {.height = 163, .width = 192};
    make_checkpoint((struct random_model){.classes = 19}, &checkpoint);
    struct graph *graph = import(&checkpoint, options); /* 6 x 6 positions: just enough */
    graph_free(&graph);
    options.height = 162;
    refuse(&checkpoint, options, FSCNN_ERROR_USAGE, "and here are 5x6: use --pool adaptive, or a larger size");
    options.pool = FSCNN_POOL_ADAPTIVE;
    options.height = options.width = 3; /* 1 x 1 all the way down */
    graph = import(&checkpoint, options);
    graph_free(&graph);
    options.height = 2;
    refuse(&checkpoint, options, FSCNN_ERROR_USAGE, "a size of 2x3 is not between 3x3 and 65536x65536");
    options.height = -1;
    refuse(&checkpoint, options, FSCNN_ERROR_USAGE, "a size of -1x3");
    options.height = 70000;
    refuse(&checkpoint, options, FSCNN_ERROR_USAGE, "a size of 70000x3");
    checkpoint_close(&checkpoint);
}

static void names_wrong_tensors(void **state) {
    (void)state;
    struct checkpoint checkpoint;
    struct import_options options = {0};
    make_checkpoint((struct random_model){.classes = 19}, &checkpoint);
    struct tensor *tensor = find(&checkpoint, "feature_fusion.conv_higher_res.0.weight");
    struct tensor good = *tensor;

    tensor->name = "feature_fusion.conv_higher_res.0.wait";
    refuse(
        &checkpoint, options, FSCNN_ERROR_FORMAT,
        "model.pth: tensor feature_fusion.conv_higher_res.0.weight, shape [128, 64, 1, 1], is missing; unknown tensor "
        "feature_fusion.conv_higher_res.0.wait is there instead");
    tensor->name = "auxlayer1.7.weight"; /* as if it was not there */
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "conv_higher_res.0.weight, shape [128, 64, 1, 1], is missing");
    *tensor = good;
    tensor->shape[1] = 32;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT,
           "tensor feature_fusion.conv_higher_res.0.weight has shape [128, 32, 1, 1], [128, 64, 1, 1] expected");
    *tensor = good;
    tensor->rank = 2;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "has shape [128, 64], [128, 64, 1, 1] expected");
    *tensor = good;
    tensor->dtype = DTYPE_I32;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "is int32, a floating point type expected");
    *tensor = good;

    tensor = find(&checkpoint, "classifier.dsconv1.block.bn_depth.num_batches_tracked");
    tensor->name = "classifier.dsconv3.block.weight"; /* counters may be missing, strangers not be there */
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT,
           "tensor classifier.dsconv3.block.weight, shape [], is no part of Fast-SCNN (1 unknown)");
    checkpoint_close(&checkpoint);
}

static void names_wrong_numbers(void **state) {
    (void)state;
    struct checkpoint checkpoint;
    struct import_options options = {0};
    make_checkpoint((struct random_model){.classes = 19}, &checkpoint);
    float *values = (float *)find(&checkpoint, "global_feature_extractor.out.bn.running_var")->data;
    values[5] = -1e-9f;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT,
           "tensor global_feature_extractor.out.bn.running_var: element 5 is negative");
    values[5] = NAN;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "out.bn.running_var: element 5 is no finite float32");
    values[5] = 1;
    values = (float *)find(&checkpoint, "classifier.conv.1.weight")->data;
    values[19 * 128 - 1] = INFINITY;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "classifier.conv.1.weight: element 2431 is no finite float32");
    values[19 * 128 - 1] = 0;
    ((float *)find(&checkpoint, "global_feature_extractor.out.bn.weight")->data)[5] = 3e38f;
    ((float *)find(&checkpoint, "global_feature_extractor.out.bn.running_var")->data)[5] = 0;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "batch norm global_feature_extractor.out.bn: channel 5 exceeds");
    checkpoint_close(&checkpoint);
}

static void names_wrong_class_counts(void **state) {
    (void)state;
    struct checkpoint checkpoint;
    struct import_options options = {0};
    make_checkpoint((struct random_model){.classes = 19}, &checkpoint);
    struct tensor *weight = find(&checkpoint, "classifier.conv.1.weight");
    weight->shape[0] = 0;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "classifier.conv.1.weight has 0 classes (1 to 255 are possible)");
    weight->shape[0] = 256;
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "has 256 classes");
    weight->shape[0] = 18; /* and a bias for 19 */
    refuse(&checkpoint, options, FSCNN_ERROR_FORMAT, "tensor classifier.conv.1.bias has shape [19], [18] expected");
    checkpoint_close(&checkpoint);
}

static void tells_other_networks(void **state) {
    (void)state;
    struct tensor tensor = {.name = "layer1.0.conv1.weight", .rank = 0};
    struct checkpoint checkpoint = {.tensors = &tensor, .num_tensors = 1, .container = "zip", .name = "resnet.pth"};
    refuse(&checkpoint, (struct import_options){0}, FSCNN_ERROR_FORMAT,
           "resnet.pth: not a Fast-SCNN: none of its 224 tensors is there, but layer1.0.conv1.weight");
}

static void describes_files(void **state) {
    (void)state;
    char text[32768] = "", path[] = "/tmp/fastscnn_describe_XXXXXX";
    struct fscnn_log log = {keep_line, text};
    struct fscnn_error err = {""};
    struct blob file;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    random_model_write(&(struct random_model){.classes = 4, .dtype = DTYPE_F16}, &file);
    assert_int_equal(file_write(path, file.data, file.size, &err), FSCNN_OK);
    blob_free(&file);
    assert_int_equal(fscnn_file_describe(path, log, &err), FSCNN_OK);
    unlink(path);
    assert_non_null(strstr(text, ": PyTorch checkpoint (zip): 268 tensors, "));
    assert_non_null(strstr(text, " float16  [4, 128, 1, 1]\n"));
    assert_non_null(strstr(text, "Fast-SCNN: 4 classes, "));

    text[0] = '\0'; /* another network is described too */
    assert_int_equal(fscnn_file_describe(source_path("tests/data/pth/legacy_plain.pth"), log, &err), FSCNN_OK);
    assert_non_null(strstr(text, "cannot be compiled: "));
    assert_non_null(strstr(text, "not a Fast-SCNN"));
    assert_int_equal(fscnn_file_describe(source_path("tests/data/pth/torchscript.pth"), log, &err),
                     FSCNN_ERROR_UNSUPPORTED);
    assert_int_not_equal(fscnn_file_describe(source_path("tests/data/pth/zip_plain.txt"), log, &err), FSCNN_OK);
    assert_int_equal(fscnn_file_describe("/no/such/file", log, &err), FSCNN_ERROR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_published_shapes), cmocka_unit_test(takes_the_checkpoints_numbers),
        cmocka_unit_test(computes_what_torch_does), cmocka_unit_test(says_what_it_leaves_out),
        cmocka_unit_test(refuses_impossible_sizes), cmocka_unit_test(names_wrong_tensors),
        cmocka_unit_test(names_wrong_numbers),      cmocka_unit_test(names_wrong_class_counts),
        cmocka_unit_test(tells_other_networks),     cmocka_unit_test(describes_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
