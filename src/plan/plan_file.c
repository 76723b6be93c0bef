/* The offline model file (.fscnn), byte by byte. Everything is little-endian; i32 and f32 are four bytes, u64 eight.
 *
 *   0   "FASTSCNN"                          magic
 *   8   i32 version (3)
 *  12   i32 num_stages, num_steps, num_tensors
 *  24   u64 text_size, data_size
 *  40   i32 channels, height, width, output_is_labels, precision, num_batch_sizes, batch_sizes[16]
 *       u64 parameters
 *       tensors    num_tensors x { i32 h, w, c, type }
 *       steps      num_steps   x { i32 first_stage, num_stages, slices, split_parts }
 *       stages     num_stages  x { i32 op, num_inputs, {kind, index} inputs[8], {kind, index} addend;
 *                                  i32 type, tensor, h, w, c, kh, kw, stride_h, stride_w, pad_top, pad_left;
 *                                  f32 low, high, in_scale, in_offset, addend_scale, addend_offset;
 *                                  i32 resize.enabled, resize.mode; f32 scale_h, offset_h, scale_w, offset_w;
 *                                  i32 softmax; u64 weights, bias, multiplier }
 *       text       zero-terminated: name, input name, output name, then the name of each stage
 *       zeros up to a multiple of 64
 *       data       data_size bytes: packed weights (plan.h), used where they lie in the mapped file
 *
 * One function describes a record for writing and for reading alike.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "plan/plan.h"

enum { VERSION = PLAN_VERSION, MAX_TEXT = 1 << 20 };
static const char magic[8] = {'F', 'A', 'S', 'T', 'S', 'C', 'N', 'N'};

struct coder {
    FILE *out;       /* writing */
    struct bytes in; /* reading, when out is NULL */
    uint64_t at;     /* bytes written */
};

static void put(struct coder *c, uint64_t value, int count) {
    uint8_t bytes[8];
    for (int i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    fwrite(bytes, 1, (size_t)count, c->out);
    c->at += (uint64_t)count;
}

static void code_i32(struct coder *c, int32_t *value) {
    if (c->out) {
        put(c, (uint32_t)*value, 4);
    } else {
        *value = (int32_t)bytes_u32(&c->in);
    }
}

static void code_u64(struct coder *c, uint64_t *value) {
    if (c->out) {
        put(c, *value, 8);
    } else {
        *value = bytes_u64(&c->in);
    }
}

static void code_f32(struct coder *c, float *value) {
    int32_t bits;
    memcpy(&bits, value, sizeof(bits));
    code_i32(c, &bits);
    memcpy(value, &bits, sizeof(bits));
}

static void code_header(struct coder *c, struct plan *plan) {
    code_i32(c, &plan->channels);
    code_i32(c, &plan->height);
    code_i32(c, &plan->width);
    code_i32(c, &plan->output_is_labels);
    code_i32(c, &plan->precision);
    code_i32(c, &plan->num_batch_sizes);
    for (int i = 0; i < FSCNN_MAX_BATCH_SIZES; i++) {
        code_i32(c, &plan->batch_sizes[i]);
    }
    code_u64(c, &plan->parameters);
}

static void code_tensor(struct coder *c, struct tensor_desc *t) {
    code_i32(c, &t->h);
    code_i32(c, &t->w);
    code_i32(c, &t->c);
    code_i32(c, &t->type);
}

static void code_step(struct coder *c, struct step *s) {
    code_i32(c, &s->first_stage);
    code_i32(c, &s->num_stages);
    code_i32(c, &s->slices);
    code_i32(c, &s->split_parts);
}

static void code_source(struct coder *c, struct source *s) {
    code_i32(c, &s->kind);
    code_i32(c, &s->index);
}

static void code_stage(struct coder *c, struct stage *s) {
    code_i32(c, &s->op);
    code_i32(c, &s->num_inputs);
    for (int i = 0; i < PLAN_MAX_INPUTS; i++) {
        code_source(c, &s->inputs[i]);
    }
    code_source(c, &s->addend);
    int32_t *const words[] = {&s->type, &s->tensor,   &s->h,        &s->w,       &s->c,       &s->kh,
                              &s->kw,   &s->stride_h, &s->stride_w, &s->pad_top, &s->pad_left};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        code_i32(c, words[i]);
    }
    code_f32(c, &s->low);
    code_f32(c, &s->high);
    code_f32(c, &s->in_scale);
    code_f32(c, &s->in_offset);
    code_f32(c, &s->addend_scale);
    code_f32(c, &s->addend_offset);
    code_i32(c, &s->resize.enabled);
    code_i32(c, &s->resize.mode);
    code_f32(c, &s->resize.scale_h);
    code_f32(c, &s->resize.offset_h);
    code_f32(c, &s->resize.scale_w);
    code_f32(c, &s->resize.offset_w);
    code_i32(c, &s->softmax);
    code_u64(c, &s->weights);
    code_u64(c, &s->bias);
    code_u64(c, &s->multiplier);
}

static void code_body(struct coder *c, struct plan *plan) {
    code_header(c, plan);
    for (int i = 0; i < plan->num_tensors; i++) {
        code_tensor(c, &plan->tensors[i]);
    }
    for (int i = 0; i < plan->num_steps; i++) {
        code_step(c, &plan->steps[i]);
    }
    for (int i = 0; i < plan->num_stages; i++) {
        code_stage(c, &plan->stages[i]);
    }
}

