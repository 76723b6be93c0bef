#include "formats/onnx_build.h"

#include <stdlib.h>
#include <string.h>

void onnx_builder_start(struct onnx_builder *b, int64_t ir_version, int64_t opset) {
    *b = (struct onnx_builder){.model = ONNX__MODEL_PROTO__INIT,
                               .graph = ONNX__GRAPH_PROTO__INIT,
                               .spare_node = ONNX__NODE_PROTO__INIT,
                               .spare_tensor = ONNX__TENSOR_PROTO__INIT};
    Onnx__OperatorSetIdProto *set = arena_alloc(&b->arena, 1, sizeof(*set));
    b->model.opset_import = arena_alloc(&b->arena, 1, sizeof(set));
    if (!set || !b->model.opset_import) {
        b->failed = true;
        return;
    }
    onnx__operator_set_id_proto__init(set);
    set->domain = (char *)"";
    set->has_version = true;
    set->version = opset;
    b->model.opset_import[0] = set;
    b->model.n_opset_import = 1;
    b->model.has_ir_version = true;
    b->model.ir_version = ir_version;
    b->model.graph = &b->graph;
}

void onnx_builder_free(struct onnx_builder *b) { arena_free(&b->arena); }

static void *allocate(struct onnx_builder *b, size_t count, size_t size) {
    void *data = arena_alloc(&b->arena, count, size);
    b->failed |= !data;
    return data;
}

static char *copy_text(struct onnx_builder *b, const char *text) {
    char *copy = arena_strdup(&b->arena, text);
    b->failed |= text && !copy;
    return copy;
}

static void *copy_bytes(struct onnx_builder *b, const void *data, size_t size) {
    void *copy = allocate(b, size, 1);
    if (copy && size) {
        memcpy(copy, data, size);
    }
    return copy;
}

/* Appends to an array of pointers (of any type, hence the memcpy) that doubles when its length is a power of two. */
static bool append(struct onnx_builder *b, void *array, size_t *count, const void *item) {
    char *list; /* pointers, seen as bytes */
    memcpy(&list, array, sizeof(list));
    if (item && (*count & (*count - 1)) == 0) {
        char *grown = allocate(b, *count ? *count * 2 : 1, sizeof(item));
        if (!grown) {
            return false;
        }
        if (*count) {
            memcpy(grown, list, *count * sizeof(item));
        }
        list = grown;
        memcpy(array, &list, sizeof(list));
    }
    if (item) {
        memcpy(list + (*count)++ * sizeof(item), &item, sizeof(item));
    }
    return item != NULL;
}

static Onnx__TypeProto *make_type(struct onnx_builder *b, int32_t data_type, size_t rank, const struct onnx_dim *dims) {
    Onnx__TypeProto *type = allocate(b, 1, sizeof(*type));
    Onnx__TypeProto__Tensor *tensor = allocate(b, 1, sizeof(*tensor));
    Onnx__TensorShapeProto *shape = allocate(b, 1, sizeof(*shape));
    if (!type || !tensor || !shape) {
        return NULL;
    }
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = data_type;
    tensor->shape = shape;
    for (size_t i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = allocate(b, 1, sizeof(*dim));
        if (!append(b, &shape->dim, &shape->n_dim, dim)) {
            return NULL;
        }
        onnx__tensor_shape_proto__dimension__init(dim);
        if (dims[i].name) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = copy_text(b, dims[i].name);
        } else {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = dims[i].value;
        }
    }
    return type;
}

static Onnx__ValueInfoProto *make_value(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                                        const struct onnx_dim *dims) {
    Onnx__ValueInfoProto *value = allocate(b, 1, sizeof(*value));
    if (value) {
        onnx__value_info_proto__init(value);
        value->name = copy_text(b, name);
        value->type = make_type(b, data_type, rank, dims);
    }
    return value;
}

void onnx_build_input(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                      const struct onnx_dim *dims) {
    append(b, &b->graph.input, &b->graph.n_input, make_value(b, name, data_type, rank, dims));
}

void onnx_build_output(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                       const struct onnx_dim *dims) {
    append(b, &b->graph.output, &b->graph.n_output, make_value(b, name, data_type, rank, dims));
}

static void append_names(struct onnx_builder *b, char ***list, size_t *count, const char *names) {
    while (*names) {
        size_t length = strcspn(names, " ");
        bool left_out = length == 1 && *names == '-';
        char *name = arena_strndup(&b->arena, names, left_out ? 0 : length);
        b->failed |= !name;
        append(b, list, count, name);
        names += length;
        names += strspn(names, " ");
    }
}

