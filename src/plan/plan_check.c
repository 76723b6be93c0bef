/* What an offline model from a stranger could have wrong. Everything that later code indexes with is checked here. */
#include <math.h>
#include <string.h>

#include "plan/plan.h"

enum { MAX_SIDE = 1 << 16, MAX_CHANNELS = 1 << 16, MAX_KERNEL = 255, MAX_TENSORS = 1024 };

struct check {
    const struct plan *plan;
    const struct stage *stage;
    int index;
    struct fscnn_error *err;
};

static enum fscnn_status bad(const struct check *c, const char *what) {
    return error_set(c->err, FSCNN_ERROR_FORMAT, "stage %d (%s): %s", c->index, stage_op_name(c->stage->op), what);
}

static bool shape_is_sane(int64_t h, int64_t w, int64_t c) {
    return h >= 1 && w >= 1 && c >= 1 && h <= MAX_SIDE && w <= MAX_SIDE && c <= MAX_CHANNELS &&
           h * w <= (int64_t)1 << 28 && h * w * c <= (int64_t)1 << 34;
}

/* Bytes [offset, offset + count * size) lie in the data. */
static bool data_holds(const struct plan *plan, uint64_t offset, uint64_t count, uint64_t size) {
    return offset % PLAN_ALIGN == 0 && offset <= plan->data_size && count <= (plan->data_size - offset) / size;
}

static bool source_is_sane(const struct check *c, struct source source, const struct step *step) {
    if (source.kind == SOURCE_TENSOR) {
        return source.index >= 0 && source.index < c->plan->num_tensors;
    }
    return source.kind == SOURCE_STAGE && source.index >= step->first_stage && source.index < c->index &&
           c->plan->stages[source.index].tensor < 0;
}

static bool scale_is_sane(float scale, float offset) {
    return isfinite(scale) && isfinite(offset) && scale >= 0 && scale <= MAX_SIDE && fabsf(offset) <= MAX_SIDE;
}

static enum fscnn_status check_window(const struct check *c) {
    const struct stage *s = c->stage;
    if (s->kh < 1 || s->kw < 1 || s->kh > MAX_KERNEL || s->kw > MAX_KERNEL || s->stride_h < 1 || s->stride_w < 1 ||
        s->stride_h > MAX_KERNEL || s->stride_w > MAX_KERNEL || s->pad_top < 0 || s->pad_left < 0 ||
        s->pad_top > MAX_SIDE || s->pad_left > MAX_SIDE) {
        return bad(c, "kernel, stride or padding out of range");
    }
    bool pointwise = s->kh == 1 && s->kw == 1 && s->stride_h == 1 && s->stride_w == 1 && !s->pad_top && !s->pad_left;
    for (int i = 0; i < s->num_inputs; i++) {
        struct tensor_desc in = plan_source_shape(c->plan, s->inputs[i]);
        if (s->num_inputs > 1 && (!pointwise || in.h != s->h || in.w != s->w)) {
            return bad(c, "several inputs of a kernel other than 1x1, or of other sizes");
        }
        /* Rows above and below are zeros, columns are padding of the source's rings: only a tensor has none. */
        int64_t right = (int64_t)(s->w - 1) * s->stride_w + s->kw - s->pad_left - in.w;
        if (s->inputs[i].kind == SOURCE_TENSOR && (s->pad_left > 0 || right > 0)) {
            return bad(c, "padding of a whole tensor");
        }
        if (right > MAX_SIDE || (int64_t)(s->h - 1) * s->stride_h - s->pad_top >= in.h + MAX_SIDE) {
            return bad(c, "more output than input");
        }
    }
    if (s->op == STAGE_DEPTHWISE && plan_source_shape(c->plan, s->inputs[0]).c != s->c) {
        return bad(c, "input and output channels differ");
    }
    return FSCNN_OK;
}