/* The text section's strings, in order. */
static const char **text_at(struct plan *plan, int i) {
    const char **first[] = {&plan->name, &plan->input_name, &plan->output_name};
    return i < 3 ? first[i] : &plan->stages[i - 3].name;
}

static const char *text_or_empty(const char *text) { return text ? text : ""; }

void plan_write(const struct plan *plan, FILE *out) {
    struct plan copy = *plan; /* the coder takes pointers to change; it changes nothing when it writes */
    struct coder c = {.out = out};
    int32_t version = VERSION;
    uint64_t text_size = 0, data_size = plan->data_size;
    for (int i = 0; i < plan->num_stages + 3; i++) {
        text_size += strlen(text_or_empty(*text_at(&copy, i))) + 1;
    }
    fwrite(magic, 1, sizeof(magic), out);
    c.at = sizeof(magic);
    code_i32(&c, &version);
    code_i32(&c, &copy.num_stages);
    code_i32(&c, &copy.num_steps);
    code_i32(&c, &copy.num_tensors);
    code_u64(&c, &text_size);
    code_u64(&c, &data_size);
    code_body(&c, &copy);
    for (int i = 0; i < plan->num_stages + 3; i++) {
        const char *text = text_or_empty(*text_at(&copy, i));
        fwrite(text, 1, strlen(text) + 1, out);
        c.at += strlen(text) + 1;
    }
    while (c.at % PLAN_ALIGN != 0) {
        put(&c, 0, 1);
    }
    fwrite(plan->data, 1, plan->data_size, out);
}

static enum fscnn_status read_text(struct coder *c, struct plan *plan, uint64_t size, struct fscnn_error *err) {
    const char *text = size <= MAX_TEXT ? (const char *)bytes_take(&c->in, size) : NULL;
    const char *end = text ? text + size : NULL;
    for (int i = 0; text && i < plan->num_stages + 3; i++) {
        const char *stop = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
        if (!stop) {
            text = NULL;
            break;
        }
        *text_at(plan, i) = text_make_printable(arena_strndup(&plan->arena, text, (size_t)(stop - text)));
        if (!*text_at(plan, i)) {
            return error_memory(err, (size_t)(stop - text), "names");
        }
        text = stop + 1;
    }
    return text ? FSCNN_OK : error_set(err, FSCNN_ERROR_FORMAT, "the names are cut off");
}

static enum fscnn_status read_body(struct coder *c, struct plan *plan, uint64_t text_size, struct fscnn_error *err) {
    plan->stages = arena_alloc(&plan->arena, (size_t)plan->num_stages, sizeof(*plan->stages));
    plan->steps = arena_alloc(&plan->arena, (size_t)plan->num_steps, sizeof(*plan->steps));
    plan->tensors = arena_alloc(&plan->arena, (size_t)plan->num_tensors, sizeof(*plan->tensors));
    if (!plan->stages || !plan->steps || !plan->tensors) {
        return error_memory(err, (size_t)plan->num_stages * sizeof(*plan->stages), "a plan");
    }
    code_body(c, plan);
    enum fscnn_status status = read_text(c, plan, text_size, err);
    if (status != FSCNN_OK) {
        return status;
    }
    size_t pad = (PLAN_ALIGN - c->in.pos % PLAN_ALIGN) % PLAN_ALIGN;
    bytes_take(&c->in, pad);
    plan->data = plan->data_size <= bytes_left(&c->in) ? bytes_take(&c->in, plan->data_size) : NULL;
    if (c->in.failed || !plan->data) {
        return error_set(err, FSCNN_ERROR_FORMAT, "the file is cut off at %zu bytes", c->in.size);
    }
    if (bytes_left(&c->in) > 0) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%zu bytes too many at the end", bytes_left(&c->in));
    }
    return FSCNN_OK;
}

enum fscnn_status plan_parse(const void *bytes, size_t size, struct plan *out, struct fscnn_error *err) {
    *out = (struct plan){0};
    struct coder c = {.in = bytes_over(bytes, size)};
    int32_t version = 0;
    uint64_t text_size = 0;
    const uint8_t *start = bytes_take(&c.in, sizeof(magic));
    if (!start || memcmp(start, magic, sizeof(magic)) != 0) {
        return error_set(err, FSCNN_ERROR_FORMAT, "not an offline model (.fscnn)");
    }
    code_i32(&c, &version);
    code_i32(&c, &out->num_stages);
    code_i32(&c, &out->num_steps);
    code_i32(&c, &out->num_tensors);
    code_u64(&c, &text_size);
    code_u64(&c, &out->data_size);
    if (version != VERSION) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "format version %d, this program reads %d: compile it again",
                         version, VERSION);
    }
    if (out->num_stages < 1 || out->num_stages > PLAN_MAX_STAGES || out->num_steps < 1 ||
        out->num_steps > out->num_stages || out->num_tensors < 0 || out->num_tensors > out->num_steps) {
        return error_set(err, FSCNN_ERROR_FORMAT, "a count is out of range");
    }
    enum fscnn_status status = read_body(&c, out, text_size, err);
    if (status != FSCNN_OK) {
        arena_free(&out->arena);
    }
    return status;
}
