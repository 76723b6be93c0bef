/* What lower.c and lower_quantised.c share. */
#ifndef FSCNN_COMPILE_LOWER_H
#define FSCNN_COMPILE_LOWER_H

#include "compile/compile.h"
#include "compile/quantise.h"

struct lowering {
    const struct graph *graph;
    struct plan *plan;
    struct pack *pack;
    struct fscnn_error *err;
    const struct lower_options *options;
    /* Of each node, enum elem: in which type it multiplies, and that of its rows, which differ only for what a
     * convolution gives in float32. */
    uint8_t types[GRAPH_MAX_NODES], rows[GRAPH_MAX_NODES];
    struct node_quant quants[GRAPH_MAX_NODES];
    int order[GRAPH_MAX_NODES], count;
    int uses[GRAPH_MAX_NODES];
    int tensor[GRAPH_MAX_NODES];  /* of a node whose rows become a tensor; -1 */
    int stages[GRAPH_MAX_NODES];  /* stages of its step so far, itself included */
    int windows[GRAPH_MAX_NODES]; /* those of them with rows above and below */
    int level[GRAPH_MAX_NODES];   /* steps before its step */
    /* The end of the network, which one OUTPUT stage does. */
    int base; /* the node before it */
    bool softmax, argmax;
    bool image_is_padded; /* one dense convolution alone reads the image: its rows get channels of zeros */
    int resize;           /* the OP_RESIZE in it, or -1 */
};

static inline const struct node *node_at(const struct lowering *l, int index) { return &l->graph->nodes[index]; }

/* A concatenation that a 1x1 convolution reads part by part is never made. */
bool lowering_walks(const struct lowering *l, int concat, const struct node *user);
/* Fills types, rows and quants from what the options ask for and what there are kernels for; says on the log which
 * nodes stay in a higher precision than asked for. */
void lowering_choose_types(struct lowering *l);

/* ---- uint8 ---- */

/* Quantises and packs a convolution's weights [out, K]; sets the stage's weights, bias and multiplier. Running out of
 * memory makes the pack fail. */
void lowering_quantise_weights(struct lowering *l, const struct node *conv, const float *weights, struct stage *stage);
/* Inputs, addend and clamp of a quantised stage, in steps of its output. */
void lowering_quantise_edges(const struct lowering *l, const struct node *node, struct stage *stage);

#endif
