#include "plan/plan.h"

static const char *const names[STAGE_OP_COUNT] = {
    [STAGE_LOAD] = "load",           [STAGE_COPY] = "copy",       [STAGE_CONV] = "conv",
    [STAGE_DEPTHWISE] = "depthwise", [STAGE_RESIZE] = "resize",   [STAGE_POOL] = "pool",
    [STAGE_CONCAT] = "concat",       [STAGE_SOFTMAX] = "softmax", [STAGE_OUTPUT] = "output",
};

const char *stage_op_name(int op) { return op >= 0 && op < STAGE_OP_COUNT ? names[op] : "?"; }

struct tensor_desc plan_source_shape(const struct plan *plan, struct source source) {
    if (source.kind == SOURCE_TENSOR) {
        return plan->tensors[source.index];
    }
    if (source.kind == SOURCE_STAGE) {
        const struct stage *stage = &plan->stages[source.index];
        return (struct tensor_desc){stage->h, stage->w, stage->c, stage->type};
    }
    return (struct tensor_desc){plan->height, plan->width, plan->channels, ELEM_F32};
}

int plan_input_channels(const struct plan *plan, const struct stage *stage) {
    int channels = 0;
    for (int i = 0; i < stage->num_inputs; i++) {
        channels += plan_source_shape(plan, stage->inputs[i]).c;
    }
    return channels;
}

int plan_input_type(const struct plan *plan, const struct stage *stage) {
    return stage->num_inputs > 0 ? plan_source_shape(plan, stage->inputs[0]).type : stage->type;
}

static const struct step *step_of(const struct plan *plan, const struct stage *stage) {
    const int index = (int)(stage - plan->stages);
    const struct step *step = plan->steps;
    while (step < plan->steps + plan->num_steps - 1 && index >= step->first_stage + step->num_stages) {
        step++;
    }
    return step;
}

int plan_split_parts(const struct plan *plan, const struct stage *stage) {
    const struct step *step = step_of(plan, stage);
    bool splits = stage->op == STAGE_CONV && stage->kh == 1 && stage->kw == 1 &&
                  plan_input_type(plan, stage) == ELEM_F32 && stage->c >= PLAN_SPLIT_LEAST &&
                  plan_input_channels(plan, stage) >= PLAN_SPLIT_LEAST;
    for (int k = 0; splits && k < stage->num_inputs; k++) {
        const struct source source = stage->inputs[k];
        const int slices = source.kind == SOURCE_STAGE ? step->slices : 1;
        splits = plan_source_shape(plan, source).c % (slices * PLAN_SPLIT_MULTIPLE) == 0;
    }
    return splits ? step->split_parts : 0;
}

uint64_t plan_stage_macs(const struct plan *plan, const struct stage *stage) {
    uint64_t taps = (uint64_t)stage->h * (uint64_t)stage->w * (uint64_t)stage->c;
    switch (stage->op) {
    case STAGE_CONV: return taps * (uint64_t)(stage->kh * stage->kw) * (uint64_t)plan_input_channels(plan, stage);
    case STAGE_DEPTHWISE: return taps * (uint64_t)(stage->kh * stage->kw);
    default: return 0;
    }
}
