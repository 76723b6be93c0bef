#include "plan/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fscnn_status model_create(struct plan *plan, struct file_map file, void *owned, struct fscnn_model **out,
                               struct fscnn_error *err) {
    struct fscnn_model *model = calloc(1, sizeof(*model));
    *out = model;
    if (!model) {
        arena_free(&plan->arena);
        file_map_close(&file);
        free(owned);
        return error_memory(err, sizeof(*model), "a model");
    }
    *model = (struct fscnn_model){.plan = *plan, .file = file, .owned = owned, .path = plan->name};
    enum fscnn_status status = plan_check(&model->plan, err);
    if (status == FSCNN_OK) {
        status = layout_create(&model->plan, &model->layout, err);
    }
    if (status != FSCNN_OK) {
        fscnn_model_free(out);
    }
    return status;
}

void fscnn_model_free(struct fscnn_model **model) {
    struct fscnn_model *m = *model;
    if (m) {
        layout_free(&m->layout);
        arena_free(&m->plan.arena);
        file_map_close(&m->file);
        free(m->owned);
        free(m);
        *model = NULL;
    }
}

enum fscnn_status fscnn_model_load(const char *path, struct fscnn_model **out, struct fscnn_error *err) {
    struct file_map file;
    struct plan plan;
    *out = NULL;
    enum fscnn_status status = file_map_open(path, &file, err);
    if (status != FSCNN_OK) {
        return status;
    }
    status = plan_parse(file.data, file.size, &plan, err);
    if (status != FSCNN_OK) {
        file_map_close(&file);
        return error_prefix(err, status, "%s", path);
    }
    status = model_create(&plan, file, NULL, out, err);
    if (status != FSCNN_OK) {
        return error_prefix(err, status, "%s", path);
    }
    (*out)->path = arena_strdup(&(*out)->plan.arena, path);
    if (!(*out)->path) {
        fscnn_model_free(out);
        return error_prefix(err, error_memory(err, strlen(path) + 1, "its name"), "%s", path);
    }
    return FSCNN_OK;
}

enum fscnn_status fscnn_model_save(const struct fscnn_model *model, const char *path, struct fscnn_error *err) {
    struct fscnn_output out;
    enum fscnn_status status = fscnn_output_open(path, &out, err);
    if (status != FSCNN_OK) {
        return status;
    }
    plan_write(&model->plan, out.stream);
    return fscnn_output_commit(&out, err);
}

const struct stage *model_output(const struct fscnn_model *model) {
    return &model->plan.stages[model->plan.num_stages - 1];
}

void fscnn_model_get_info(const struct fscnn_model *model, struct fscnn_model_info *out) {
    const struct plan *p = &model->plan;
    const struct stage *output = model_output(model);
    *out = (struct fscnn_model_info){
        .name = p->name,
        .input_name = p->input_name,
        .output_name = p->output_name,
        .channels = p->channels,
        .height = p->height,
        .width = p->width,
        .classes = p->output_is_labels ? 1 : output->c,
        .output_height = output->h,
        .output_width = output->w,
        .output_is_labels = p->output_is_labels != 0,
        .precision = (enum fscnn_precision)p->precision,
        .num_batch_sizes = p->num_batch_sizes,
        .parameters = p->parameters,
        .weight_bytes = p->data_size,
        .activation_bytes = model->layout.arena_bytes,
        .scratch_bytes = model->layout.scratch_bytes,
    };
    for (int i = 0; i < p->num_batch_sizes; i++) {
        out->batch_sizes[i] = p->batch_sizes[i];
    }
    for (int i = 0; i < p->num_stages; i++) {
        out->macs += plan_stage_macs(p, &p->stages[i]);
    }
}

size_t fscnn_model_input_bytes(const struct fscnn_model *model, enum fscnn_input_type type, int count) {
    const struct plan *p = &model->plan;
    size_t elements = (size_t)p->channels * (size_t)p->height * (size_t)p->width * (size_t)count;
    if ((unsigned)type > FSCNN_INPUT_U8) {
        return 0;
    }
    return elements * (type == FSCNN_INPUT_F32 ? sizeof(float) : 1);
}

