/* Graph -> plan: which nodes share a step, and the stages they become.
 *
 * A node's rows stay inside a step when one later node alone reads them, in order. They become a whole tensor where
 * several read them, where pooling or enlarging needs them out of order, and at narrow waists: between a projection and
 * the expansion after it a tensor is small, and a longer step would only need more rows at once.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/lower.h"
#include "compile/quantise.h"
#include "passes/passes.h"
#include "plan/layout.h"

enum {
    MAX_STEP_STAGES = 48,
    MAX_STEP_WINDOWS = 6,     /* stages of a step that need rows above and below: threads compute these twice */
    SLICE_BYTES = 384 * 1024, /* of rings: what an expand-depthwise-project step may keep in the caches */
};

static bool fused(const struct node *node) { return node->has_addend || node->has_clamp; }

/* ---- the end of the network ---- */

static void find_output(struct lowering *l) {
    int at = l->graph->output;
    l->resize = -1;
    if (node_at(l, at)->op == OP_ARGMAX) {
        l->argmax = true;
        at = node_at(l, at)->inputs[0];
    }
    if (node_at(l, at)->op == OP_SOFTMAX && l->uses[at] == 1) {
        l->softmax = true;
        at = node_at(l, at)->inputs[0];
    }
    if (node_at(l, at)->op == OP_RESIZE && !fused(node_at(l, at)) && l->uses[at] == 1) {
        l->resize = at;
        at = node_at(l, at)->inputs[0];
    }
    l->base = at;
}

/* ---- which nodes become tensors ---- */

bool lowering_walks(const struct lowering *l, int concat, const struct node *user) {
    return node_at(l, concat)->op == OP_CONCAT && node_is_pointwise(user) && user->inputs[0] == concat &&
           l->uses[concat] == 1 && node_at(l, concat)->num_inputs <= PLAN_MAX_INPUTS;
}

static bool has_window(const struct node *node) {
    return node->op == OP_CONV && (node->attr.conv.kh > 1 || node->attr.conv.stride_h > 1);
}

static bool is_waist(const struct lowering *l, int input, const struct node *user) {
    return node_is_pointwise(user) && l->windows[input] > 0 && user->shape.c >= 2 * node_at(l, input)->shape.c;
}

static bool can_stream(const struct lowering *l, int input, const struct node *user) {
    const struct node *node = node_at(l, input);
    bool resized = user->op == OP_RESIZE && user->inputs[0] == input;
    return l->uses[input] == 1 && node->op != OP_POOL && user->op != OP_POOL && !resized && !is_waist(l, input, user) &&
           l->stages[input] < MAX_STEP_STAGES / 2 && l->windows[input] < MAX_STEP_WINDOWS;
}

static void new_tensor(struct lowering *l, int node) {
    if (l->tensor[node] >= 0) {
        return;
    }
    struct shape s = node_at(l, node)->shape;
    l->tensor[node] = l->plan->num_tensors;
    l->plan->tensors[l->plan->num_tensors++] = (struct tensor_desc){s.h, s.w, s.c, l->rows[node]};
}

/* Decides for one input of `user` and adds up what the user's step holds. */
static void visit_input(struct lowering *l, int user, int input) {
    const struct node *node = node_at(l, user);
    if (node_at(l, input)->op == OP_INPUT && node->op == OP_POOL) {
        new_tensor(l, input);
    }
    if (node_at(l, input)->op == OP_INPUT && l->tensor[input] < 0) {
        l->stages[user] += 2; /* every reader loads the image itself */
        return;
    }
    if (lowering_walks(l, input, node)) {
        const struct node *concat = node_at(l, input);
        for (int k = 0; k < concat->num_inputs; k++) {
            visit_input(l, user, concat->inputs[k]);
        }
        return;
    }
    if (l->tensor[input] < 0 && !can_stream(l, input, node)) {
        new_tensor(l, input);
    }
    if (l->tensor[input] >= 0) {
        l->stages[user] += 2; /* itself and perhaps a padded copy */
        l->level[user] = l->level[user] > l->level[input] + 1 ? l->level[user] : l->level[input] + 1;
    } else {
        l->stages[user] += l->stages[input];
        l->windows[user] += l->windows[input];
        l->level[user] = l->level[user] > l->level[input] ? l->level[user] : l->level[input];
    }
}

