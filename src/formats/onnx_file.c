#include "formats/onnx_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
    MAX_DEPTH = 32,        /* of nested messages; an ordinary model needs 7 */
    LIMIT_BASE = 32 << 20, /* bytes of messages for any file */
    LIMIT_FACTOR = 16,     /* and for each byte of it: an int64 of one byte takes eight, a short node about ten */
    HEADER = 16,           /* before every allocation: its size */
};

#define MAX_PRODUCT ((uint64_t)1 << 40) /* of a tensor's dimensions */

static void *limited_alloc(void *context, size_t size) {
    struct onnx_file *file = context;
    if (size > file->limit - file->used) {
        return NULL;
    }
    char *block = malloc(size + HEADER);
    if (!block) {
        return NULL;
    }
    memcpy(block, &size, sizeof(size));
    file->used += size;
    return block + HEADER;
}

static void limited_free(void *context, void *pointer) {
    struct onnx_file *file = context;
    if (pointer) {
        char *block = (char *)pointer - HEADER;
        size_t size;
        memcpy(&size, block, sizeof(size));
        file->used -= size;
        free(block);
    }
}

/* At most `max` bytes of base 128; sets failed where there is no end. */
static uint64_t take_varint(struct bytes *b, int max) {
    uint64_t value = 0;
    for (int i = 0; i < max; i++) {
        uint8_t byte = bytes_u8(b);
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            return value;
        }
    }
    b->failed = true;
    return 0;
}

/* protobuf-c unpacks nested messages by recursion without a limit, so that a small file could exhaust the stack, and
 * merges a message that occurs again where one is due by copying all of the first, so that many could take hours. This
 * walks the same bytes first, with a limit, and refuses the latter, which nothing writes, and whatever protobuf-c might
 * read differently. Returns the offset of what is wrong, or SIZE_MAX; *deep tells depth from damage. */
static size_t wire_check(const ProtobufCMessageDescriptor *message, struct bytes b, int depth, bool *deep) {
    uint64_t seen = 0; /* a bit for each of the message's fields, of which ONNX's have less than 64 */
    while (bytes_left(&b) > 0) {
        size_t start = b.pos;
        uint64_t key = take_varint(&b, 5);
        unsigned type = key & 7;
        uint64_t length = 0;
        if (b.failed || key >> 3 == 0 || key >> 3 >= 1 << 29) {
            return start;
        }
        switch (type) {
        case 0: take_varint(&b, 10); break;
        case 1: bytes_take(&b, 8); break;
        case 2: length = take_varint(&b, 5); break;
        case 5: bytes_take(&b, 4); break;
        default: return start; /* groups */
        }
        const uint8_t *inner = type == 2 ? bytes_take(&b, length) : NULL;
        if (b.failed) {
            return start;
        }
        const ProtobufCFieldDescriptor *field =
            type == 2 ? protobuf_c_message_descriptor_get_field(message, (unsigned)(key >> 3)) : NULL;
        if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        const uint64_t bit = (uint64_t)1 << ((size_t)(field - message->fields) & 63);
        if (field->label != PROTOBUF_C_LABEL_REPEATED && (seen & bit)) {
            return start;
        }
        seen |= bit;
        if (depth == MAX_DEPTH) {
            *deep = true;
            return start;
        }
        size_t at = wire_check(field->descriptor, bytes_over(inner, length), depth + 1, deep);
        if (at != SIZE_MAX) {
            return (size_t)(inner - b.data) + at;
        }
    }
    return SIZE_MAX;
}

/* Version of the operators in the default domain; 0 where the file does not say. */
static int64_t find_opset(const Onnx__ModelProto *model) {
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *entry = model->opset_import[i];
        if (!entry->domain || !*entry->domain || strcmp(entry->domain, "ai.onnx") == 0) {
            return entry->version;
        }
    }
    return 0;
}

