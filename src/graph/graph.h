/* The network between its file and its plan: a DAG of nodes, one output tensor each.
 *
 * A graph is about one image: the batch dimension is dropped on import, since nothing in these networks mixes images.
 * Tensors are logically [h, w, c] float32. A node is named by its index in graph.nodes; inputs may point at any node,
 * so after rewriting, order comes from graph_order (which also leaves out what the output does not need).
 */
#ifndef FSCNN_GRAPH_GRAPH_H
#define FSCNN_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/status.h"

enum op {
    OP_INPUT,   /* the image */
    OP_CONV,    /* attr conv */
    OP_AFFINE,  /* attr affine: y = x * scale[c] + shift[c]: batch norm, arithmetic with constants */
    OP_CLAMP,   /* attr clamp: y = min(max(x, low), high): ReLU, ReLU6, Clip */
    OP_ADD,     /* two inputs of one shape */
    OP_CONCAT,  /* 1..GRAPH_MAX_INPUTS inputs, along the channels */
    OP_PAD,     /* attr pad: zeros around the picture */
    OP_POOL,    /* attr pool: averages over bins, one set of bins an axis */
    OP_RESIZE,  /* attr resize */
    OP_SOFTMAX, /* over the channels */
    OP_ARGMAX,  /* over the channels, ties to the lower; c = 1 */
    OP_COUNT,
};

enum { GRAPH_MAX_INPUTS = 8, GRAPH_MAX_NODES = 1024, GRAPH_MAX_SIDE = 1 << 16, GRAPH_MAX_PIXELS = 1 << 28 };

struct shape {
    int h, w, c;
};

/* Convolution without dilation (importers spread dilated kernels out with zeros) and of any group count. */
struct conv_attr {
    int kh, kw, stride_h, stride_w;
    int pad_top, pad_left, pad_bottom, pad_right;
    int groups;
    int out_channels;
    const float *weights; /* [out_channels, kh, kw, in_channels / groups] */
    const float *bias;    /* [out_channels] or NULL */
};

struct affine_attr {
    const double *scale, *shift; /* [c]; double, so that folding rounds once */
};

struct clamp_attr {
    float low, high; /* -INFINITY, INFINITY: no bound */
};

struct pad_attr {
    int top, left, bottom, right;
};

/* Bin i of an axis averages positions start[i] <= p < end[i]: sum / divisor[i]. Average pooling with padding
 * counted has a divisor that differs from the count. Adaptive, fixed and global pooling are all of this form. */
struct pool_axis {
    int bins;
    const int *start, *end;
    const float *divisor;
};
struct pool_attr {
    struct pool_axis h, w;
};

/* Output position i samples the input at scale * i + offset, clamped to the picture; all of ONNX's coordinate modes are
 * of this form. align_corners: scale = (in - 1) / (out - 1), offset = 0. */
enum resize_mode {
    RESIZE_LINEAR,
    RESIZE_NEAREST_FLOOR,
    RESIZE_NEAREST_ROUND_DOWN /* .5 down */,
    RESIZE_NEAREST_ROUND_UP /* .5 up */,
    RESIZE_NEAREST_CEIL
};
struct resize_attr {
    enum resize_mode mode;
    int out_h, out_w;
    float scale_h, offset_h, scale_w, offset_w;
};

struct node {
    enum op op;
    const char *name; /* as in the file, for messages */
    int num_inputs;
    int inputs[GRAPH_MAX_INPUTS];
    struct shape shape; /* of the output; set by graph_add */
    /* Set by passes alone, importers leave them zero: the last input is an addend of the output's shape, added to what
     * the op computes from the others (CONV, RESIZE); then the result is clamped to low..high (CONV, RESIZE, ADD,
     * AFFINE). */
    bool has_addend, has_clamp;
    float low, high;
    union {
        struct conv_attr conv;
        struct affine_attr affine;
        struct clamp_attr clamp;
        struct pad_attr pad;
        struct pool_attr pool;
        struct resize_attr resize;
    } attr;
};

struct graph {
    struct arena arena; /* owns nodes, names and weights */
    struct node *nodes;
    int num_nodes, capacity;
    int input; /* the OP_INPUT node */
    int output;
    const char *input_name, *output_name;
    int batch;                  /* as in the file; 0: dynamic */
    uint64_t source_parameters; /* elements of all weights read */
    int uses[GRAPH_MAX_NODES];  /* as graph_count_uses found them last */
};

/* Zeroed graph; on failure nothing to free. */
FSCNN_NODISCARD enum fscnn_status graph_create(struct graph **out, struct fscnn_error *err);
void graph_free(struct graph **graph);

/* Adds *node (copied; attr arrays and name must live in the arena or be static) after checking its inputs and
 * attributes and computing its shape. *index gets its number. Errors name the node: FORMAT for shapes that do not fit.
 */
FSCNN_NODISCARD enum fscnn_status graph_add(struct graph *graph, const struct node *node, int *index,
                                            struct fscnn_error *err);

/* Recomputes and checks the shape of one node from its inputs (for passes that changed it). */
FSCNN_NODISCARD enum fscnn_status graph_infer(struct graph *graph, int index, struct fscnn_error *err);

/* Fills order[num_nodes] with the nodes that the output needs, inputs before users; *count gets how many. */
FSCNN_NODISCARD enum fscnn_status graph_order(const struct graph *graph, int *order, int *count,
                                              struct fscnn_error *err);
/* Counts for every node how many inputs of the needed nodes order[count] (and the graph's output) it is. */
void graph_count_uses(const struct graph *graph, const int *order, int count, int uses[GRAPH_MAX_NODES]);
/* The count of one node as it is in graph->uses: passes_run counts before it calls a pass. A pass that changes the
 * graph does not ask after that. */
static inline int graph_uses(const struct graph *graph, int index) { return graph->uses[index]; }
/* Lets every user of `from` (and the graph's output) use `to`. */
void graph_replace(struct graph *graph, int from, int to);

const char *op_name(enum op op);
/* One line a node to the log: "12 conv 3x3 s2 [511, 1023, 32] <- 0  learning_to_downsample.conv". */
void graph_print(const struct graph *graph, struct fscnn_log log);

/* Bins of the two kinds of pyramid pooling (facts: torch's AdaptiveAvgPool2d; the guide's AvgPool with stride
 * size / bins and kernel size - (bins - 1) * stride) and of plain average pooling. In the graph's arena. */
FSCNN_NODISCARD enum fscnn_status pool_axis_adaptive(struct graph *graph, int size, int bins, struct pool_axis *out,
                                                     struct fscnn_error *err);
FSCNN_NODISCARD enum fscnn_status pool_axis_window(struct graph *graph, int size, int kernel, int stride, int pad_begin,
                                                   int pad_end, bool count_padding, bool ceil_mode,
                                                   struct pool_axis *out, struct fscnn_error *err);
#endif
