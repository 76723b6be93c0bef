/* The layers of Fast-SCNN as SegmenTron names them: the one table that import, the writer of random checkpoints and
 * the tests are driven by. */
#ifndef FSCNN_IMPORT_FAST_SCNN_LAYERS_H
#define FSCNN_IMPORT_FAST_SCNN_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fast_scnn_stage {
    STAGE_DOWNSAMPLE,  /* image -> hi, 1/8 of its size */
    STAGE_BOTTLENECKS, /* hi -> 1/32 */
    STAGE_PYRAMID,     /* four layers side by side, each on another pooling of the bottlenecks' output */
    STAGE_GLOBAL_OUT,  /* pyramid, concatenated -> lo */
    STAGE_FUSION_LOW,  /* lo, resized to hi's size */
    STAGE_FUSION_HIGH, /* hi */
    STAGE_CLASSIFIER,  /* the sum of both -> logits */
    STAGE_AUXILIARY,   /* training heads, dropped at inference */
};

enum fast_scnn_activation { ACT_NONE, ACT_RELU, ACT_RELU6 };
/* An inverted residual adds what entered at its FIRST layer to what leaves its LAST one. */
enum fast_scnn_skip { SKIP_NONE, SKIP_FIRST, SKIP_LAST };

/* A convolution, its batch norm and its activation. */
struct fast_scnn_layer {
    enum fast_scnn_stage stage;
    const char *conv, *norm; /* prefixes in the state_dict; norm NULL: no batch norm */
    int in, out;             /* channels; out FAST_SCNN_CLASSES: as many as there are classes */
    int kernel, stride, pad;
    bool depthwise, bias;
    enum fast_scnn_activation activation;
    enum fast_scnn_skip skip;
};

enum { FAST_SCNN_CLASSES = -1, FAST_SCNN_MAX_TENSORS = 284 };
#define FAST_SCNN_EPSILON 1e-5 /* of every batch norm */

extern const struct fast_scnn_layer fast_scnn_layers[];
extern const int fast_scnn_num_layers;
/* Squares per side of the pyramid's layers, in their order. */
extern const int fast_scnn_pyramid_bins[4];

enum fast_scnn_role {
    ROLE_CONV_WEIGHT,
    ROLE_CONV_BIAS,
    ROLE_NORM_GAMMA,
    ROLE_NORM_BETA,
    ROLE_NORM_MEAN,
    ROLE_NORM_VAR,
    ROLE_NORM_COUNT, /* num_batches_tracked: an int64, of no use at inference */
};

/* One tensor of the state_dict. */
struct fast_scnn_tensor {
    char name[96];
    enum fast_scnn_role role;
    int rank;
    int64_t shape[4];
};

/* Lists all tensors in the state_dict's order, with or without the auxiliary heads; returns how many. */
int fast_scnn_list_tensors(int classes, bool auxiliary, struct fast_scnn_tensor out[FAST_SCNN_MAX_TENSORS]);

#endif