enum fscnn_status onnx_file_parse(const void *data, size_t size, const char *name, struct onnx_file *out,
                                  struct fscnn_error *err) {
    const ProtobufCMessageDescriptor *descriptor = &onnx__model_proto__descriptor;
    bool deep = false;
    *out = (struct onnx_file){.limit = LIMIT_BASE};
    out->limit += size < (SIZE_MAX / 2 - LIMIT_BASE) / LIMIT_FACTOR ? size * LIMIT_FACTOR : 0;
    out->allocator = (ProtobufCAllocator){limited_alloc, limited_free, out};
    if (size == 0) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: the file is empty", name);
    }
    size_t at = wire_check(descriptor, bytes_over(data, size), 0, &deep);
    if (at != SIZE_MAX) {
        return deep
                   ? error_set(err, FSCNN_ERROR_FORMAT, "%s: +%zu: messages nested more than %d deep", name, at,
                               MAX_DEPTH)
                   : error_set(err, FSCNN_ERROR_FORMAT, "%s: +%zu: not an ONNX model, or damaged or cut off", name, at);
    }
    out->model = onnx__model_proto__unpack(&out->allocator, size, data);
    if (!out->model) {
        /* The bytes are in order, so what remains is memory - or a field of another wire type than ONNX's. */
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: not an ONNX model, or out of proportion (%zu bytes, limit %zu)",
                         name, size, out->limit);
    }
    enum fscnn_status status = FSCNN_OK;
    out->opset = find_opset(out->model);
    if (!out->model->graph) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "%s: not an ONNX model (there is no graph)", name);
    } else if (out->opset < 1) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "%s: the file does not say its operator set version", name);
    }
    if (status != FSCNN_OK) {
        onnx_file_free(out);
    }
    return status;
}

void onnx_file_free(struct onnx_file *file) {
    if (file->model) {
        onnx__model_proto__free_unpacked(file->model, &file->allocator);
        file->model = NULL;
    }
}

/* Number, name and our type of every element type of ONNX; -1: none of ours. */
static const struct {
    const char *name;
    int dtype;
} element_types[] = {
    {"undefined", -1},      {"float", DTYPE_F32},     {"uint8", DTYPE_U8},  {"int8", DTYPE_I8}, {"uint16", -1},
    {"int16", DTYPE_I16},   {"int32", DTYPE_I32},     {"int64", DTYPE_I64}, {"string", -1},     {"bool", DTYPE_BOOL},
    {"float16", DTYPE_F16}, {"double", DTYPE_F64},    {"uint32", -1},       {"uint64", -1},     {"complex64", -1},
    {"complex128", -1},     {"bfloat16", DTYPE_BF16},
};

bool onnx_dtype(int32_t data_type, enum dtype *out) {
    if (data_type < 0 || data_type >= (int32_t)ARRAY_SIZE(element_types) || element_types[data_type].dtype < 0) {
        return false;
    }
    *out = (enum dtype)element_types[data_type].dtype;
    return true;
}

const char *onnx_dtype_name(int32_t data_type) {
    bool known = data_type >= 0 && data_type < (int32_t)ARRAY_SIZE(element_types);
    return known ? element_types[data_type].name : "an unknown type";
}

static enum fscnn_status tensor_error(struct fscnn_error *err, enum fscnn_status status, const Onnx__TensorProto *proto,
                                      const char *what) {
    return error_set(err, status, "tensor %.80s: %s", proto->name && *proto->name ? proto->name : "(unnamed)", what);
}

static enum fscnn_status read_shape(const Onnx__TensorProto *proto, struct tensor *out, struct fscnn_error *err) {
    uint64_t product = 1; /* without zeros, so that no part of it can overflow either */
    if (proto->n_dims > TENSOR_MAX_RANK) {
        return tensor_error(err, FSCNN_ERROR_UNSUPPORTED, proto, "more than 8 dimensions");
    }
    out->rank = (int)proto->n_dims;
    for (int i = 0; i < out->rank; i++) {
        out->shape[i] = proto->dims[i];
        uint64_t factor = proto->dims[i] ? (uint64_t)proto->dims[i] : 1;
        if (proto->dims[i] < 0 || factor > MAX_PRODUCT / product) {
            return tensor_error(err, FSCNN_ERROR_FORMAT, proto, "a dimension is negative or too large");
        }
        product *= factor;
    }
    return FSCNN_OK;
}