static void choose_tensors(struct lowering *l) {
    for (int i = 0; i < l->count; i++) {
        int index = l->order[i];
        const struct node *node = node_at(l, index);
        l->stages[index] = 1;
        l->windows[index] = has_window(node);
        if (node->op == OP_CONCAT && l->uses[index] == 1) {
            bool walked = false;
            for (int k = i + 1; k < l->count; k++) {
                walked |= lowering_walks(l, index, node_at(l, l->order[k]));
            }
            if (walked) {
                continue; /* its parts are visited from its reader */
            }
        }
        for (int k = 0; k < node->num_inputs; k++) {
            visit_input(l, index, node->inputs[k]);
        }
        if (node->op == OP_POOL || l->stages[index] > MAX_STEP_STAGES) {
            new_tensor(l, index);
        }
    }
    if (l->uses[l->base] > 1 && node_at(l, l->base)->op != OP_INPUT) {
        new_tensor(l, l->base);
    }
}

/* ---- stages ---- */

static enum fscnn_status emit(struct lowering *l, int index, struct source *out);

/* `node` is what the stage computes, -1 for none. */
static enum fscnn_status add_stage(struct lowering *l, const struct stage *stage, int node, struct source *out) {
    struct plan *plan = l->plan;
    if (plan->num_stages >= PLAN_MAX_STAGES) {
        return error_set(l->err, FSCNN_ERROR_UNSUPPORTED, "the network needs more than %d stages", PLAN_MAX_STAGES);
    }
    *out = (struct source){SOURCE_STAGE, plan->num_stages};
    plan->stages[plan->num_stages] = *stage;
    if (l->options->stage_nodes) {
        l->options->stage_nodes[plan->num_stages] = node;
    }
    plan->stages[plan->num_stages].name = arena_strdup(&plan->arena, stage->name);
    plan->num_stages++;
    return FSCNN_OK;
}

static struct stage new_stage(int op, const char *name, struct shape shape) {
    return (struct stage){.op = op,
                          .name = name,
                          .tensor = -1,
                          .h = shape.h,
                          .w = shape.w,
                          .c = shape.c,
                          .kh = 1,
                          .kw = 1,
                          .stride_h = 1,
                          .stride_w = 1,
                          .low = -INFINITY,
                          .high = INFINITY};
}

/* The same rows in another type of element. */
static enum fscnn_status convert(struct lowering *l, int node, int type, struct source *source) {
    struct tensor_desc from = plan_source_shape(l->plan, *source);
    if (from.type == type) {
        return FSCNN_OK;
    }
    struct stage copy = new_stage(STAGE_COPY, "conversion", (struct shape){from.h, from.w, from.c});
    copy.type = type;
    copy.num_inputs = 1;
    copy.inputs[0] = *source;
    if (from.type == ELEM_U8) {
        const struct node_quant *q = &l->quants[node];
        copy.in_scale = q->scale;
        copy.in_offset = -q->scale * (float)q->zero;
    } else if (type == ELEM_U8) {
        const struct node_quant *q = &l->quants[node];
        copy.in_scale = 1.0F / q->scale;
        copy.in_offset = (float)q->zero;
    }
    return add_stage(l, &copy, -1, source);
}

/* The rows of a node, for a reader in the current step. */
static enum fscnn_status read_node(struct lowering *l, int index, int type, struct source *out) {
    if (l->tensor[index] >= 0) {
        *out = (struct source){SOURCE_TENSOR, l->tensor[index]};
    } else {
        enum fscnn_status status = emit(l, index, out);
        if (status != FSCNN_OK) {
            return status;
        }
    }
    return convert(l, index, type, out);
}

