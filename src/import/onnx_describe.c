/* What is in an ONNX file, line by line, for people. */
#include <stdlib.h>
#include <string.h>

#include "formats/onnx_file.h"
#include "import/import.h"

enum { MAX_OPERATORS = 64 }; /* told apart in the histogram */

/* "[batch, 3, 1024, 2048]"; a dimension without name or number is "?". */
static void shape_text(const Onnx__TensorShapeProto *shape, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (size_t i = 0; shape && i < shape->n_dim && used < size; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = shape->dim[i];
        used += (size_t)snprintf(text + used, size - used, "%s", i ? ", " : "");
        if (used >= size) {
            break;
        }
        if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
            used += (size_t)snprintf(text + used, size - used, "%lld", (long long)dim->dim_value);
        } else {
            bool named = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && dim->dim_param &&
                         *dim->dim_param;
            used += (size_t)snprintf(text + used, size - used, "%.40s", named ? dim->dim_param : "?");
        }
    }
    if (used < size) {
        snprintf(text + used, size - used, "]");
    }
}

static void describe_value(const char *what, const Onnx__ValueInfoProto *value, struct fscnn_log log) {
    const Onnx__TypeProto *type = value->type;
    char shape[256] = "";
    const char *element = "not a tensor";
    if (type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
        element = onnx_dtype_name(type->tensor_type->elem_type);
        shape_text(type->tensor_type->shape, shape, sizeof(shape));
    }
    log_line(log, "%s %s: %s %s", what, value->name ? value->name : "?", element, shape);
}

static bool is_initializer(const Onnx__GraphProto *graph, const char *name) {
    for (size_t i = 0; name && i < graph->n_initializer; i++) {
        if (graph->initializer[i]->name && strcmp(graph->initializer[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Inputs that are weights as well (IR version 3) are not listed. To keep hostile files from taking quadratic time, the
 * list ends after a few. */
static void describe_ends(const Onnx__GraphProto *graph, struct fscnn_log log) {
    enum { MAX_LISTED = 16, MAX_LOOKED_AT = 1024 };
    size_t listed = 0;
    for (size_t i = 0; i < graph->n_input && i < MAX_LOOKED_AT && listed < MAX_LISTED; i++) {
        if (!is_initializer(graph, graph->input[i]->name)) {
            describe_value("input", graph->input[i], log);
            listed++;
        }
    }
    for (size_t i = 0; i < graph->n_output && i < MAX_LISTED; i++) {
        describe_value("output", graph->output[i], log);
    }
}

struct tally {
    const char *name;
    size_t count;
};

static int by_count(const void *a, const void *b) {
    const struct tally *left = a, *right = b;
    return left->count != right->count ? (left->count < right->count ? 1 : -1) : strcmp(left->name, right->name);
}

static void describe_operators(const Onnx__GraphProto *graph, struct fscnn_log log) {
    struct tally tallies[MAX_OPERATORS] = {{0}};
    size_t kinds = 0, others = 0;
    for (size_t i = 0; i < graph->n_node; i++) {
        const char *name = graph->node[i]->op_type ? graph->node[i]->op_type : "?";
        size_t k = 0;
        while (k < kinds && strcmp(tallies[k].name, name) != 0) {
            k++;
        }
        if (k == MAX_OPERATORS) {
            others++;
            continue;
        }
        if (k == kinds) {
            tallies[kinds++] = (struct tally){.name = name};
        }
        tallies[k].count++;
    }
    qsort(tallies, kinds, sizeof(tallies[0]), by_count);
    log_line(log, "%zu nodes:", graph->n_node);
    for (size_t k = 0; k < kinds; k++) {
        log_line(log, "  %6zu %s", tallies[k].count, tallies[k].name);
    }
    if (others > 0) {
        log_line(log, "  %6zu of other operators", others);
    }
}

static void describe_weights(const Onnx__GraphProto *graph, struct fscnn_log log) {
    uint64_t elements = 0, bytes = 0;
    size_t external = 0;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *t = graph->initializer[i];
        uint64_t count = 1;
        for (size_t k = 0; k < t->n_dims; k++) {
            count *= (uint64_t)t->dims[k]; /* may wrap in a damaged file; it is only printed */
        }
        elements += count;
        bytes += t->raw_data.len + 4 * (t->n_float_data + t->n_int32_data) +
                 8 * (t->n_int64_data + t->n_double_data + t->n_uint64_data);
        external += t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    }
    log_line(log, "%zu initializers: %llu elements, %llu bytes", graph->n_initializer, (unsigned long long)elements,
             (unsigned long long)bytes);
    if (external > 0) {
        log_line(log, "%zu initializers are kept in other files", external);
    }
}

/* Tries the import, with sizes as in the file, to say whether compiling would work. */
static void describe_verdict(const void *data, size_t size, const char *name, struct fscnn_log log) {
    const struct import_options options = {0};
    struct fscnn_error reason = {""};
    struct graph *graph;
    if (import_onnx(data, size, name, &options, &graph, &reason) != FSCNN_OK) {
        log_line(log, "cannot be compiled: %s", reason.text);
        return;
    }
    struct shape in = graph->nodes[graph->input].shape, out = graph->nodes[graph->output].shape;
    log_line(log, "can be compiled: %s [%d, %d, %d] -> %s [%d, %d, %d], %llu weights", graph->input_name, in.c, in.h,
             in.w, graph->output_name, out.c, out.h, out.w, (unsigned long long)graph->source_parameters);
    graph_free(&graph);
}

enum fscnn_status onnx_describe(const void *data, size_t size, const char *name, struct fscnn_log log,
                                struct fscnn_error *err) {
    struct onnx_file file;
    enum fscnn_status status = onnx_file_parse(data, size, name, &file, err);
    if (status != FSCNN_OK) {
        return status;
    }
    const Onnx__ModelProto *model = file.model;
    log_line(log, "%s: ONNX model, opset %lld, IR version %lld", name, (long long)file.opset,
             (long long)model->ir_version);
    for (size_t i = 0; i < model->n_opset_import && i < 16; i++) {
        const Onnx__OperatorSetIdProto *set = model->opset_import[i];
        if (set->domain && *set->domain && strcmp(set->domain, "ai.onnx") != 0) {
            log_line(log, "domain %s, version %lld", set->domain, (long long)set->version);
        }
    }
    if (model->producer_name && *model->producer_name) {
        log_line(log, "made by %s %s", model->producer_name, model->producer_version ? model->producer_version : "");
    }
    describe_ends(model->graph, log);
    describe_operators(model->graph, log);
    describe_weights(model->graph, log);
    onnx_file_free(&file);
    describe_verdict(data, size, name, log);
    return FSCNN_OK;
}
