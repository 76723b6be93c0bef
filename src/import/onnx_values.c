/* Values, attributes and error texts of the ONNX importer. */
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#include "import/onnx_import.h"

enum { MAX_VALUES = 1 << 18 };

const char *onnx_node_name(const Onnx__NodeProto *node) {
    if (node->name && *node->name) {
        return node->name;
    }
    return node->n_output > 0 && *node->output[0] ? node->output[0] : "(unnamed)";
}

static const char *op_type(const Onnx__NodeProto *node) { return node->op_type ? node->op_type : "?"; }

void onnx_prefix_refusal(struct onnx_import *in, enum fscnn_status status) {
    error_prefix(in->err, status, "%.120s: node %.120s (%.40s, opset %lld)", in->file, onnx_node_name(in->node),
                 op_type(in->node), (long long)in->opset);
}

static void set_text(struct onnx_import *in, enum fscnn_status status, const char *format, va_list args) {
    char text[256];
    vsnprintf(text, sizeof(text), format, args);
    error_set(in->err, status, "%s", text);
}

void onnx_set_refusal(struct onnx_import *in, enum fscnn_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set_text(in, status, format, args);
    va_end(args);
    onnx_prefix_refusal(in, status);
}

void onnx_set_model_refusal(struct onnx_import *in, enum fscnn_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set_text(in, status, format, args);
    va_end(args);
    error_prefix(in->err, status, "%.120s", in->file);
}

/* ---- the table of values ---- */

/* Keys that whoever wrote the file cannot know, or names could be chosen that all want the same slot, and each search
 * would pass by hundreds of thousands of them. Results do not depend on the keys. */
static struct onnx_hash_keys draw_keys(void) {
    static const struct onnx_hash_keys some = {123456789, 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};
    struct onnx_hash_keys keys;
    /* Early at boot there is no randomness, nor are there strangers. */
    return getrandom(&keys, sizeof(keys), GRND_NONBLOCK) == (ssize_t)sizeof(keys) ? keys : some;
}

/* The name as a polynomial, modulo a prime, at a secret place, where names of n bytes in sum agree with a given one by
 * chance n / 2^31 times at most; then multiply-add-shift, which spreads these over the table. */
static size_t hash_text(const struct onnx_hash_keys *keys, const char *text) {
    const uint64_t prime = ((uint64_t)1 << 31) - 1, place = keys->place % (prime - 1) + 1;
    uint64_t hash = 0;
    for (; *text; text++) {
        hash = (hash * place + (unsigned char)*text) % prime;
    }
    return (size_t)((hash * keys->factor + keys->addend) >> 32);
}

/* The slot that holds `name`, or the free one where it belongs. */
static uint32_t *find_slot(const struct onnx_import *in, const char *name) {
    size_t at = hash_text(&in->keys, name) & (in->num_slots - 1);
    while (in->slots[at] && strcmp(in->values[in->slots[at] - 1].name, name) != 0) {
        at = (at + 1) & (in->num_slots - 1);
    }
    return &in->slots[at];
}

struct onnx_value *onnx_value_find(const struct onnx_import *in, const char *name) {
    uint32_t number = *find_slot(in, name);
    return number ? &in->values[number - 1] : NULL;
}

static struct onnx_value *value_get(struct onnx_import *in, const char *name) {
    uint32_t *slot = find_slot(in, name);
    if (!*slot) {
        in->values[in->num_values] = (struct onnx_value){.name = name, .producer = -1};
        *slot = (uint32_t)++in->num_values;
    }
    return &in->values[*slot - 1];
}

static enum fscnn_status twice(struct onnx_import *in, const char *name) {
    return onnx_refuse_model(in, FSCNN_ERROR_FORMAT, "the value %.80s is made twice", name);
}

