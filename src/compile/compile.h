/* Optimised graph -> plan. */
#ifndef FSCNN_COMPILE_COMPILE_H
#define FSCNN_COMPILE_COMPILE_H

#include "graph/graph.h"
#include "plan/plan.h"

/* Bytes that packed weights are collected in; grows. */
struct pack {
    uint8_t *bytes;
    size_t size, capacity;
    uint64_t parameters; /* elements before padding */
    bool failed;         /* out of memory; sticky */
};

/* Each appends aligned data and returns its offset. */
/* weights [channels, k] -> f32 [ceil(channels / 16), k, 16], or bf16 [ceil(channels / 16), k / 2, 16, 2] */
uint64_t pack_conv(struct pack *pack, int type, const float *weights, int channels, size_t k);
/* weights [channels, taps] -> f32 [taps, ceil(channels / 16) * 16] */
uint64_t pack_depthwise(struct pack *pack, const float *weights, int channels, size_t taps);
/* [channels] (NULL: zeros) -> f32 [ceil(channels / 16) * 16] */
uint64_t pack_bias(struct pack *pack, const float *bias, int channels);
uint64_t pack_pool(struct pack *pack, const struct pool_attr *pool);
/* weights s8 [channels, k] -> [ceil(channels / 16), k / 4, 16, 4] */
uint64_t pack_quads(struct pack *pack, const int8_t *weights, int channels, size_t k);
/* weights s8 [channels, kh, kw] -> [kw, ceil(kh / 4), ceil(channels / 16) * 16, 4] */
uint64_t pack_depthwise_quads(struct pack *pack, const int8_t *weights, int channels, int kh, int kw);

/* What a quantised value means: real = scale * (q - zero). */
struct quant {
    float scale;
    int32_t zero;
    /* NULL, or [c] of each channel the greatest value, for steps of their own, and the mean, for corrected biases. */
    const float *most;
    const double *mean;
};

struct lower_options {
    int type;                   /* of activations, where there are kernels: enum elem */
    const uint8_t *types;       /* NULL, or [num_nodes] of each node instead */
    const struct quant *quants; /* where one is U8: of every node's output [num_nodes] */
    bool whole;                 /* do not cut steps into slices, so that every stage gives finished rows, and let the
                                 * OUTPUT stage read a tensor */
    int32_t *stage_nodes;       /* NULL, or [PLAN_MAX_STAGES] for the node behind each stage, -1 for none */
    struct fscnn_log log;       /* what is computed in another type than asked for */
};

/* Lowers an optimised graph into *plan: stages, steps, tensors, packed weights
 * (plan->data points into pack->bytes, which the caller keeps). Fills everything of the plan but name and batch sizes.
 * Errors: UNSUPPORTED, MEMORY. */
FSCNN_NODISCARD enum fscnn_status lower(const struct graph *graph, const struct lower_options *options,
                                        struct plan *plan, struct pack *pack, struct fscnn_error *err);

#endif