static enum fscnn_status check_weights(const struct check *c) {
    const struct stage *s = c->stage;
    uint64_t blocks = plan_blocks(s->c), taps = (uint64_t)s->kh * (uint64_t)s->kw;
    uint64_t k = s->op == STAGE_CONV ? taps * (uint64_t)plan_input_channels(c->plan, s) : taps;
    int type = plan_input_type(c->plan, s);
    uint64_t size = s->op == STAGE_CONV ? elem_size(type) : sizeof(float);
    if (s->op == STAGE_DEPTHWISE && type == ELEM_U8) {
        k = (uint64_t)s->kw * (((uint64_t)s->kh + 3) / 4) * 4;
        size = 1;
    }
    if (type == ELEM_U8 ? !data_holds(c->plan, s->multiplier, blocks * PLAN_BLOCK, sizeof(float))
                        : s->multiplier != 0) {
        return bad(c, "multipliers outside the file");
    }
    if (k > UINT32_MAX || !data_holds(c->plan, s->weights, blocks * k * PLAN_BLOCK, size) ||
        !data_holds(c->plan, s->bias, blocks * PLAN_BLOCK, sizeof(float))) {
        return bad(c, "weights outside the file");
    }
    return FSCNN_OK;
}

static enum fscnn_status check_pool(const struct check *c, const struct step *step) {
    const struct stage *s = c->stage;
    if (step->num_stages != 1 || s->inputs[0].kind != SOURCE_TENSOR || s->tensor < 0 ||
        !data_holds(c->plan, s->weights, (uint64_t)s->h + (uint64_t)s->w, sizeof(struct pool_bin))) {
        return bad(c, "misplaced");
    }
    struct tensor_desc in = plan_source_shape(c->plan, s->inputs[0]);
    if (in.c != s->c) {
        return bad(c, "input and output channels differ");
    }
    for (int i = 0; i < s->h + s->w; i++) {
        struct pool_bin bin;
        memcpy(&bin, c->plan->data + s->weights + (size_t)i * sizeof(bin), sizeof(bin));
        if (bin.start < 0 || bin.start >= bin.end || bin.end > (i < s->h ? in.h : in.w)) {
            return bad(c, "a bin outside the picture");
        }
    }
    return FSCNN_OK;
}

/* Inputs of the output's own height and width. */
static enum fscnn_status check_same_size(const struct check *c) {
    const struct stage *s = c->stage;
    int64_t channels = 0;
    for (int i = 0; i < s->num_inputs; i++) {
        struct tensor_desc in = plan_source_shape(c->plan, s->inputs[i]);
        channels += in.c;
        if (in.h != s->h || in.w != s->w) {
            return bad(c, "input and output sizes differ");
        }
    }
    return channels == s->c ? FSCNN_OK : bad(c, "input and output channels differ");
}

static enum fscnn_status check_resize(const struct check *c) {
    const struct stage *s = c->stage;
    struct tensor_desc in = plan_source_shape(c->plan, s->inputs[0]);
    if (in.c != s->c) {
        return bad(c, "input and output channels differ");
    }
    if (s->resize.enabled &&
        (s->resize.mode < 0 || s->resize.mode > 4 || !scale_is_sane(s->resize.scale_h, s->resize.offset_h) ||
         !scale_is_sane(s->resize.scale_w, s->resize.offset_w))) {
        return bad(c, "a scale is out of range");
    }
    return s->resize.enabled ? FSCNN_OK : check_same_size(c);
}

