/* Fuzz target: ONNX models. What imports is a graph that can be ordered and whose output has a shape. */
#include <stdlib.h>

#include "import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_line(void *user, const char *text) {
    (void)user;
    (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct fscnn_log log = {.line = ignore_line};
    const struct import_options options = {.height = 24, .width = 40, .log = log};
    struct fscnn_error err;
    struct graph *graph = NULL;
    int order[GRAPH_MAX_NODES], count;
    if (import_onnx(data, size, "fuzz", &options, &graph, &err) == FSCNN_OK) {
        struct shape shape = graph->nodes[graph->output].shape;
        if (graph_order(graph, order, &count, &err) != FSCNN_OK || shape.h < 1 || shape.w < 1 || shape.c < 1) {
            abort();
        }
        graph_print(graph, log);
    }
    graph_free(&graph);
    enum fscnn_status status = onnx_describe(data, size, "fuzz", log, &err);
    (void)status;
    return 0;
}