/* A convolution's input: padded columns come from a ring, so a tensor that needs them is copied row by row. */
static enum fscnn_status read_padded(struct lowering *l, const struct node *conv, int type, struct source *out) {
    const struct conv_attr *a = &conv->attr.conv;
    const struct node *input = node_at(l, conv->inputs[0]);
    enum fscnn_status status = read_node(l, conv->inputs[0], type, out);
    int right = (conv->shape.w - 1) * a->stride_w + a->kw - a->pad_left - input->shape.w;
    if (status == FSCNN_OK && out->kind == SOURCE_TENSOR && (a->pad_left > 0 || right > 0)) {
        struct stage copy = new_stage(STAGE_COPY, "padded rows", input->shape);
        copy.type = type;
        copy.num_inputs = 1;
        copy.inputs[0] = *out;
        status = add_stage(l, &copy, -1, out);
    }
    return status;
}

/* weights [n, in] with zeros for channels in..padded of every tap. */
static const float *widen_weights(struct lowering *l, const float *weights, size_t rows, int in, int padded) {
    float *wide = arena_alloc(&l->plan->arena, rows * (size_t)padded, sizeof(float));
    for (size_t i = 0; wide && i < rows; i++) {
        memcpy(wide + i * (size_t)padded, weights + i * (size_t)in, (size_t)in * sizeof(float));
    }
    l->pack->failed |= !wide;
    return wide;
}

static void conv_weights(struct lowering *l, const struct node *node, int type, struct stage *stage) {
    const struct conv_attr *a = &node->attr.conv;
    size_t taps = (size_t)a->kh * (size_t)a->kw;
    int in = node_at(l, node->inputs[0])->shape.c, padded = plan_input_channels(l->plan, stage);
    const float *weights = a->weights;
    if (a->groups == 1 && padded != in) {
        weights = widen_weights(l, weights, (size_t)a->out_channels * taps, in, padded);
    }
    if (type == ELEM_U8 && weights) {
        lowering_quantise_weights(l, node, weights, stage);
    } else if (a->groups > 1) {
        stage->weights = pack_depthwise(l->pack, weights, a->out_channels, taps);
    } else if (weights) {
        stage->weights = pack_conv(l->pack, type, weights, a->out_channels, taps * (size_t)padded);
    }
    if (type != ELEM_U8) {
        stage->bias = pack_bias(l->pack, a->bias, a->out_channels);
    }
    stage->kh = a->kh;
    stage->kw = a->kw;
    stage->stride_h = a->stride_h;
    stage->stride_w = a->stride_w;
    stage->pad_top = a->pad_top;
    stage->pad_left = a->pad_left;
}

static enum fscnn_status fill_conv(struct lowering *l, const struct node *node, struct stage *stage) {
    enum fscnn_status status = FSCNN_OK;
    int type = l->types[node - l->graph->nodes];
    stage->op = node->attr.conv.groups == 1 ? STAGE_CONV : STAGE_DEPTHWISE;
    stage->num_inputs = 1;
    if (lowering_walks(l, node->inputs[0], node)) {
        const struct node *concat = node_at(l, node->inputs[0]);
        stage->num_inputs = concat->num_inputs;
        for (int k = 0; k < concat->num_inputs && status == FSCNN_OK; k++) {
            status = read_node(l, concat->inputs[k], type, &stage->inputs[k]);
        }
    } else {
        status = read_padded(l, node, type, &stage->inputs[0]);
    }
    if (status == FSCNN_OK) {
        conv_weights(l, node, type, stage);
    }
    return status;
}