/* Which types of element a stage takes and gives. */
static enum fscnn_status check_types(const struct check *c) {
    const struct stage *s = c->stage;
    int type = plan_input_type(c->plan, s);
    bool widens = s->op == STAGE_CONV && s->type == ELEM_F32;
    bool fits = s->op == STAGE_COPY || s->type == type || widens || s->op == STAGE_OUTPUT;
    for (int i = 0; i < s->num_inputs; i++) {
        struct tensor_desc in = plan_source_shape(c->plan, s->inputs[i]);
        fits &= in.type == type;
        /* Groups of channels are multiplied together: none may reach into the next pixel. */
        fits &= s->op != STAGE_CONV || in.c % (type == ELEM_U8 ? 4 : type == ELEM_BF16 ? 2 : 1) == 0;
    }
    fits &= s->addend.kind == SOURCE_NONE || plan_source_shape(c->plan, s->addend).type == s->type;
    fits &= s->op != STAGE_OUTPUT || type == ELEM_F32;
    if (type == ELEM_U8) { /* what has quantised kernels; a copy keeps the bytes, or turns them into numbers */
        fits &= s->op == STAGE_LOAD || s->op == STAGE_CONV || s->op == STAGE_DEPTHWISE || s->op == STAGE_RESIZE ||
                s->op == STAGE_POOL || (s->op == STAGE_COPY && s->addend.kind == SOURCE_NONE);
        fits &= s->op != STAGE_LOAD || c->plan->channels == 3;
    } else {
        fits &= s->type != ELEM_U8 || (s->op == STAGE_COPY && s->addend.kind == SOURCE_NONE);
    }
    return fits ? FSCNN_OK : bad(c, "types of elements that do not fit");
}

static enum fscnn_status check_op(const struct check *c, const struct step *step) {
    const struct stage *s = c->stage;
    enum fscnn_status status = FSCNN_OK;
    switch (s->op) {
    case STAGE_LOAD: /* the kernels that load write so many channels */
        return s->h == c->plan->height && s->w == c->plan->width &&
                       s->c == (s->type == ELEM_F32 ? c->plan->channels : (c->plan->channels + 3) / 4 * 4)
                   ? FSCNN_OK
                   : bad(c, "not the image");
    case STAGE_CONV:
    case STAGE_DEPTHWISE: status = check_window(c); return status == FSCNN_OK ? check_weights(c) : status;
    case STAGE_COPY:
        return s->pad_top >= 0 && s->pad_left >= 0 && s->pad_top <= MAX_SIDE && s->pad_left <= MAX_SIDE &&
                       plan_source_shape(c->plan, s->inputs[0]).c == s->c &&
                       plan_source_shape(c->plan, s->inputs[0]).w + s->pad_left <= s->w &&
                       plan_source_shape(c->plan, s->inputs[0]).h + s->pad_top <= s->h
                   ? FSCNN_OK
                   : bad(c, "border out of range");
    case STAGE_POOL: return check_pool(c, step);
    case STAGE_CONCAT:
    case STAGE_SOFTMAX: return check_same_size(c);
    case STAGE_RESIZE:
        if (!s->resize.enabled) {
            return bad(c, "no scale");
        }
        return check_resize(c);
    case STAGE_OUTPUT: return check_resize(c);
    default: return bad(c, "unknown operation");
    }
}

