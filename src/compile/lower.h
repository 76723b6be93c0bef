/* What lower.c and lower_quantised.c share. */
#ifndef FSCNN_COMPILE_LOWER_H
#define FSCNN_COMPILE_LOWER_H

#include "compile/compile.h"

struct lowering {
    const struct graph *graph;
    struct plan *plan;
    struct pack *pack;
    struct fscnn_error *err;
    const struct lower_options *options;
    int type; /* of activations: enum elem */
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
/* The type in which a convolution multiplies: bfloat16 takes pairs of channels and uint8 quads, so other numbers are
 * left to float32, but for the image, whose rows are loaded with channels of zeros. */
int lowering_conv_type(const struct lowering *l, const struct node *conv);

/* ---- uint8 ---- */

/* Quantises and packs a convolution's weights [out, K]; sets the stage's weights, bias and multiplier. Running out of
 * memory makes the pack fail. */
void lowering_quantise_weights(struct lowering *l, const struct node *conv, const float *weights, struct stage *stage);
/* Inputs, addend and clamp of a quantised stage, in steps of its output. */
void lowering_quantise_edges(const struct lowering *l, const struct node *node, struct stage *stage);
/* Why a node cannot be done in uint8, NULL if it can. What the OUTPUT stage does is done in float32. */
const char *lowering_why_not_quantised(const struct lowering *l, int index);

#endif
