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

/* Lowers an optimised graph into *plan, activations of `type` (enum elem): stages, steps, tensors, packed weights
 * (plan->data points into pack->bytes, which the caller keeps). Fills everything of the plan but name and batch sizes.
 * Errors: UNSUPPORTED, MEMORY. */
FSCNN_NODISCARD enum fscnn_status lower(const struct graph *graph, int type, struct plan *plan, struct pack *pack,
                                        struct fscnn_error *err);

#endif
