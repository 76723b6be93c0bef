#include "plan/layout.h"

#include <math.h>
#include <stdlib.h>

enum { ROUND = 16, LINE = 64, MAX_CHUNK = 8, CHUNK_PIXELS = 96 };
static const size_t MAX_TABLES = (size_t)1 << 28;
static const size_t MAX_BYTES = (size_t)1 << 37; /* 128 GiB: beyond any sane machine */

static size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

/* ---- sampling tables ---- */

/* Graph.h's resize modes; positions in float32, as the frameworks compute them. */
static struct tap tap_at(int mode, float scale, float offset, int i, int in) {
    float at = (float)i * scale + offset;
    float last = (float)(in - 1);
    switch (mode) {
    case 1: at = floorf(at); break;
    case 2: at = ceilf(at - 0.5F); break;
    case 3: at = floorf(at + 0.5F); break;
    case 4: at = ceilf(at); break;
    default: break;
    }
    at = at < 0 ? 0 : at > last ? last : at;
    int p0 = (int)at;
    int p1 = p0 < in - 1 ? p0 + 1 : p0;
    return (struct tap){p0, mode == 0 ? p1 : p0, at - (float)p0};
}

static struct tap *taps_create(struct arena *arena, const struct resize_params *resize, bool rows, int in, int out) {
    int count = (out + ROUND - 1) / ROUND * ROUND;
    struct tap *taps = arena_alloc(arena, (size_t)count, sizeof(*taps));
    for (int i = 0; taps && i < count; i++) {
        int at = i < out ? i : out - 1;
        taps[i] = !resize->enabled ? (struct tap){at, at, 0}
                  : rows           ? tap_at(resize->mode, resize->scale_h, resize->offset_h, at, in)
                                   : tap_at(resize->mode, resize->scale_w, resize->offset_w, at, in);
    }
    return taps;
}

static struct tap_group *groups_create(struct arena *arena, const struct tap *taps, int out) {
    int count = (out + TAP_GROUP - 1) / TAP_GROUP;
    struct tap_group *groups = arena_alloc(arena, (size_t)count, sizeof(*groups));
    for (int g = 0; groups && g < count; g++, taps += TAP_GROUP) {
        groups[g].base = taps[0].x0;
        for (int i = 1; i < TAP_GROUP; i++) {
            groups[g].base = taps[i].x0 < groups[g].base ? taps[i].x0 : groups[g].base;
        }
        for (int i = 0; i < TAP_GROUP; i++) {
            groups[g].index[i] = taps[i].x0 - groups[g].base;
            groups[g].fraction[i] = taps[i].fraction;
            groups[g].reach = groups[g].index[i] + 1 > groups[g].reach ? groups[g].index[i] + 1 : groups[g].reach;
        }
    }
    return groups;
}

/* ---- rows that a stage needs ---- */

void layout_source_rows(const struct plan *plan, const struct layout *layout, int stage, struct source source, int row,
                        int *low, int *high) {
    const struct stage *s = &plan->stages[stage];
    int in = plan_source_shape(plan, source).h;
    *low = *high = row;
    if (source.kind == SOURCE_STAGE && s->addend.kind == SOURCE_STAGE && source.index == s->addend.index) {
        return; /* an addend has the output's own rows */
    }
    if (s->op == STAGE_CONV || s->op == STAGE_DEPTHWISE) {
        *low = row * s->stride_h - s->pad_top;
        *high = *low + s->kh - 1;
    } else if (s->op == STAGE_COPY) {
        *low = *high = row - s->pad_top;
    } else if (s->op == STAGE_RESIZE || s->op == STAGE_OUTPUT) {
        *low = layout->stages[stage].rows[row].x0;
        *high = layout->stages[stage].rows[row].x1;
    }
    *low = *low < 0 ? 0 : *low;
    *high = *high > in - 1 ? in - 1 : *high;
}

/* The most rows of a source that `chunk` neighbouring output rows need together. */
static int window_rows(const struct plan *plan, const struct layout *layout, int stage, struct source source,
                       int chunk) {
    const struct stage *s = &plan->stages[stage];
    int most = 1;
    for (int row = 0; row < s->h; row++) {
        int low, high, low2, high2, last = row + chunk - 1 < s->h - 1 ? row + chunk - 1 : s->h - 1;
        layout_source_rows(plan, layout, stage, source, row, &low, &high);
        layout_source_rows(plan, layout, stage, source, last, &low2, &high2);
        most = high2 - low + 1 > most ? high2 - low + 1 : most;
    }
    return most;
}

/* ---- rings ---- */

int layout_chunk(const struct stage *stage) {
    int chunk = CHUNK_PIXELS / stage->w;
    return stage->op == STAGE_OUTPUT || chunk < 1 ? 1 : chunk > MAX_CHUNK ? MAX_CHUNK : chunk;
}

int layout_ring_rows(int window, int chunk) { return (window + 2 * (chunk - 1)) / chunk * chunk; }