static enum fscnn_status register_values(struct onnx_import *in) {
    const Onnx__GraphProto *graph = in->model->graph;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const char *name = graph->initializer[i]->name;
        struct onnx_value *value = value_get(in, name ? name : "");
        if (value->initializer) {
            return twice(in, value->name);
        }
        value->initializer = graph->initializer[i];
    }
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = graph->input[i]->name;
        value_get(in, name ? name : "")->input = true;
    }
    for (size_t i = 0; i < graph->n_node; i++) {
        for (size_t k = 0; k < graph->node[i]->n_output; k++) {
            const char *name = graph->node[i]->output[k];
            struct onnx_value *value = *name ? value_get(in, name) : NULL; /* "": not wanted */
            if (value && (value->initializer || value->input || value->producer >= 0)) {
                return twice(in, value->name);
            }
            if (value) {
                value->producer = (int)i;
            }
        }
    }
    return FSCNN_OK;
}

enum fscnn_status onnx_values_create(struct onnx_import *in) {
    const Onnx__GraphProto *graph = in->model->graph;
    size_t count = graph->n_initializer + graph->n_input;
    for (size_t i = 0; i < graph->n_node; i++) {
        count += graph->node[i]->n_output;
    }
    if (count > MAX_VALUES || graph->n_node > MAX_VALUES) {
        return onnx_refuse_model(in, FSCNN_ERROR_UNSUPPORTED, "more than %d values or nodes", MAX_VALUES);
    }
    for (in->num_slots = 16; in->num_slots < 2 * count;) {
        in->num_slots *= 2;
    }
    in->values = arena_alloc(&in->arena, count, sizeof(*in->values));
    in->slots = arena_alloc(&in->arena, in->num_slots, sizeof(*in->slots));
    if (!in->values || !in->slots) {
        return onnx_refuse_model(in, FSCNN_ERROR_MEMORY, "no memory for %zu values", count);
    }
    in->keys = draw_keys();
    return register_values(in);
}

/* ---- attributes ---- */

const Onnx__AttributeProto *onnx_find_attribute(struct onnx_import *in, const char *name) {
    for (size_t i = 0; i < in->node->n_attribute && i < ONNX_MAX_ATTRIBUTES; i++) {
        const char *other = in->node->attribute[i]->name;
        if (other && strcmp(other, name) == 0) {
            in->attributes_read |= (uint32_t)1 << i;
            return in->node->attribute[i];
        }
    }
    return NULL;
}

static enum fscnn_status find_typed(struct onnx_import *in, const char *name, Onnx__AttributeProto__AttributeType type,
                                    const Onnx__AttributeProto **out) {
    *out = onnx_find_attribute(in, name);
    if (*out && (*out)->has_type && (*out)->type != type) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "attribute %s is of another type than it should be", name);
    }
    return FSCNN_OK;
}

enum fscnn_status onnx_get_int(struct onnx_import *in, const char *name, int64_t preset, int64_t *out) {
    const Onnx__AttributeProto *attribute;
    enum fscnn_status status = find_typed(in, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, &attribute);
    *out = attribute ? attribute->i : preset;
    return status;
}

enum fscnn_status onnx_get_float(struct onnx_import *in, const char *name, float preset, float *out) {
    const Onnx__AttributeProto *attribute;
    enum fscnn_status status = find_typed(in, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, &attribute);
    *out = attribute ? attribute->f : preset;
    return status;
}

enum fscnn_status onnx_get_text(struct onnx_import *in, const char *name, const char *preset, char *text, size_t size) {
    const Onnx__AttributeProto *attribute;
    enum fscnn_status status = find_typed(in, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, &attribute);
    if (attribute) {
        snprintf(text, size, "%.*s", (int)(attribute->s.len < size ? attribute->s.len : size - 1),
                 attribute->s.data ? (const char *)attribute->s.data : "");
    } else {
        snprintf(text, size, "%s", preset);
    }
    return status;
}

