#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

static const char *const op_names[OP_COUNT] = {
    [OP_INPUT] = "input",   [OP_CONV] = "conv",       [OP_AFFINE] = "affine", [OP_CLAMP] = "clamp",
    [OP_ADD] = "add",       [OP_CONCAT] = "concat",   [OP_PAD] = "pad",       [OP_POOL] = "pool",
    [OP_RESIZE] = "resize", [OP_SOFTMAX] = "softmax", [OP_ARGMAX] = "argmax",
};

const char *op_name(enum op op) { return op_names[op]; }

enum fscnn_status graph_create(struct graph **out, struct fscnn_error *err) {
    struct graph *graph = calloc(1, sizeof(*graph));
    *out = graph;
    if (!graph) {
        return error_memory(err, sizeof(*graph), "a graph");
    }
    graph->input = graph->output = -1;
    graph->batch = 1;
    return FSCNN_OK;
}

void graph_free(struct graph **graph) {
    if (*graph) {
        arena_free(&(*graph)->arena);
        free((*graph)->nodes);
        free(*graph);
        *graph = NULL;
    }
}

void graph_count_uses(const struct graph *graph, const int *order, int count, int uses[GRAPH_MAX_NODES]) {
    memset(uses, 0, GRAPH_MAX_NODES * sizeof(*uses));
    for (int i = 0; i < count; i++) {
        const struct node *node = &graph->nodes[order[i]];
        for (int k = 0; k < node->num_inputs; k++) {
            uses[node->inputs[k]]++;
        }
    }
    uses[graph->output]++;
}

void graph_replace(struct graph *graph, int from, int to) {
    for (int i = 0; i < graph->num_nodes; i++) {
        for (int k = 0; k < graph->nodes[i].num_inputs; k++) {
            if (graph->nodes[i].inputs[k] == from) {
                graph->nodes[i].inputs[k] = to;
            }
        }
    }
    if (graph->output == from) {
        graph->output = to;
    }
}

/* Depth-first from the output with an explicit stack: importers build deep graphs from hostile files. */
enum fscnn_status graph_order(const struct graph *graph, int *order, int *count, struct fscnn_error *err) {
    enum { NEW, OPEN, DONE };
    unsigned char state[GRAPH_MAX_NODES] = {NEW};
    int stack[GRAPH_MAX_NODES], depth = 0;
    *count = 0;
    if (graph->output < 0) {
        return error_set(err, FSCNN_ERROR_FORMAT, "the network has no output");
    }
    stack[depth++] = graph->output;
    while (depth > 0) {
        int index = stack[depth - 1];
        const struct node *node = &graph->nodes[index];
        int next = -1;
        for (int k = 0; k < node->num_inputs && next < 0; k++) {
            if (state[node->inputs[k]] != DONE) {
                next = node->inputs[k];
            }
        }
        if (next < 0) {
            state[index] = DONE;
            order[(*count)++] = index;
            depth--;
        } else if (state[next] == OPEN) {
            return error_set(err, FSCNN_ERROR_FORMAT, "node %s depends on itself", graph->nodes[next].name);
        } else {
            state[index] = OPEN;
            stack[depth++] = next;
        }
    }
    return FSCNN_OK;
}

static void print_node(const struct graph *graph, int index, struct fscnn_log log) {
    const struct node *node = &graph->nodes[index];
    char detail[96] = "", inputs[96] = "";
    size_t used = 0;
    if (node->op == OP_CONV) {
        const struct conv_attr *a = &node->attr.conv;
        snprintf(detail, sizeof(detail), " %dx%d s%d,%d%s", a->kh, a->kw, a->stride_h, a->stride_w,
                 a->groups > 1 ? " grouped" : "");
    }
    for (int k = 0; k < node->num_inputs && used < sizeof(inputs); k++) {
        used += (size_t)snprintf(inputs + used, sizeof(inputs) - used, " %d", node->inputs[k]);
    }
    log_line(log, "%4d %s%s [%d, %d, %d] <-%s  %s", index, op_name(node->op), detail, node->shape.h, node->shape.w,
             node->shape.c, inputs, node->name ? node->name : "");
}

void graph_print(const struct graph *graph, struct fscnn_log log) {
    int order[GRAPH_MAX_NODES], count;
    if (graph_order(graph, order, &count, NULL) == FSCNN_OK) {
        for (int i = 0; i < count; i++) {
            print_node(graph, order[i], log);
        }
    }
}
