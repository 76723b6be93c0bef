#include "run/weights.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "kernels/columns.h"
#include "kernels/split.h"
#include "kernels/units.h"

_Static_assert(PLAN_SPLIT_BYTES == 2 * SPLIT_MOST_PARTS * SPLIT_PIXELS * sizeof(uint16_t),
               "layout.c makes room for the kernel");
_Static_assert((int)PLAN_SPLIT_MULTIPLE == (int)SPLIT_MULTIPLE, "plan_split_parts asks for what the kernel needs");

/* Elements of a stage's split weights, 0 for one that is not split. */
static size_t split_count(const struct plan *plan, const struct stage *s) {
    return split_weights_count(plan_blocks(s->c), (size_t)plan_input_channels(plan, s), plan_split_parts(plan, s));
}

static size_t split_count_all(const struct plan *plan) {
    size_t count = 0;
    for (int i = 0; i < plan->num_stages; i++) {
        count += split_count(plan, &plan->stages[i]);
    }
    return count;
}

uint64_t weights_split_bytes(const struct plan *plan) { return split_count_all(plan) * sizeof(uint16_t); }

static bool create_split(const struct plan *plan, struct weights *out) {
    size_t at = 0;
    const size_t all = split_count_all(plan);
    if (all == 0) {
        return true;
    }
    out->split_at = calloc((unsigned)plan->num_stages, sizeof(*out->split_at));
    out->split_parts = calloc((unsigned)plan->num_stages, sizeof(*out->split_parts));
    out->split = out->split_at && out->split_parts ? memory_new(all * sizeof(*out->split)) : NULL;
    for (int i = 0; out->split && i < plan->num_stages; i++) {
        const struct stage *s = &plan->stages[i];
        const int parts = plan_split_parts(plan, s);
        out->split_at[i] = at;
        out->split_parts[i] = (uint8_t)parts;
        if (parts > 0) {
            split_weights((const float *)(const void *)(plan->data + s->weights), plan_blocks(s->c),
                          (size_t)plan_input_channels(plan, s), parts, out->split + at);
            at += split_count(plan, s);
        }
    }
    return out->split != NULL;
}

/* The whole numbers of split weights are no longer needed. The rest is copied to the same places of memory of its own,
 * whose pages in between are never touched, and the file's pages are given back. Not essential: without that memory,
 * and where weights are not in the order of stages, the plan's data stay in use. */
static void leave_file(const struct fscnn_model *model, struct weights *out) {
    const struct plan *plan = &model->plan;
    size_t done = 0;
    char *rest = model->file.data
                     ? mmap(NULL, plan->data_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                     : MAP_FAILED;
    if (rest == MAP_FAILED) {
        return;
    }
    madvise(rest, plan->data_size, MADV_NOHUGEPAGE);
    for (int i = 0; i < plan->num_stages; i++) {
        const struct stage *s = &plan->stages[i];
        if (out->split_parts[i] == 0) {
            continue;
        }
        if (s->weights < done) {
            munmap(rest, plan->data_size);
            return;
        }
        memcpy(rest + done, plan->data + done, s->weights - done);
        done = s->weights + split_count(plan, s) / out->split_parts[i] * sizeof(float);
    }
    memcpy(rest + done, plan->data + done, plan->data_size - done);
    out->data = (const uint8_t *)rest;
    out->rest = rest;
    out->rest_bytes = plan->data_size;
    file_map_rest(&model->file);
}

static bool is_only_user(const struct plan *plan, int user, int stage) {
    for (int i = 0; i < plan->num_stages; i++) {
        const struct stage *s = &plan->stages[i];
        for (int k = 0; k <= s->num_inputs && i != user; k++) {
            const struct source source = k < s->num_inputs ? s->inputs[k] : s->addend;
            if (source.kind == SOURCE_STAGE && source.index == stage) {
                return false;
            }
        }
    }
    return true;
}

/* Whether a stage is a 3x3 convolution with stride 2 of the picture, and the kernels have a faster one for its bytes.
 */
static bool takes_bytes(const struct plan *plan, const struct kernels *kernels, int stage) {
    const struct stage *s = &plan->stages[stage];
    if (s->op != STAGE_CONV || s->kh != 3 || s->kw != 3 || s->stride_h != 2 || s->stride_w != 2 || s->pad_top ||
        s->pad_left || s->num_inputs != 1 || s->inputs[0].kind != SOURCE_STAGE || s->addend.kind != SOURCE_NONE) {
        return false;
    }
    const struct stage *load = &plan->stages[s->inputs[0].index];
    /* Units are made where a LOAD stage has rows in f32. */
    const bool units = kernels->units_pay && load->type == ELEM_U8 && load->c == 4 &&
                       UNIT_BYTES * ((size_t)s->w + 1) <= 2 * sizeof(float) * 4 * (size_t)load->w;
    const bool columns = kernels->columns_pay && load->type == ELEM_F32 && load->c == 3;
    return load->op == STAGE_LOAD && (units || columns) && load->h >= 2 * s->h + 1 && load->w >= 2 * s->w + 1 &&
           is_only_user(plan, stage, s->inputs[0].index);
}

static bool create_columns(const struct plan *plan, const struct stage *s, struct weights *out) {
    const size_t blocks = plan_blocks(s->c);
    out->columns = memory_new(blocks * COLUMNS_BLOCK * sizeof(*out->columns));
    out->columns_bias = memory_new(blocks * PLAN_BLOCK * sizeof(*out->columns_bias));
    if (!out->columns || !out->columns_bias) {
        return false;
    }
    columns_weights((const float *)(const void *)(plan->data + s->weights),
                    (const float *)(const void *)(plan->data + s->bias), blocks, out->columns, out->columns_bias);
    return true;
}

/* The first convolution's weights for bytes. */
static bool create_bytes(const struct plan *plan, const struct kernels *kernels, struct weights *out) {
    for (int i = 0; i < plan->num_stages && out->bytes_stage < 0; i++) {
        out->bytes_stage = takes_bytes(plan, kernels, i) ? i : -1;
    }
    if (out->bytes_stage < 0) {
        return true;
    }
    const struct stage *s = &plan->stages[out->bytes_stage];
    if (plan_input_type(plan, s) == ELEM_F32) {
        return create_columns(plan, s, out);
    }
    const size_t blocks = plan_blocks(s->c);
    out->units = memory_new(blocks * UNITS_K * PLAN_BLOCK);
    if (out->units) {
        units_weights((const int8_t *)plan->data + s->weights, blocks, out->units);
    }
    return out->units != NULL;
}

bool weights_create(const struct fscnn_model *model, const struct kernels *kernels, struct weights *out) {
    *out = (struct weights){.data = model->plan.data, .bytes_stage = -1};
    if (!create_bytes(&model->plan, kernels, out) || (kernels->split_pays && !create_split(&model->plan, out))) {
        return false;
    }
    if (out->split) {
        leave_file(model, out);
    }
    return true;
}

void weights_free(struct weights *weights) {
    free(weights->split);
    free(weights->split_at);
    free(weights->split_parts);
    free(weights->units);
    free(weights->columns);
    free(weights->columns_bias);
    if (weights->rest) {
        munmap(weights->rest, weights->rest_bytes);
    }
}