static enum fscnn_status check_stage(const struct plan *plan, const struct step *step, int index, int *users,
                                     struct fscnn_error *err) {
    const struct stage *s = &plan->stages[index];
    const struct check c = {plan, s, index, err};
    const bool root = index == step->first_stage + step->num_stages - 1;
    const bool many = s->op == STAGE_CONV || s->op == STAGE_CONCAT;
    if (s->num_inputs < (s->op == STAGE_LOAD ? 0 : 1) || s->num_inputs > (s->op == STAGE_LOAD ? 0
                                                                          : many              ? PLAN_MAX_INPUTS
                                                                                              : 1)) {
        return bad(&c, "a wrong number of inputs");
    }
    if (!shape_is_sane(s->h, s->w, s->c) || s->type < 0 || s->type > ELEM_U8) {
        return bad(&c, "shape or type out of range");
    }
    for (int i = 0; i <= s->num_inputs; i++) {
        struct source source = i < s->num_inputs ? s->inputs[i] : s->addend;
        if (i == s->num_inputs && source.kind == SOURCE_NONE) {
            break;
        }
        if (!source_is_sane(&c, source, step)) {
            return bad(&c, "an input that does not exist");
        }
        if (source.kind == SOURCE_STAGE && users[source.index]++ > 0) {
            return bad(&c, "an input that another stage takes");
        }
    }
    if (s->addend.kind != SOURCE_NONE) {
        struct tensor_desc a = plan_source_shape(plan, s->addend);
        if (a.h != s->h || a.w != s->w || a.c != s->c ||
            (s->op != STAGE_CONV && s->op != STAGE_RESIZE && s->op != STAGE_COPY) ||
            (s->op == STAGE_COPY && (s->pad_top > 0 || s->pad_left > 0))) {
            return bad(&c, "an addend that does not fit");
        }
    }
    if (root != (s->tensor >= 0 || s->op == STAGE_OUTPUT) || (s->op == STAGE_OUTPUT && s->tensor >= 0) ||
        s->tensor >= plan->num_tensors) {
        return bad(&c, "a wrong place for its output");
    }
    if (s->tensor >= 0) {
        struct tensor_desc t = plan->tensors[s->tensor];
        if (t.h != s->h || t.w != s->w || t.c != s->c || t.type != s->type) {
            return bad(&c, "shape differs from its tensor's");
        }
    }
    enum fscnn_status status = check_types(&c);
    return status == FSCNN_OK ? check_op(&c, step) : status;
}

/* A sliced step is in float32, expand (1x1) - depthwise - project (1x1, not clamped), the middle cut in parts of whole
 * blocks. */
static bool slices_are_sane(const struct plan *plan, const struct step *step) {
    if (step->slices == 1) {
        return true;
    }
    if (step->slices < 1 || step->slices > PLAN_MAX_SLICES || step->num_stages != 3) {
        return false;
    }
    const struct stage *s = &plan->stages[step->first_stage];
    int middle = s[0].c;
    return plan_input_type(plan, s) == ELEM_F32 && s[0].type == ELEM_F32 && s[1].type == ELEM_F32 &&
           s[0].op == STAGE_CONV && s[1].op == STAGE_DEPTHWISE && s[2].op == STAGE_CONV && s[2].num_inputs == 1 &&
           s[0].kh == 1 && s[0].kw == 1 && s[2].kh == 1 && s[2].kw == 1 && s[2].stride_h == 1 && s[2].stride_w == 1 &&
           s[2].pad_top == 0 && s[2].pad_left == 0 && s[0].addend.kind == SOURCE_NONE &&
           s[1].inputs[0].kind == SOURCE_STAGE && s[2].inputs[0].kind == SOURCE_STAGE &&
           s[2].inputs[0].index == step->first_stage + 1 && s[2].type == ELEM_F32 && s[2].low == -INFINITY &&
           s[2].high == INFINITY && s[2].tensor >= 0 && middle % (step->slices * PLAN_BLOCK) == 0;
}