enum fscnn_status onnx_get_ints(struct onnx_import *in, const char *name, int max, int64_t *out, int *count) {
    const Onnx__AttributeProto *attribute;
    enum fscnn_status status = find_typed(in, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, &attribute);
    *count = 0;
    if (status == FSCNN_OK && attribute && attribute->n_ints > (size_t)max) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "attribute %s has more than %d values", name, max);
    }
    if (status == FSCNN_OK && attribute && attribute->n_ints > 0) {
        *count = (int)attribute->n_ints;
        memcpy(out, attribute->ints, attribute->n_ints * sizeof(*out));
    }
    return status;
}

struct onnx_value *onnx_input(const struct onnx_import *in, int i) {
    return i < in->num_inputs ? in->inputs[i] : NULL;
}

enum fscnn_status onnx_get_ints_or_input(struct onnx_import *in, const char *name, int64_t since, int input, int max,
                                         int64_t *out, int *count) {
    if (in->opset < since) {
        return onnx_get_ints(in, name, max, out, count);
    }
    const struct onnx_value *value = onnx_input(in, input);
    *count = 0;
    if (!value) {
        return FSCNN_OK;
    }
    if (value->kind != ONNX_CONSTANT) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%s depends on the picture", name);
    }
    if (tensor_count(&value->constant) > (size_t)max) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "%s has more than %d values", name, max);
    }
    *count = (int)tensor_count(&value->constant);
    for (int i = 0; i < *count; i++) {
        out[i] = tensor_get_int(&value->constant, (size_t)i);
    }
    return FSCNN_OK;
}

enum fscnn_status onnx_fix_axis(struct onnx_import *in, int64_t axis, int rank, int *out) {
    *out = 0;
    if (axis < -rank || axis >= rank) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "axis %lld of a tensor with %d dimensions", (long long)axis, rank);
    }
    *out = (int)(axis < 0 ? axis + rank : axis);
    return FSCNN_OK;
}

/* ---- results ---- */

static enum fscnn_status first_output(struct onnx_import *in, struct onnx_value **out) {
    *out = in->node->n_output > 0 ? onnx_value_find(in, in->node->output[0]) : NULL;
    return *out ? FSCNN_OK : onnx_refuse(in, FSCNN_ERROR_FORMAT, "it has no first output");
}

enum fscnn_status onnx_set_constant(struct onnx_import *in, const struct tensor *constant) {
    struct onnx_value *output;
    enum fscnn_status status = first_output(in, &output);
    if (status == FSCNN_OK) {
        output->kind = ONNX_CONSTANT;
        output->constant = *constant;
    }
    return status;
}

enum fscnn_status onnx_set_alias(struct onnx_import *in, const struct onnx_value *value) {
    struct onnx_value *output;
    enum fscnn_status status = first_output(in, &output);
    if (status == FSCNN_OK) {
        output->kind = value->kind;
        output->constant = value->constant;
        output->node = value->node;
        output->rank = value->rank;
        memcpy(output->axes, value->axes, sizeof(output->axes));
        output->labels = value->labels;
    }
    return status;
}

enum fscnn_status onnx_set_image(struct onnx_import *in, int node, const struct onnx_value *like) {
    struct onnx_value image = *like;
    image.kind = ONNX_IMAGE;
    image.node = node;
    return onnx_set_alias(in, &image);
}

struct shape onnx_image_shape(const struct onnx_import *in, const struct onnx_value *image) {
    return in->graph->nodes[image->node].shape;
}

int64_t onnx_image_dim(const struct onnx_import *in, const struct onnx_value *image, int i) {
    struct shape shape = onnx_image_shape(in, image);
    switch (image->axes[i]) {
    case AXIS_N: return in->batch;
    case AXIS_C: return shape.c;
    case AXIS_H: return shape.h;
    default: return shape.w;
    }
}

int onnx_image_find(const struct onnx_value *image, enum axis axis) {
    for (int i = 0; i < image->rank; i++) {
        if (image->axes[i] == axis) {
            return i;
        }
    }
    return -1;
}
