/* The plan: what a session does for one image, step by step. Immutable, machine-independent, and what an offline model
 * file holds (plan_file.c describes its bytes).
 *
 * A plan is a list of steps; a step is a tree of stages, its last one the root. Stages pass rows: a stage inside a step
 * keeps only a ring of its latest rows, so that what lies between the stages of a step never leaves the second-level
 * cache; a step's root writes a whole tensor (or the network's output). Threads share a step by rows of its root and
 * compute the few rows above and below their part that they need themselves.
 *
 * Everything that follows from this - ring sizes, arena offsets, sampling tables, where threads must wait - is derived
 * at load by layout.c, the same for a plan just compiled and for one read from a stranger's file.
 */
#ifndef FSCNN_PLAN_PLAN_H
#define FSCNN_PLAN_PLAN_H

#include "base/arena.h"
#include "base/status.h"
#include "tensor/elem.h"

enum stage_op {
    STAGE_LOAD,      /* row of the image -> [w, c], channels beyond the image's 0 */
    STAGE_COPY,      /* input (+ addend), clamped; border of zeros by pad_top, pad_left */
    STAGE_CONV,      /* inputs concatenated over K; kernel kh x kw (several inputs: 1x1), + addend, clamped */
    STAGE_DEPTHWISE, /* clamped */
    STAGE_RESIZE,    /* + addend, clamped */
    STAGE_POOL,      /* alone in its step; input a tensor */
    STAGE_CONCAT,    /* inputs side by side in the channels */
    STAGE_SOFTMAX,
    STAGE_OUTPUT, /* last of all: resize (resize.enabled), softmax if asked, logits or arg max to the caller */
    STAGE_OP_COUNT,
};

/* Of the file's records (plan_file.c): another number whenever one of them changes. */
enum { PLAN_VERSION = 3 };

enum { PLAN_MAX_INPUTS = 8, PLAN_MAX_STAGES = 2048, PLAN_MAX_SLICES = 256, PLAN_BLOCK = 16, PLAN_ALIGN = 64 };

enum source_kind { SOURCE_NONE, SOURCE_TENSOR, SOURCE_STAGE };

struct source {
    int32_t kind;
    int32_t index; /* of a tensor, or of an earlier stage of the same step */
};

/* Sampling positions: output i samples input scale * i + offset (graph.h). mode: enum resize_mode. */
struct resize_params {
    int32_t enabled, mode;
    float scale_h, offset_h, scale_w, offset_w;
};

struct stage {
    int32_t op;
    int32_t num_inputs;
    struct source inputs[PLAN_MAX_INPUTS];
    struct source addend;
    int32_t type;    /* enum elem, of the output */
    int32_t tensor;  /* the root of a step: where its rows go; -1: into a ring, or to the caller (OUTPUT) */
    int32_t h, w, c; /* of the output */
    int32_t kh, kw, stride_h, stride_w, pad_top, pad_left;
    float low, high;
    /* Quantised inputs and addends, in steps of the output: q * scale + offset (RESIZE, CONV's addend; COPY from u8; of
     * COPY to u8 x * scale + offset). */
    float in_scale, in_offset, addend_scale, addend_offset;
    struct resize_params resize;
    int32_t softmax;
    /* Byte offsets into the data, PLAN_ALIGN-aligned:
     * CONV: weights f32 [ceil(c / 16), K, 16], of bf16 inputs bf16 [ceil(c / 16), K / 2, 16, 2]; bias f32
     *       [ceil(c / 16) * 16]; of u8 inputs s8 [ceil(c / 16), K / 4, 16, 4];
     * DEPTHWISE: weights f32 [kh, kw, ceil(c / 16) * 16], bias the same; of u8 s8 [kw, ceil(kh / 4), ceil(c / 16) * 16,
     * 4]; POOL: weights struct pool_bin [h + w], rows' bins first. */
    uint64_t weights, bias;
    uint64_t multiplier; /* of a quantised CONV or DEPTHWISE: f32 [ceil(c / 16) * 16] */
    const char *name;    /* what it fuses, for people */
};

struct pool_bin {
    int32_t start, end;
    float divisor;
};

struct step {
    int32_t first_stage, num_stages;
    /* 1, or into how many parts of the middle channels an expand-depthwise-project step is cut, so that its rings stay
     * small: parts run one after another and add up in the output tensor. */
    int32_t slices;
    /* Of convolutions that split float32 numbers (plan_split_parts): 3, which is exact, or 2 (kernels/split.h). */
    int32_t split_parts;
};

struct tensor_desc {
    int32_t h, w, c;
    int32_t type; /* enum elem */
};

struct plan {
    struct arena arena; /* owns all arrays but data */
    struct stage *stages;
    int32_t num_stages;
    struct step *steps;
    int32_t num_steps;
    struct tensor_desc *tensors;
    int32_t num_tensors;
    const uint8_t *data; /* packed weights; data_size bytes */
    uint64_t data_size;

    const char *name, *input_name, *output_name;
    int32_t channels, height, width; /* of the image */
    int32_t output_is_labels;
    int32_t precision; /* enum fscnn_precision */
    int32_t num_batch_sizes;
    int32_t batch_sizes[FSCNN_MAX_BATCH_SIZES];
    uint64_t parameters; /* elements of weights and biases before padding */
};

/* Checks everything that a stranger's plan could have wrong: after it, layout and session trust the plan. FORMAT errors
 * name the stage. */
FSCNN_NODISCARD enum fscnn_status plan_check(const struct plan *plan, struct fscnn_error *err);

/* Writes / reads the bytes of an offline model. A failed write is left to the stream's error flag, as
 * fscnn_output_commit wants it. plan_parse points into `bytes` for the packed weights and leaves plan_check to
 * model_create. */
void plan_write(const struct plan *plan, FILE *out);
FSCNN_NODISCARD enum fscnn_status plan_parse(const void *bytes, size_t size, struct plan *out, struct fscnn_error *err);

const char *stage_op_name(int op);
static inline size_t plan_blocks(int channels) { return ((size_t)channels + PLAN_BLOCK - 1) / PLAN_BLOCK; }
/* Shape of a source of a stage in step `step`. */
struct tensor_desc plan_source_shape(const struct plan *plan, struct source source);
/* Sum of the inputs' channels: K of a CONV is kh * kw times this. */
int plan_input_channels(const struct plan *plan, const struct stage *stage);
/* Type of the first input (LOAD: of the output). */
int plan_input_type(const struct plan *plan, const struct stage *stage);
/* Into how many bfloat16 parts a convolution of f32 splits its numbers where the processor is faster so; 0: it does
 * not. The session then keeps such weights, and each thread needs PLAN_SPLIT_BYTES for each input channel. */
enum {
    PLAN_SPLIT_BYTES = 384,
    PLAN_SPLIT_LEAST = 64,   /* channels in and out: splitting costs, too */
    PLAN_SPLIT_MULTIPLE = 32 /* of the channels of each input that are taken at a time */
};
int plan_split_parts(const struct plan *plan, const struct stage *stage);
uint64_t plan_stage_macs(const struct plan *plan, const struct stage *stage);

#endif