/* y = x * scale + shift as a depthwise 1x1. */
static enum fscnn_status fill_affine(struct lowering *l, const struct node *node, struct stage *stage) {
    int c = node->shape.c;
    float *values = arena_alloc(&l->plan->arena, (size_t)c, 2 * sizeof(float));
    if (!values) {
        return error_memory(l->err, (size_t)c * 8, "constants");
    }
    for (int i = 0; i < c; i++) {
        values[i] = (float)node->attr.affine.scale[i];
        values[c + i] = (float)node->attr.affine.shift[i];
    }
    stage->op = STAGE_DEPTHWISE;
    if (stage->type == ELEM_U8) {
        l->pack->failed |= !quantise_depthwise(l->pack, values, values + c, c, 1, 1, &l->quants[node->inputs[0]],
                                               &l->quants[node - l->graph->nodes], stage);
        return FSCNN_OK;
    }
    stage->weights = pack_depthwise(l->pack, values, c, 1);
    stage->bias = pack_bias(l->pack, values + c, c);
    return FSCNN_OK;
}

static void fill_resize(const struct node *node, struct stage *stage) {
    const struct resize_attr *a = &node->attr.resize;
    stage->resize = (struct resize_params){1, (int32_t)a->mode, a->scale_h, a->offset_h, a->scale_w, a->offset_w};
}

static enum fscnn_status fill_op(struct lowering *l, const struct node *node, struct stage *stage) {
    enum fscnn_status status = FSCNN_OK;
    int last = node->num_inputs - (node->has_addend || node->op == OP_ADD ? 1 : 0);
    if (node->op == OP_CONV) {
        status = fill_conv(l, node, stage);
    } else {
        for (int k = 0; k < last && status == FSCNN_OK; k++) {
            status = read_node(l, node->inputs[k], stage->type, &stage->inputs[stage->num_inputs++]);
        }
    }
    if (status == FSCNN_OK && last < node->num_inputs) {
        status = read_node(l, node->inputs[last], stage->type, &stage->addend);
    }
    if (node->has_clamp) {
        stage->low = node->low;
        stage->high = node->high;
    }
    if (status != FSCNN_OK) {
        return status;
    }
    switch (node->op) {
    case OP_CONV: return FSCNN_OK;
    case OP_INPUT: stage->op = STAGE_LOAD; return FSCNN_OK;
    case OP_AFFINE: return fill_affine(l, node, stage);
    case OP_ADD: stage->op = STAGE_COPY; return FSCNN_OK;
    case OP_CLAMP:
        stage->op = STAGE_COPY;
        stage->low = node->attr.clamp.low;
        stage->high = node->attr.clamp.high;
        return FSCNN_OK;
    case OP_PAD:
        stage->op = STAGE_COPY;
        stage->pad_top = node->attr.pad.top;
        stage->pad_left = node->attr.pad.left;
        return FSCNN_OK;
    case OP_CONCAT: stage->op = STAGE_CONCAT; return FSCNN_OK;
    case OP_SOFTMAX: stage->op = STAGE_SOFTMAX; return FSCNN_OK;
    case OP_RESIZE:
        stage->op = STAGE_RESIZE;
        fill_resize(node, stage);
        return FSCNN_OK;
    case OP_POOL:
        stage->op = STAGE_POOL;
        stage->weights = pack_pool(l->pack, &node->attr.pool);
        return FSCNN_OK;
    default:
        return error_set(l->err, FSCNN_ERROR_UNSUPPORTED, "node %s: %s in the middle of a network", node->name,
                         op_name(node->op));
    }
}

static enum fscnn_status emit(struct lowering *l, int index, struct source *out) {
    const struct node *node = node_at(l, index);
    struct stage stage = new_stage(STAGE_COPY, node->name, node->shape);
    stage.type = l->rows[index];
    stage.tensor = l->tensor[index];
    if (node->op == OP_INPUT && stage.type != ELEM_F32) {
        stage.c = (stage.c + 3) / 4 * 4;
    }
    enum fscnn_status status = fill_op(l, node, &stage);
    if (stage.type == ELEM_U8) {
        lowering_quantise_edges(l, node, &stage);
    }
    return status == FSCNN_OK ? add_stage(l, &stage, index, out) : status;
}

/* ---- steps ---- */