/* Steps follow one another over all stages; a tensor is written once, before it is read. */
static enum fscnn_status check_steps(const struct plan *plan, bool *written, int *users, struct fscnn_error *err) {
    int next = 0;
    for (int i = 0; i < plan->num_steps; i++) {
        const struct step *step = &plan->steps[i];
        if (step->first_stage != next || step->num_stages < 1 || step->num_stages > plan->num_stages - next) {
            return error_set(err, FSCNN_ERROR_FORMAT, "step %d: stages out of range", i);
        }
        for (int k = next; k < next + step->num_stages; k++) {
            enum fscnn_status status = check_stage(plan, step, k, users, err);
            if (status != FSCNN_OK) {
                return status;
            }
            const struct stage *s = &plan->stages[k];
            for (int j = 0; j <= s->num_inputs; j++) {
                struct source source = j < s->num_inputs ? s->inputs[j] : s->addend;
                if (source.kind == SOURCE_TENSOR && !written[source.index]) {
                    return error_set(err, FSCNN_ERROR_FORMAT, "stage %d: reads tensor %d before it is written", k,
                                     source.index);
                }
            }
            if (k < next + step->num_stages - 1 && s->op == STAGE_OUTPUT) {
                return error_set(err, FSCNN_ERROR_FORMAT, "stage %d: output in the middle", k);
            }
        }
        if (step->split_parts != 2 && step->split_parts != 3) {
            return error_set(err, FSCNN_ERROR_FORMAT, "step %d: numbers in %d parts", i, step->split_parts);
        }
        const struct stage *root = &plan->stages[next + step->num_stages - 1];
        for (int k = next; k < next + step->num_stages - 1; k++) {
            if (users[k] != 1) {
                return error_set(err, FSCNN_ERROR_FORMAT, "stage %d: nothing uses it", k);
            }
        }
        if (!slices_are_sane(plan, step) || (root->tensor >= 0 && written[root->tensor])) {
            return error_set(err, FSCNN_ERROR_FORMAT, "step %d: slices or output tensor out of order", i);
        }
        if (root->tensor >= 0) {
            written[root->tensor] = true;
        }
        if ((root->op == STAGE_OUTPUT) != (i == plan->num_steps - 1)) {
            return error_set(err, FSCNN_ERROR_FORMAT, "step %d: the output must come last", i);
        }
        next += step->num_stages;
    }
    return next == plan->num_stages ? FSCNN_OK : error_set(err, FSCNN_ERROR_FORMAT, "stages outside steps");
}

static enum fscnn_status check_header(const struct plan *plan, struct fscnn_error *err) {
    if (!shape_is_sane(plan->height, plan->width, plan->channels) || plan->channels > 1024) {
        return error_set(err, FSCNN_ERROR_FORMAT, "an image of [%d, %d, %d]", plan->channels, plan->height,
                         plan->width);
    }
    if (plan->precision < FSCNN_FP32 || plan->precision > FSCNN_INT8) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "precision %d is not known to this version", plan->precision);
    }
    if (plan->num_stages < 1 || plan->num_stages > PLAN_MAX_STAGES || plan->num_steps < 1 ||
        plan->num_steps > PLAN_MAX_STAGES || plan->num_tensors < 0 || plan->num_tensors > MAX_TENSORS ||
        plan->num_batch_sizes < 1 || plan->num_batch_sizes > FSCNN_MAX_BATCH_SIZES) {
        return error_set(err, FSCNN_ERROR_FORMAT, "a count is out of range");
    }
    for (int i = 0; i < plan->num_batch_sizes; i++) {
        if (plan->batch_sizes[i] <= (i ? plan->batch_sizes[i - 1] : 0) || plan->batch_sizes[i] > FSCNN_MAX_BATCH) {
            return error_set(err, FSCNN_ERROR_FORMAT, "batch sizes out of order or range");
        }
    }
    for (int i = 0; i < plan->num_tensors; i++) {
        const struct tensor_desc *t = &plan->tensors[i];
        if (!shape_is_sane(t->h, t->w, t->c) || t->type < 0 || t->type > ELEM_U8) {
            return error_set(err, FSCNN_ERROR_FORMAT, "tensor %d: shape or type out of range", i);
        }
    }
    return FSCNN_OK;
}

enum fscnn_status plan_check(const struct plan *plan, struct fscnn_error *err) {
    enum fscnn_status status = check_header(plan, err);
    if (status != FSCNN_OK) {
        return status;
    }
    struct arena scratch = {0};
    bool *written = arena_alloc(&scratch, (size_t)plan->num_tensors, sizeof(*written));
    int *users = arena_alloc(&scratch, (size_t)plan->num_stages, sizeof(*users));
    status = written && users ? check_steps(plan, written, users, err)
                              : error_memory(err, (size_t)plan->num_stages * sizeof(int), "checking a plan");
    arena_free(&scratch);
    return status;
}
