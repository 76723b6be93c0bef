/* What onnx_peers.py needs of the library, one job a call:
 *   onnx_tool eval MODEL.onnx HEIGHTxWIDTH INPUT.bin OUTPUT.bin [OUTPUT_NAME]   import (0x0: the file's size) and run
 * the graph in the slow evaluator; files are f32 NCHW of one image onnx_tool export MODEL.pth MODEL.onnx OPSET
 * HEIGHTxWIDTH fixed|adaptive BATCH   0: dynamic batch onnx_tool describe MODEL.onnx */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "graph_eval.h"
#include "import/import.h"

static void print_line(void *user, const char *text) {
    (void)user;
    printf("%s\n", text);
}

static const struct fscnn_log log_stdout = {.line = print_line};

static int fail(const struct fscnn_error *err) {
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static int evaluate(const struct graph *graph, const char *input_path, const char *output_path) {
    struct shape in = graph->nodes[graph->input].shape, out = graph->nodes[graph->output].shape;
    struct fscnn_error err;
    struct file_map file;
    if (file_map_open(input_path, &file, &err) != FSCNN_OK) {
        return fail(&err);
    }
    if (file.size != shape_count(in) * sizeof(float)) {
        fprintf(stderr, "%s: %zu bytes for %d x %d x %d\n", input_path, file.size, in.c, in.h, in.w);
        return 1;
    }
    float *image = malloc(shape_count(in) * sizeof(float));
    float *result = malloc(shape_count(out) * sizeof(float));
    float *planar = malloc(shape_count(out) * sizeof(float));
    if (!image || !result || !planar) {
        abort();
    }
    nchw_to_nhwc(in, (const float *)file.data, image);
    graph_eval(graph, image, result);
    nhwc_to_nchw(out, result, planar);
    enum fscnn_status status = file_write(output_path, planar, shape_count(out) * sizeof(float), &err);
    free(image);
    free(result);
    free(planar);
    file_map_close(&file);
    return status == FSCNN_OK ? 0 : fail(&err);
}

static int command_eval(int argc, char **argv) {
    struct import_options options = {.log = log_stdout, .output_name = argc > 6 ? argv[6] : NULL};
    struct fscnn_error err;
    struct file_map file;
    struct graph *graph;
    sscanf(argv[3], "%dx%d", &options.height, &options.width);
    if (file_map_open(argv[2], &file, &err) != FSCNN_OK ||
        import_onnx(file.data, file.size, path_base(argv[2]), &options, &graph, &err) != FSCNN_OK) {
        return fail(&err);
    }
    graph_print(graph, log_stdout);
    int code = evaluate(graph, argv[4], argv[5]);
    graph_free(&graph);
    file_map_close(&file);
    return code;
}

static int command_export(char **argv) {
    struct fscnn_export_options options = {.opset = atoi(argv[4]),
                                           .pool = strcmp(argv[6], "adaptive") ? FSCNN_POOL_FIXED : FSCNN_POOL_ADAPTIVE,
                                           .batch_size = atoi(argv[7]),
                                           .dynamic_batch = atoi(argv[7]) == 0};
    struct fscnn_error err;
    sscanf(argv[5], "%dx%d", &options.height, &options.width);
    return fscnn_export_onnx(argv[2], argv[3], &options, &err) == FSCNN_OK ? 0 : fail(&err);
}

static int command_describe(char **argv) {
    struct fscnn_error err;
    struct file_map file;
    if (file_map_open(argv[2], &file, &err) != FSCNN_OK ||
        onnx_describe(file.data, file.size, path_base(argv[2]), log_stdout, &err) != FSCNN_OK) {
        return fail(&err);
    }
    file_map_close(&file);
    return 0;
}

int main(int argc, char **argv) {
    if (argc >= 6 && strcmp(argv[1], "eval") == 0) {
        return command_eval(argc, argv);
    }
    if (argc == 8 && strcmp(argv[1], "export") == 0) {
        return command_export(argv);
    }
    if (argc == 3 && strcmp(argv[1], "describe") == 0) {
        return command_describe(argv);
    }
    fprintf(stderr, "usage: onnx_tool eval|export|describe ...\n");
    return 2;
}