size_t fscnn_model_output_bytes(const struct fscnn_model *model, enum fscnn_output_type type, int count) {
    const struct stage *output = model_output(model);
    size_t pixels = (size_t)output->h * (size_t)output->w * (size_t)count;
    if ((unsigned)type > FSCNN_OUTPUT_LABELS) {
        return 0;
    }
    if (type == FSCNN_OUTPUT_LABELS) {
        return pixels;
    }
    return pixels * (size_t)output->c * (type == FSCNN_OUTPUT_F16 ? 2 : sizeof(float));
}

static void describe_stage(const struct fscnn_model *model, int index, struct fscnn_log log) {
    const struct stage *s = &model->plan.stages[index];
    const struct stage_layout *l = &model->layout.stages[index];
    char kernel[48] = "", place[64] = "", extra[48] = "";
    if (s->op == STAGE_CONV || s->op == STAGE_DEPTHWISE) {
        snprintf(kernel, sizeof(kernel), " %dx%d%s", s->kh, s->kw, s->stride_h > 1 || s->stride_w > 1 ? " s2" : "");
        if (s->stride_h > 2 || s->stride_w != s->stride_h) {
            snprintf(kernel, sizeof(kernel), " %dx%d s%d,%d", s->kh, s->kw, s->stride_h, s->stride_w);
        }
    }
    if (s->tensor >= 0) {
        snprintf(place, sizeof(place), "tensor %d at %.2f MB", s->tensor,
                 (double)model->layout.tensors[s->tensor] * 1e-6);
    } else if (s->op == STAGE_OUTPUT) {
        snprintf(place, sizeof(place), "the caller");
    } else {
        snprintf(place, sizeof(place), "%d rows, %.0f kB", l->ring_rows,
                 (double)l->ring_rows * (double)l->row_stride * 1e-3);
    }
    const char *act = s->low == 0 && s->high == INFINITY ? " relu" : s->low == 0 && s->high == 6 ? " relu6" : "";
    act = *act || (s->low == -INFINITY && s->high == INFINITY) ? act : " clamp";
    snprintf(extra, sizeof(extra), "%s%s%s", s->addend.kind != SOURCE_NONE ? " +add" : "", act,
             s->softmax ? " softmax" : "");
    log_line(log, "    %-9s%s%s -> [%d, %d, %d], %.1f MMAC, into %s  (%s)", stage_op_name(s->op), kernel, extra, s->h,
             s->w, s->c, (double)plan_stage_macs(&model->plan, s) * 1e-6, place, s->name);
}

void fscnn_model_describe(const struct fscnn_model *model, struct fscnn_log log) {
    struct fscnn_model_info info;
    fscnn_model_get_info(model, &info);
    log_line(log, "model %s: input %s f32 [n, %d, %d, %d], output %s [n, %d, %d, %d]%s", info.name, info.input_name,
             info.channels, info.height, info.width, info.output_name, info.classes, info.output_height,
             info.output_width, info.output_is_labels ? " labels" : "");
    log_line(log, "%.2f M parameters, %.3f GMAC an image; weights %.2f MB, activations %.2f MB, %.2f MB a thread",
             (double)info.parameters * 1e-6, (double)info.macs * 1e-9, (double)info.weight_bytes * 1e-6,
             (double)info.activation_bytes * 1e-6, (double)info.scratch_bytes * 1e-6);
    for (int i = 0; i < model->plan.num_steps; i++) {
        const struct step *step = &model->plan.steps[i];
        char slices[32] = "";
        if (step->slices > 1) {
            snprintf(slices, sizeof(slices), ", in %d slices", step->slices);
        }
        log_line(log, "  step %d%s%s%s", i, slices, step->split_parts == 2 ? ", 16 bits of numbers on AMX" : "",
                 i == 0 || model->layout.steps[i].wait ? "" : ", together with the one before");
        for (int k = step->first_stage; k < step->first_stage + step->num_stages; k++) {
            describe_stage(model, k, log);
        }
    }
}

/* The steps that write and last read a tensor. */
static void find_life(const struct plan *plan, int tensor, int *from, int *to) {
    *from = *to = 0;
    for (int i = 0; i < plan->num_steps; i++) {
        const struct step *step = &plan->steps[i];
        for (int k = step->first_stage; k < step->first_stage + step->num_stages; k++) {
            const struct stage *s = &plan->stages[k];
            bool reads = s->addend.kind == SOURCE_TENSOR && s->addend.index == tensor;
            for (int n = 0; n < s->num_inputs; n++) {
                reads |= s->inputs[n].kind == SOURCE_TENSOR && s->inputs[n].index == tensor;
            }
            *from = s->tensor == tensor ? i : *from;
            *to = reads || s->tensor == tensor ? i : *to;
        }
    }
}