static enum fscnn_status plan_ring(const struct plan *plan, struct layout *layout, int user, struct source source,
                                   int slices) {
    const struct stage *u = &plan->stages[user];
    const struct stage *s = &plan->stages[source.index];
    struct stage_layout *l = &layout->stages[source.index];
    if (u->op == STAGE_CONV || u->op == STAGE_DEPTHWISE) {
        int64_t right = (int64_t)(u->w - 1) * u->stride_w + u->kw - u->pad_left - s->w;
        l->left = u->pad_left;
        l->right = right > 0 ? (int)right : 0;
    }
    l->ring_rows = layout_ring_rows(window_rows(plan, layout, user, source, layout->stages[user].chunk), l->chunk);
    l->channels = s->c / slices;
    l->row_stride = ((size_t)l->left + (size_t)s->w + (size_t)l->right) * (size_t)l->channels * elem_size(s->type);
    return FSCNN_OK;
}

static size_t place(size_t *used, size_t bytes) {
    size_t at = *used;
    *used += round_up(bytes, LINE);
    return at;
}

/* Rings and work areas of one step, from the root back: a ring's size depends on its user's chunk. */
static enum fscnn_status plan_step(const struct plan *plan, struct layout *layout, int index, size_t *used) {
    const struct step *step = &plan->steps[index];
    for (int i = step->first_stage + step->num_stages - 1; i >= step->first_stage; i--) {
        const struct stage *s = &plan->stages[i];
        struct stage_layout *l = &layout->stages[i];
        l->chunk = layout_chunk(s);
        l->channels = l->channels ? l->channels : s->c;
        if (s->op == STAGE_RESIZE || s->op == STAGE_OUTPUT) {
            struct tensor_desc in = plan_source_shape(plan, s->inputs[0]);
            l->rows = taps_create(&layout->arena, &s->resize, true, in.h, s->h);
            l->columns = taps_create(&layout->arena, &s->resize, false, in.w, s->w);
            if (s->op == STAGE_OUTPUT && l->columns) {
                l->groups = groups_create(&layout->arena, l->columns, s->w);
            }
            if (!l->rows || !l->columns || (s->op == STAGE_OUTPUT && !l->groups)) {
                return FSCNN_ERROR_MEMORY;
            }
            l->plane = round_up((size_t)in.w + 32, ROUND);
            l->row_plane = round_up((size_t)s->w, ROUND);
            l->num_groups = (s->w + TAP_GROUP - 1) / TAP_GROUP;
            l->work =
                place(used, sizeof(float) * (s->op == STAGE_RESIZE ? (size_t)in.w * (size_t)s->c
                                                                   : (size_t)s->c * (3 * l->plane + l->row_plane)));
            if (s->op == STAGE_OUTPUT) {
                l->cells = place(used, (size_t)l->num_groups * sizeof(int32_t) + (size_t)s->w + 2 * (size_t)in.w);
            }
        }
        for (int k = 0; k <= s->num_inputs; k++) {
            struct source source = k < s->num_inputs ? s->inputs[k] : s->addend;
            if (source.kind == SOURCE_STAGE) {
                /* the chunk of the source must be known before its ring */
                layout->stages[source.index].chunk = layout_chunk(&plan->stages[source.index]);
                plan_ring(plan, layout, i, source, step->slices);
            }
        }
        if (s->op == STAGE_LOAD || s->op == STAGE_COPY || s->op == STAGE_CONCAT || s->op == STAGE_SOFTMAX ||
            s->op == STAGE_POOL) {
            l->work = place(used, 2 * sizeof(float) * (size_t)s->w * (size_t)s->c);
        }
        if (plan_split_parts(plan, s) > 0) {
            l->work = place(used, (size_t)plan_input_channels(plan, s) * PLAN_SPLIT_BYTES);
        }
        if (l->ring_rows > 0) {
            l->ring = place(used, (size_t)l->ring_rows * l->row_stride);
        }
        size_t row = ((size_t)s->w + (size_t)l->left + (size_t)l->right) * (size_t)s->c * elem_size(s->type);
        layout->zero_bytes = row > layout->zero_bytes ? row : layout->zero_bytes;
    }
    return FSCNN_OK;
}

/* ---- the activation arena ---- */

/* Steps between two waiting points run in no particular order: a tensor lives from its writer's group to its last
 * reader's, and two tensors share memory only when these do not touch. */
struct life {
    int from, to;
};

/* Calls that stand for a loop over the tensors that a step reads: `*at` counts sources, -1 is the end. */
static int next_read(const struct plan *plan, const struct step *step, int *at) {
    for (; *at < step->num_stages * (PLAN_MAX_INPUTS + 1); (*at)++) {
        const struct stage *s = &plan->stages[step->first_stage + *at / (PLAN_MAX_INPUTS + 1)];
        int k = *at % (PLAN_MAX_INPUTS + 1);
        struct source source = k < s->num_inputs ? s->inputs[k] : s->addend;
        if (k <= s->num_inputs && source.kind == SOURCE_TENSOR) {
            (*at)++;
            return source.index;
        }
    }
    return -1;
}

