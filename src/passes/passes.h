/* Rewrites of the graph that make it cheaper and keep what it computes. passes.def is their order. */
#ifndef FSCNN_PASSES_PASSES_H
#define FSCNN_PASSES_PASSES_H

#include "graph/graph.h"

/* A pass looks at one node and rewrites around it; *changed counts what it did. */
typedef enum fscnn_status pass_fn(struct graph *graph, int index, int *changed, struct fscnn_error *err);

#define PASS(name, text) pass_fn pass_##name;
#include "passes/passes.def"
#undef PASS

/* Runs all passes, in order, each over all needed nodes until it changes nothing more. Says on the log what each did.
 */
FSCNN_NODISCARD enum fscnn_status passes_run(struct graph *graph, struct fscnn_log log, struct fscnn_error *err);

/* A 1x1 convolution of stride 1 without padding and groups: it only mixes the channels of one pixel. */
bool node_is_pointwise(const struct node *node);

#endif