void fscnn_model_describe_memory(const struct fscnn_model *model, struct fscnn_log log) {
    static const char *const types[ELEM_COUNT] = {"f32", "bf16", "u8"};
    const struct plan *plan = &model->plan;
    size_t sum = 0;
    for (int t = 0; t < plan->num_tensors; t++) {
        const struct tensor_desc *d = &plan->tensors[t];
        size_t bytes = (size_t)d->h * (size_t)d->w * (size_t)d->c * elem_size(d->type);
        int from, to;
        find_life(plan, t, &from, &to);
        log_line(log, "tensor %d: [%d, %d, %d] %s, %zu bytes at %zu, steps %d to %d", t, d->h, d->w, d->c,
                 types[d->type], bytes, model->layout.tensors[t], from, to);
        sum += bytes;
    }
    log_line(log, "arena %zu bytes for %d tensors of %zu bytes; row buffers %zu bytes a thread",
             model->layout.arena_bytes, plan->num_tensors, sum, model->layout.scratch_bytes);
}

int fscnn_model_num_steps(const struct fscnn_model *model) { return model->plan.num_steps; }

static uint64_t tensor_bytes(const struct tensor_desc *d) {
    return (uint64_t)d->h * (uint64_t)d->w * (uint64_t)d->c * elem_size(d->type);
}

static uint64_t weight_bytes(const struct plan *plan, const struct stage *s) {
    int type = plan_input_type(plan, s);
    uint64_t channels = plan_blocks(s->c) * PLAN_BLOCK, window = (uint64_t)s->kh * (uint64_t)s->kw;
    if (s->op == STAGE_CONV) {
        return window * (uint64_t)plan_input_channels(plan, s) * channels * elem_size(type);
    }
    if (s->op == STAGE_DEPTHWISE) {
        return window * channels * (type == ELEM_U8 ? 1 : sizeof(float));
    }
    return 0;
}

/* Adds a tensor that the step has not counted yet. */
static uint64_t add_tensor(const struct plan *plan, int index, bool *seen) {
    if (seen[index]) {
        return 0;
    }
    seen[index] = true;
    return tensor_bytes(&plan->tensors[index]);
}

static uint64_t step_bytes(const struct plan *plan, const struct step *step) {
    bool seen[PLAN_MAX_STAGES] = {false};
    uint64_t bytes = 0;
    for (int k = step->first_stage; k < step->first_stage + step->num_stages; k++) {
        const struct stage *s = &plan->stages[k];
        for (int n = 0; n < s->num_inputs; n++) {
            bytes += s->inputs[n].kind == SOURCE_TENSOR ? add_tensor(plan, s->inputs[n].index, seen) : 0;
        }
        bytes += s->addend.kind == SOURCE_TENSOR ? add_tensor(plan, s->addend.index, seen) : 0;
        bytes += s->tensor >= 0 ? add_tensor(plan, s->tensor, seen) : 0;
        bytes += weight_bytes(plan, s);
    }
    return bytes;
}

void fscnn_model_get_step(const struct fscnn_model *model, int step, struct fscnn_step_info *out) {
    const struct plan *plan = &model->plan;
    *out = (struct fscnn_step_info){.name = ""};
    if (step < 0 || step >= plan->num_steps) {
        return;
    }
    const struct step *s = &plan->steps[step];
    uint64_t macs[ELEM_COUNT] = {0};
    for (int k = s->first_stage; k < s->first_stage + s->num_stages; k++) {
        const struct stage *stage = &plan->stages[k];
        out->macs += plan_stage_macs(plan, stage);
        macs[plan_input_type(plan, stage)] += plan_stage_macs(plan, stage);
        out->reads_image |= stage->op == STAGE_LOAD;
        out->writes_result |= stage->op == STAGE_OUTPUT;
    }
    /* enum elem and enum fscnn_precision number the types alike */
    for (int type = 1; type < ELEM_COUNT; type++) {
        out->precision = macs[type] > macs[out->precision] ? (enum fscnn_precision)type : out->precision;
    }
    out->bytes = step_bytes(plan, s);
    out->name = plan->stages[s->first_stage + s->num_stages - 1].name;
    out->waits = step == 0 || model->layout.steps[step].wait;
}
