#include "run/weights.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "kernels/split.h"

_Static_assert(PLAN_SPLIT_BYTES == SPLIT_PARTS * SPLIT_PIXELS * sizeof(uint16_t), "layout.c makes room for the kernel");
_Static_assert((int)PLAN_SPLIT_MULTIPLE == (int)SPLIT_MULTIPLE, "plan_splits asks for what the kernel needs");

/* Elements of a stage's split weights, 0 for one that is not split. */
static size_t split_count(const struct plan *plan, const struct stage *s) {
    return plan_splits(plan, s) ? split_weights_count(plan_blocks(s->c), (size_t)plan_input_channels(plan, s)) : 0;
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
    out->split_at = calloc((unsigned)plan->num_stages, sizeof(*out->split_at));
    out->split = out->split_at ? memory_new(split_count_all(plan) * sizeof(*out->split)) : NULL;
    for (int i = 0; out->split && i < plan->num_stages; i++) {
        const struct stage *s = &plan->stages[i];
        const size_t count = split_count(plan, s);
        out->split_at[i] = count > 0 ? at : SIZE_MAX;
        if (count > 0) {
            split_weights((const float *)(const void *)(plan->data + s->weights), plan_blocks(s->c),
                          (size_t)plan_input_channels(plan, s), out->split + at);
            at += count;
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
        if (out->split_at[i] == SIZE_MAX) {
            continue;
        }
        if (s->weights < done) {
            munmap(rest, plan->data_size);
            return;
        }
        memcpy(rest + done, plan->data + done, s->weights - done);
        done = s->weights + split_count(plan, s) / SPLIT_PARTS * sizeof(float);
    }
    memcpy(rest + done, plan->data + done, plan->data_size - done);
    out->data = (const uint8_t *)rest;
    out->rest = rest;
    out->rest_bytes = plan->data_size;
    file_map_rest(&model->file);
}

bool weights_create(const struct fscnn_model *model, bool split, struct weights *out) {
    *out = (struct weights){.data = model->plan.data};
    if (split) {
        if (!create_split(&model->plan, out)) {
            return false;
        }
        leave_file(model, out);
    }
    return true;
}

void weights_free(struct weights *weights) {
    free(weights->split);
    free(weights->split_at);
    if (weights->rest) {
        munmap(weights->rest, weights->rest_bytes);
    }
}