static void plan_waits(const struct plan *plan, struct layout *layout, struct life *lives) {
    int group = 0;
    for (int i = 0; i < plan->num_tensors; i++) {
        lives[i] = (struct life){-1, -1};
    }
    for (int i = 0; i < plan->num_steps; i++) {
        const struct step *step = &plan->steps[i];
        for (int at = 0, t = next_read(plan, step, &at); t >= 0; t = next_read(plan, step, &at)) {
            layout->steps[i].wait |= lives[t].from == group; /* written since the last waiting point */
        }
        if (layout->steps[i].wait) {
            group++;
        }
        int root = plan->stages[step->first_stage + step->num_stages - 1].tensor;
        if (root >= 0) {
            lives[root] = (struct life){group, group};
        }
        for (int at = 0, t = next_read(plan, step, &at); t >= 0; t = next_read(plan, step, &at)) {
            lives[t].to = group;
        }
    }
}

static size_t tensor_bytes(const struct plan *plan, int t) {
    const struct tensor_desc *d = &plan->tensors[t];
    return round_up((size_t)d->h * (size_t)d->w * (size_t)d->c * elem_size(d->type), LINE);
}

/* A tensor on its way to a place in the arena. */
struct placing {
    size_t size, at;
    struct life life;
    int tensor;
};

static int compare_placing(const void *a, const void *b) {
    const struct placing *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size ? 1 : -1) : x->tensor - y->tensor;
}

/* Largest tensors first, each at the lowest offset that is free for its whole life. The first `count` of `placed` are
 * kept in the order of their offsets, so that one look over them finds it. */
static enum fscnn_status plan_arena(const struct plan *plan, struct layout *layout, const struct life *lives,
                                    struct placing *todo, struct placing *placed) {
    for (int t = 0; t < plan->num_tensors; t++) {
        todo[t] = (struct placing){tensor_bytes(plan, t), 0, lives[t], t};
    }
    qsort(todo, (size_t)plan->num_tensors, sizeof(*todo), compare_placing);
    for (int n = 0; n < plan->num_tensors; n++) {
        struct placing next = todo[n];
        for (int i = 0; i < n; i++) {
            const struct placing *p = &placed[i];
            bool together = p->life.from <= next.life.to && next.life.from <= p->life.to;
            if (together && next.at < p->at + p->size && p->at < next.at + next.size) {
                next.at = p->at + p->size;
            }
        }
        int slot = n;
        for (; slot > 0 && placed[slot - 1].at > next.at; slot--) {
            placed[slot] = placed[slot - 1];
        }
        placed[slot] = next;
        layout->tensors[next.tensor] = next.at;
        size_t end = next.at + next.size;
        layout->arena_bytes = end > layout->arena_bytes ? end : layout->arena_bytes;
        if (layout->arena_bytes > MAX_BYTES) {
            return FSCNN_ERROR_MEMORY;
        }
    }
    return FSCNN_OK;
}

static enum fscnn_status layout_fill(const struct plan *plan, struct layout *out) {
    out->stages = arena_alloc(&out->arena, (size_t)plan->num_stages, sizeof(*out->stages));
    out->steps = arena_alloc(&out->arena, (size_t)plan->num_steps, sizeof(*out->steps));
    out->tensors = arena_alloc(&out->arena, (size_t)plan->num_tensors, sizeof(*out->tensors));
    struct life *lives = arena_alloc(&out->arena, (size_t)plan->num_tensors, sizeof(*lives));
    struct placing *placing = arena_alloc(&out->arena, (size_t)plan->num_tensors, 2 * sizeof(*placing));
    if (!out->stages || !out->steps || !out->tensors || !lives || !placing) {
        return FSCNN_ERROR_MEMORY;
    }
    size_t most = 0;
    for (int i = 0; i < plan->num_steps; i++) {
        size_t used = 0;
        if (plan_step(plan, out, i, &used) != FSCNN_OK || used > MAX_BYTES) {
            return FSCNN_ERROR_MEMORY;
        }
        most = used > most ? used : most;
    }
    out->zero_bytes = round_up(out->zero_bytes, LINE);
    out->scratch_bytes = out->zero_bytes + most;
    for (int i = 0; i < plan->num_stages; i++) {
        out->stages[i].ring += out->zero_bytes;
        out->stages[i].work += out->zero_bytes;
        out->stages[i].cells += out->zero_bytes;
    }
    plan_waits(plan, out, lives);
    return plan_arena(plan, out, lives, placing, placing + plan->num_tensors);
}

enum fscnn_status layout_create(const struct plan *plan, struct layout *out, struct fscnn_error *err) {
    *out = (struct layout){.arena = {.limit = MAX_TABLES}};
    if (layout_fill(plan, out) != FSCNN_OK) {
        layout_free(out);
        return error_set(err, FSCNN_ERROR_MEMORY, "the network needs more memory than there can be");
    }
    return FSCNN_OK;
}

void layout_free(struct layout *layout) {
    arena_free(&layout->arena);
    *layout = (struct layout){0};
}