Onnx__NodeProto *onnx_build_node(struct onnx_builder *b, const char *op, const char *name, const char *inputs,
                                 const char *outputs) {
    Onnx__NodeProto *node = allocate(b, 1, sizeof(*node));
    if (!append(b, &b->graph.node, &b->graph.n_node, node)) {
        node = &b->spare_node;
    }
    onnx__node_proto__init(node);
    node->op_type = copy_text(b, op);
    node->name = copy_text(b, name);
    append_names(b, &node->input, &node->n_input, inputs);
    append_names(b, &node->output, &node->n_output, outputs);
    return node;
}

static Onnx__AttributeProto *add_attribute(struct onnx_builder *b, Onnx__NodeProto *node, const char *name,
                                           Onnx__AttributeProto__AttributeType type) {
    Onnx__AttributeProto *attribute = allocate(b, 1, sizeof(*attribute));
    if (!append(b, &node->attribute, &node->n_attribute, attribute)) {
        return NULL;
    }
    onnx__attribute_proto__init(attribute);
    attribute->name = copy_text(b, name);
    attribute->has_type = true;
    attribute->type = type;
    return attribute;
}

void onnx_node_int(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, int64_t value) {
    Onnx__AttributeProto *attribute = add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (attribute) {
        attribute->has_i = true;
        attribute->i = value;
    }
}

void onnx_node_ints(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, size_t count,
                    const int64_t *values) {
    Onnx__AttributeProto *attribute = add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (attribute) {
        attribute->ints = copy_bytes(b, values, count * sizeof(*values));
        attribute->n_ints = attribute->ints ? count : 0;
    }
}

void onnx_node_float(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, float value) {
    Onnx__AttributeProto *attribute = add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (attribute) {
        attribute->has_f = true;
        attribute->f = value;
    }
}

void onnx_node_floats(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, size_t count,
                      const float *values) {
    Onnx__AttributeProto *attribute = add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
    if (attribute) {
        attribute->floats = copy_bytes(b, values, count * sizeof(*values));
        attribute->n_floats = attribute->floats ? count : 0;
    }
}

void onnx_node_text(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, const char *value) {
    Onnx__AttributeProto *attribute = add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    if (attribute) {
        attribute->has_s = true;
        attribute->s.data = copy_bytes(b, value, strlen(value));
        attribute->s.len = attribute->s.data ? strlen(value) : 0;
    }
}

void onnx_node_tensor(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, Onnx__TensorProto *value) {
    Onnx__AttributeProto *attribute = add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
    if (attribute) {
        attribute->t = value;
    }
}

Onnx__TensorProto *onnx_make_tensor(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                                    const int64_t *dims, const void *data, size_t size) {
    Onnx__TensorProto *tensor = allocate(b, 1, sizeof(*tensor));
    if (!tensor) {
        tensor = &b->spare_tensor;
    }
    onnx__tensor_proto__init(tensor);
    tensor->name = copy_text(b, name);
    tensor->has_data_type = true;
    tensor->data_type = data_type;
    tensor->dims = copy_bytes(b, dims, rank * sizeof(*dims));
    tensor->n_dims = tensor->dims ? rank : 0;
    tensor->has_raw_data = true;
    tensor->raw_data.data = copy_bytes(b, data, size);
    tensor->raw_data.len = tensor->raw_data.data ? size : 0;
    return tensor;
}

Onnx__TensorProto *onnx_build_initializer(struct onnx_builder *b, const char *name, int32_t data_type, size_t rank,
                                          const int64_t *dims, const void *data, size_t size) {
    Onnx__TensorProto *tensor = onnx_make_tensor(b, name, data_type, rank, dims, data, size);
    append(b, &b->graph.initializer, &b->graph.n_initializer, tensor);
    return tensor;
}

void onnx_build_floats(struct onnx_builder *b, const char *name, size_t rank, const int64_t *dims, const float *data) {
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        count *= (size_t)dims[i];
    }
    onnx_build_initializer(b, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims, data, count * sizeof(*data));
}

void onnx_build_ints(struct onnx_builder *b, const char *name, size_t count, const int64_t *data) {
    int64_t dim = (int64_t)count;
    onnx_build_initializer(b, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, &dim, data, count * sizeof(*data));
}

enum fscnn_status onnx_builder_pack(struct onnx_builder *b, uint8_t **data, size_t *size, struct fscnn_error *err) {
    *data = NULL;
    *size = 0;
    if (b->failed) {
        return error_memory(err, b->arena.used, "an ONNX model");
    }
    *size = onnx__model_proto__get_packed_size(&b->model);
    *data = malloc(*size);
    if (!*data) {
        return error_memory(err, *size, "an ONNX model");
    }
    onnx__model_proto__pack(&b->model, *data);
    return FSCNN_OK;
}
