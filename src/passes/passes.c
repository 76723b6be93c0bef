#include "passes/passes.h"

struct pass {
    const char *text;
    pass_fn *run;
};

static const struct pass passes[] = {
#define PASS(name, text) {text, pass_##name},
#include "passes/passes.def"
#undef PASS
};

bool node_is_pointwise(const struct node *node) {
    const struct conv_attr *a = &node->attr.conv;
    return node->op == OP_CONV && a->kh == 1 && a->kw == 1 && a->stride_h == 1 && a->stride_w == 1 && a->groups == 1 &&
           !a->pad_top && !a->pad_left && !a->pad_bottom && !a->pad_right;
}

/* One sweep over the nodes that the output needs; *changed is added to. */
static enum fscnn_status sweep(struct graph *graph, const struct pass *pass, int *changed, struct fscnn_error *err) {
    int order[GRAPH_MAX_NODES], count;
    enum fscnn_status status = graph_order(graph, order, &count, err);
    if (status == FSCNN_OK) {
        graph_count_uses(graph, order, count, graph->uses);
    }
    for (int i = 0; status == FSCNN_OK && i < count; i++) {
        int before = *changed;
        status = pass->run(graph, order[i], changed, err);
        if (*changed != before) {
            break; /* order and uses may be others now */
        }
    }
    return status;
}

static enum fscnn_status run_all(struct graph *graph, struct fscnn_log log, struct fscnn_error *err) {
    for (size_t p = 0; p < ARRAY_SIZE(passes); p++) {
        int total = 0, changed;
        do {
            changed = 0;
            enum fscnn_status status = sweep(graph, &passes[p], &changed, err);
            if (status != FSCNN_OK) {
                return status;
            }
            total += changed;
        } while (changed > 0 && total < GRAPH_MAX_NODES);
        if (total > 0) {
            log_line(log, "%s: %d", passes[p].text, total);
        }
    }
    return FSCNN_OK;
}

/* Every rewrite of weights makes new ones, and a small file may ask for many: what may be made goes with what was read,
 * 16 times as much as float32, and 256 MiB for grouped convolutions. */
enum fscnn_status passes_run(struct graph *graph, struct fscnn_log log, struct fscnn_error *err) {
    const size_t most = ((size_t)256 << 20) + (size_t)graph->source_parameters * 16 * sizeof(float);
    graph->arena.limit = graph->arena.used + most;
    enum fscnn_status status = run_all(graph, log, err);
    graph->arena.limit = 0;
    return status;
}