/* int32_data holds every type of at most 32 bits but float, halves as their bits. */
static enum fscnn_status narrow_int32(const Onnx__TensorProto *proto, struct arena *arena, struct tensor *out,
                                      struct fscnn_error *err) {
    size_t size = dtype_size(out->dtype);
    char *data = arena_alloc(arena, proto->n_int32_data, size);
    if (!data) {
        return error_memory(err, proto->n_int32_data * size, "a tensor");
    }
    for (size_t i = 0; i < proto->n_int32_data; i++) {
        uint32_t bits = (uint32_t)proto->int32_data[i];
        uint8_t bytes[4] = {bits & 255, bits >> 8 & 255, bits >> 16 & 255, bits >> 24};
        if (out->dtype == DTYPE_BOOL) {
            bytes[0] = bits != 0;
        }
        memcpy(data + i * size, bytes, size);
    }
    out->data = data;
    return FSCNN_OK;
}

static enum fscnn_status read_typed(const Onnx__TensorProto *proto, struct arena *arena, struct tensor *out,
                                    size_t *count, struct fscnn_error *err) {
    switch (out->dtype) {
    case DTYPE_F32:
        out->data = proto->float_data;
        *count = proto->n_float_data;
        return FSCNN_OK;
    case DTYPE_F64:
        out->data = proto->double_data;
        *count = proto->n_double_data;
        return FSCNN_OK;
    case DTYPE_I64:
        out->data = proto->int64_data;
        *count = proto->n_int64_data;
        return FSCNN_OK;
    case DTYPE_I32:
        out->data = proto->int32_data;
        *count = proto->n_int32_data;
        return FSCNN_OK;
    default: *count = proto->n_int32_data; return narrow_int32(proto, arena, out, err);
    }
}

enum fscnn_status onnx_tensor_view(const Onnx__TensorProto *proto, struct arena *arena, struct tensor *out,
                                   struct fscnn_error *err) {
    *out = (struct tensor){.name = proto->name};
    if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL || proto->n_external_data > 0) {
        return tensor_error(err, FSCNN_ERROR_UNSUPPORTED, proto,
                            "its data is in another file; save the model with its weights inside");
    }
    if (proto->segment) {
        return tensor_error(err, FSCNN_ERROR_UNSUPPORTED, proto, "it is stored in segments");
    }
    if (!onnx_dtype(proto->data_type, &out->dtype)) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "tensor %.80s: elements of type %s",
                         proto->name && *proto->name ? proto->name : "(unnamed)", onnx_dtype_name(proto->data_type));
    }
    enum fscnn_status status = read_shape(proto, out, err);
    if (status != FSCNN_OK) {
        return status;
    }
    size_t count = 0;
    if (proto->has_raw_data && (proto->raw_data.len > 0 || tensor_count(out) == 0)) {
        size_t size = dtype_size(out->dtype);
        count = proto->raw_data.len % size ? SIZE_MAX : proto->raw_data.len / size;
        out->data = proto->raw_data.data;
    } else {
        status = read_typed(proto, arena, out, &count, err);
    }
    if (status == FSCNN_OK && count != tensor_count(out)) {
        char shape[128];
        return error_set(err, FSCNN_ERROR_FORMAT, "tensor %.80s: its data does not fill %s of %s",
                         proto->name && *proto->name ? proto->name : "(unnamed)",
                         tensor_shape_text(out, shape, sizeof(shape)), dtype_name(out->dtype));
    }
    return status;
}