static bool is_inverted_residual(const struct plan *plan, const struct step *step) {
    const struct stage *s = &plan->stages[step->first_stage];
    return step->num_stages == 3 && plan_input_type(plan, s) == ELEM_F32 && s[2].type == ELEM_F32 &&
           s[0].op == STAGE_CONV && s[0].kh == 1 && s[0].kw == 1 && s[0].stride_h == 1 && s[0].stride_w == 1 &&
           s[0].addend.kind == SOURCE_NONE && s[1].op == STAGE_DEPTHWISE && s[2].op == STAGE_CONV &&
           s[2].num_inputs == 1 && s[2].inputs[0].kind == SOURCE_STAGE && s[2].kh == 1 && s[2].kw == 1 &&
           s[2].stride_h == 1 && s[2].stride_w == 1 && s[2].pad_top == 0 && s[2].pad_left == 0 &&
           s[2].low == -INFINITY && s[2].high == INFINITY && s[2].tensor >= 0 && s[1].inputs[0].kind == SOURCE_STAGE;
}

/* The fewest parts whose rings fit, of whole pairs of blocks where that divides. */
static int choose_slices(const struct lowering *l, const struct step *step) {
    const struct plan *plan = l->plan;
    if (l->options->whole || !is_inverted_residual(plan, step)) {
        return 1;
    }
    const struct stage *s = &plan->stages[step->first_stage];
    int chunk = layout_chunk(&s[1]);
    int rows = layout_ring_rows((chunk - 1) * s[1].stride_h + s[1].kh, layout_chunk(&s[0]));
    int projected = layout_ring_rows(layout_chunk(&s[2]), chunk);
    size_t bytes = ((size_t)s[0].w + (size_t)s[1].kw - 1) * (size_t)s[0].c * sizeof(float) * (size_t)rows +
                   (size_t)s[1].w * (size_t)s[1].c * sizeof(float) * (size_t)projected;
    int best = 1;
    for (int n = 1; n <= PLAN_MAX_SLICES && n * PLAN_BLOCK <= s[0].c; n++) {
        if (s[0].c % (n * PLAN_BLOCK) == 0) {
            best = n;
            if (bytes / (size_t)n <= SLICE_BYTES) {
                break;
            }
        }
    }
    return best;
}

static enum fscnn_status emit_step(struct lowering *l, int first_stage) {
    struct plan *plan = l->plan;
    struct step *step = &plan->steps[plan->num_steps++];
    *step = (struct step){first_stage, plan->num_stages - first_stage, 1, 3};
    step->slices = choose_slices(l, step);
    return FSCNN_OK;
}

static enum fscnn_status emit_output(struct lowering *l) {
    int first = l->plan->num_stages;
    struct shape shape = node_at(l, l->resize >= 0 ? l->resize : l->base)->shape;
    struct stage stage = new_stage(STAGE_OUTPUT, l->argmax ? "labels" : "logits", shape);
    stage.num_inputs = 1;
    stage.softmax = l->softmax;
    if (l->resize >= 0) {
        fill_resize(node_at(l, l->resize), &stage);
    }
    struct source ignored;
    enum fscnn_status status = read_node(l, l->base, ELEM_F32, &stage.inputs[0]);
    if (status == FSCNN_OK && l->options->whole && stage.inputs[0].kind == SOURCE_STAGE) {
        struct tensor_desc logits = plan_source_shape(l->plan, stage.inputs[0]);
        l->plan->stages[stage.inputs[0].index].tensor = l->plan->num_tensors;
        stage.inputs[0] = (struct source){SOURCE_TENSOR, l->plan->num_tensors};
        l->plan->tensors[l->plan->num_tensors++] = logits;
        status = emit_step(l, first);
        first = l->plan->num_stages;
    }
    if (status == FSCNN_OK) {
        status = add_stage(l, &stage, -1, &ignored);
    }
    return status == FSCNN_OK ? emit_step(l, first) : status;
}

