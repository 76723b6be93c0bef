/* The meaning of a graph, written to be read: one plain loop nest an operator, sums in double, every tensor in full.
 * Importers and the compiled engine are checked against it. */
#ifndef FSCNN_TESTS_GRAPH_EVAL_H
#define FSCNN_TESTS_GRAPH_EVAL_H

#include <stddef.h>

#include "graph/graph.h"

/* out [h, w, c] of the graph's output from image [h, w, c] of its input, both NHWC float32. Aborts on a bug in the
 * graph (this is for tests). */
void graph_eval(const struct graph *graph, const float *image_nhwc, float *out);

/* Every node that the output needs: values[i] is the output of node i, [h, w, c], or NULL where node i is not needed.
 * The array has graph->num_nodes entries; free it with graph_eval_free. */
float **graph_eval_nodes(const struct graph *graph, const float *image_nhwc);
void graph_eval_free(const struct graph *graph, float **values);

size_t shape_count(struct shape shape);
/* [c, h, w] <-> [h, w, c], to talk to the NCHW world. */
void nchw_to_nhwc(struct shape shape, const float *nchw, float *nhwc);
void nhwc_to_nchw(struct shape shape, const float *nhwc, float *nchw);

#endif