/* Steps by level, so that those which need no waiting for each other stand together. */
static enum fscnn_status emit_all(struct lowering *l) {
    int highest = 0;
    for (int i = 0; i < l->count; i++) {
        highest = l->level[l->order[i]] > highest ? l->level[l->order[i]] : highest;
    }
    for (int level = 0; level <= highest; level++) {
        for (int i = 0; i < l->count; i++) {
            int index = l->order[i], first = l->plan->num_stages;
            struct source ignored;
            if (l->tensor[index] < 0 || l->level[index] != level) {
                continue;
            }
            enum fscnn_status status = emit(l, index, &ignored);
            if (status == FSCNN_OK) {
                status = emit_step(l, first);
            }
            if (status != FSCNN_OK) {
                return status;
            }
        }
    }
    return emit_output(l);
}

static enum fscnn_status check_limits(const struct lowering *l) {
    for (int i = 0; i < l->count; i++) {
        const struct node *node = node_at(l, l->order[i]);
        if (node->op == OP_RESIZE && (node->attr.resize.scale_h < 0 || node->attr.resize.scale_w < 0)) {
            return error_set(l->err, FSCNN_ERROR_UNSUPPORTED, "node %s: a resize that mirrors", node->name);
        }
    }
    if (l->argmax && node_at(l, l->base)->shape.c > 256) {
        return error_set(l->err, FSCNN_ERROR_UNSUPPORTED, "arg max over %d classes: labels have 8 bits",
                         node_at(l, l->base)->shape.c);
    }
    return FSCNN_OK;
}

enum fscnn_status lower(const struct graph *graph, const struct lower_options *options, struct plan *plan,
                        struct pack *pack, struct fscnn_error *err) {
    struct lowering *l = calloc(1, sizeof(*l));
    plan->stages = arena_alloc(&plan->arena, PLAN_MAX_STAGES, sizeof(*plan->stages));
    plan->steps = arena_alloc(&plan->arena, GRAPH_MAX_NODES + 2, sizeof(*plan->steps));
    plan->tensors = arena_alloc(&plan->arena, GRAPH_MAX_NODES + 1, sizeof(*plan->tensors));
    if (!l || !plan->stages || !plan->steps || !plan->tensors) {
        free(l);
        return error_memory(err, sizeof(*l), "lowering");
    }
    *l = (struct lowering){.graph = graph, .plan = plan, .pack = pack, .err = err, .options = options};
    enum fscnn_status status = graph_order(graph, l->order, &l->count, err);
    if (status == FSCNN_OK) {
        graph_count_uses(graph, l->order, l->count, l->uses);
    }
    for (int i = 0; status == FSCNN_OK && i < l->count; i++) {
        l->tensor[l->order[i]] = -1;
    }
    for (int i = 0; status == FSCNN_OK && i < l->count; i++) {
        const struct node *node = node_at(l, l->order[i]);
        l->image_is_padded |= node->op == OP_CONV && node->attr.conv.groups == 1 && node->inputs[0] == graph->input &&
                              l->uses[graph->input] == 1;
    }
    if (status == FSCNN_OK) {
        find_output(l);
        lowering_choose_types(l);
        choose_tensors(l);
        status = check_limits(l);
    }
    if (status == FSCNN_OK) {
        status = emit_all(l);
    }
    const struct shape *image = &graph->nodes[graph->input].shape;
    plan->height = image->h;
    plan->width = image->w;
    plan->channels = image->c;
    plan->output_is_labels = l->argmax;
    plan->data = pack->bytes;
    plan->data_size = pack->size;
    plan->parameters = pack->parameters;
    plan->input_name = arena_strdup(&plan->arena, graph->input_name ? graph->input_name : "image");
    plan->output_name = arena_strdup(&plan->arena, graph->output_name ? graph->output_name : "output1");
    if (status == FSCNN_OK && pack->failed) {
        status = error_memory(err, pack->size, "packed weights");
    }
    free(l);
    return status;
}
