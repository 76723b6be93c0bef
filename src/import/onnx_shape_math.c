/* Folds constants. Exporters compute sizes inside the model (Shape -> Gather -> Mul -> Concat -> Resize); with the
 * input size known these are plain numbers. Arithmetic is done in the element type of the file: floats are computed in
 * double and rounded once, which for + - * / sqrt is exact float arithmetic. */
#include <math.h>
#include <string.h>

#include "import/onnx_fold.h"
#include "import/onnx_import.h"

enum { MAX_FOLDED = 1 << 24 }; /* elements; sizes are a handful, weights a few million */

static bool is_float(enum dtype dtype) { return dtype <= DTYPE_F64; }

enum fscnn_status onnx_fold_create(struct onnx_import *in, enum dtype dtype, int rank, const int64_t *shape,
                                   struct tensor *out) {
    uint64_t count = 1, product = 1; /* product: without zeros, so that no part of it can overflow either */
    *out = (struct tensor){.dtype = dtype, .rank = rank};
    if (rank > TENSOR_MAX_RANK) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "more than %d dimensions", TENSOR_MAX_RANK);
    }
    for (int i = 0; i < rank; i++) {
        out->shape[i] = shape[i];
        if (shape[i] < 0 || shape[i] > MAX_FOLDED) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a constant with a dimension of %lld", (long long)shape[i]);
        }
        count *= (uint64_t)shape[i];
        product *= shape[i] ? (uint64_t)shape[i] : 1;
        if (product > MAX_FOLDED) {
            return onnx_refuse(in, FSCNN_ERROR_MEMORY, "a computed constant of more than %d elements", MAX_FOLDED);
        }
    }
    out->data = arena_alloc(&in->arena, count, dtype_size(dtype));
    if (!out->data) {
        return onnx_refuse(in, FSCNN_ERROR_MEMORY, "a constant of %llu elements", (unsigned long long)count);
    }
    return FSCNN_OK;
}

/* The tensors written to here were made by onnx_fold_create, so their data is ours. */
static void put_int(struct tensor *t, size_t i, int64_t value) {
    char *at = (char *)t->data + i * dtype_size(t->dtype);
    uint8_t byte = t->dtype == DTYPE_BOOL ? value != 0 : (uint8_t)value;
    int16_t half = (int16_t)value;
    int32_t word = (int32_t)value;
    switch (t->dtype) {
    case DTYPE_I64: memcpy(at, &value, sizeof(value)); break;
    case DTYPE_I32: memcpy(at, &word, sizeof(word)); break;
    case DTYPE_I16: memcpy(at, &half, sizeof(half)); break;
    default: *at = (char)byte; break;
    }
}

void onnx_fold_put(struct tensor *t, size_t i, double value) {
    char *at = (char *)t->data + i * dtype_size(t->dtype);
    float rounded = (float)value;
    uint16_t half;
    switch (t->dtype) {
    case DTYPE_F64: memcpy(at, &value, sizeof(value)); break;
    case DTYPE_F32: memcpy(at, &rounded, sizeof(rounded)); break;
    case DTYPE_F16:
        half = float_to_half(rounded);
        memcpy(at, &half, sizeof(half));
        break;
    case DTYPE_BF16:
        half = float_to_bfloat16(rounded);
        memcpy(at, &half, sizeof(half));
        break;
    case DTYPE_BOOL: *at = value != 0; break;
    default: put_int(t, i, !(value > -9.2e18) ? INT64_MIN : value < 9.2e18 ? (int64_t)value : INT64_MAX); break;
    }
}

/* ---- element by element, with broadcasting ---- */

static enum fscnn_status broadcast_shape(struct onnx_import *in, const struct tensor *const *t, int count, int *rank,
                                         int64_t *shape) {
    *rank = 0;
    for (int k = 0; k < count; k++) {
        *rank = t[k]->rank > *rank ? t[k]->rank : *rank;
    }
    for (int i = 0; i < *rank; i++) {
        shape[i] = 1;
        for (int k = 0; k < count; k++) {
            int own = i - (*rank - t[k]->rank);
            int64_t dim = own >= 0 ? t[k]->shape[own] : 1;
            if (dim != 1 && shape[i] != 1 && dim != shape[i]) {
                return onnx_refuse(in, FSCNN_ERROR_FORMAT, "shapes of constants that do not fit together");
            }
            shape[i] = dim != 1 ? dim : shape[i];
        }
    }
    return FSCNN_OK;
}

/* Where element i of `out` comes from in t, whose shape is broadcast to out's. */
static size_t broadcast_index(const struct tensor *out, const struct tensor *t, size_t i) {
    size_t index = 0, step = 1;
    if (out->rank == t->rank && memcmp(out->shape, t->shape, (size_t)t->rank * sizeof(*t->shape)) == 0) {
        return i;
    }
    for (int axis = out->rank - 1; axis >= 0; axis--) {
        size_t position = i % (size_t)out->shape[axis];
        i /= (size_t)out->shape[axis];
        int own = axis - (out->rank - t->rank);
        if (own >= 0) {
            index += t->shape[own] == 1 ? 0 : position * step;
            step *= (size_t)t->shape[own];
        }
    }
    return index;
}

enum binary { ADD, SUB, MUL, DIV, POW, MIN, MAX, EQUAL, LESS, GREATER, AND, OR, NUM_BINARY };
static const char *const binary_names[NUM_BINARY] = {"Add", "Sub",   "Mul",  "Div",     "Pow", "Min",
                                                     "Max", "Equal", "Less", "Greater", "And", "Or"};

static double binary_float(enum binary op, double a, double b) {
    switch (op) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case POW: return pow(a, b);
    case MIN: return fmin(a, b);
    case MAX: return fmax(a, b);
    case EQUAL: return a == b;
    case LESS: return a < b;
    case GREATER: return a > b;
    case AND: return a != 0 && b != 0;
    default: return a != 0 || b != 0;
    }
}

/* Integers wrap around as they do elsewhere; dividing by zero is refused before. */
static int64_t binary_int(enum binary op, int64_t a, int64_t b) {
    switch (op) {
    case ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case SUB: return (int64_t)((uint64_t)a - (uint64_t)b);
    case MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case DIV: return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
    case MIN: return a < b ? a : b;
    case MAX: return a > b ? a : b;
    case EQUAL: return a == b;
    case LESS: return a < b;
    case GREATER: return a > b;
    case AND: return a != 0 && b != 0;
    default: return a != 0 || b != 0;
    }
}

static enum fscnn_status fold_binary(struct onnx_import *in) {
    enum binary op = 0;
    while (strcmp(binary_names[op], in->node->op_type) != 0) {
        op++;
    }
    if (in->num_inputs != 2 || !in->inputs[0] || !in->inputs[1]) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "%d inputs instead of 2", in->num_inputs);
    }
    const struct tensor *t[2] = {&in->inputs[0]->constant, &in->inputs[1]->constant};
    int64_t shape[TENSOR_MAX_RANK] = {0};
    int rank = 0;
    enum fscnn_status status = broadcast_shape(in, t, 2, &rank, shape);
    struct tensor out;
    if (status == FSCNN_OK) {
        status = onnx_fold_create(in, op >= EQUAL ? DTYPE_BOOL : t[0]->dtype, rank, shape, &out);
    }
    bool floats = is_float(t[0]->dtype) || is_float(t[1]->dtype) || op == POW;
    for (size_t i = 0; status == FSCNN_OK && i < tensor_count(&out); i++) {
        size_t a = broadcast_index(&out, t[0], i), b = broadcast_index(&out, t[1], i);
        if (floats) {
            onnx_fold_put(&out, i, binary_float(op, tensor_get_double(t[0], a), tensor_get_double(t[1], b)));
        } else if (op == DIV && tensor_get_int(t[1], b) == 0) {
            status = onnx_refuse(in, FSCNN_ERROR_FORMAT, "division by zero");
        } else {
            put_int(&out, i, binary_int(op, tensor_get_int(t[0], a), tensor_get_int(t[1], b)));
        }
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

static enum fscnn_status fold_where(struct onnx_import *in) {
    if (in->num_inputs != 3 || !in->inputs[0] || !in->inputs[1] || !in->inputs[2]) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "an input is missing");
    }
    const struct tensor *t[3] = {&in->inputs[0]->constant, &in->inputs[1]->constant, &in->inputs[2]->constant};
    int64_t shape[TENSOR_MAX_RANK] = {0};
    int rank = 0;
    enum fscnn_status status = broadcast_shape(in, t, 3, &rank, shape);
    struct tensor out;
    if (status == FSCNN_OK) {
        status = onnx_fold_create(in, t[1]->dtype, rank, shape, &out);
    }
    for (size_t i = 0; status == FSCNN_OK && i < tensor_count(&out); i++) {
        int taken = tensor_get_double(t[0], broadcast_index(&out, t[0], i)) != 0 ? 1 : 2;
        size_t from = broadcast_index(&out, t[taken], i);
        if (is_float(out.dtype)) {
            onnx_fold_put(&out, i, tensor_get_double(t[taken], from));
        } else {
            put_int(&out, i, tensor_get_int(t[taken], from));
        }
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

static double unary(const char *op, double x) {
    switch (op[0]) {
    case 'F': return floor(x);
    case 'C': return ceil(x);
    case 'A': return fabs(x);
    case 'N': return op[2] == 'g' ? -x : x == 0; /* Neg, Not */
    case 'S': return sqrt(x);
    default: return op[1] == 'o' ? nearbyint(x) : 1 / x; /* Round (ties to even), Reciprocal */
    }
}

static enum fscnn_status first_constant(struct onnx_import *in, const struct tensor **out) {
    const struct onnx_value *value = onnx_input(in, 0);
    *out = value ? &value->constant : NULL;
    return value ? FSCNN_OK : onnx_refuse(in, FSCNN_ERROR_FORMAT, "an input is missing");
}

static enum fscnn_status fold_unary(struct onnx_import *in) {
    const struct tensor *t;
    struct tensor out;
    enum fscnn_status status = first_constant(in, &t);
    if (status == FSCNN_OK) {
        status = onnx_fold_create(in, t->dtype, t->rank, t->shape, &out);
    }
    for (size_t i = 0; status == FSCNN_OK && i < tensor_count(&out); i++) {
        onnx_fold_put(&out, i, unary(in->node->op_type, tensor_get_double(t, i)));
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

static enum fscnn_status fold_cast(struct onnx_import *in) {
    const struct tensor *t;
    struct tensor out;
    enum dtype dtype = DTYPE_F32;
    int64_t to = 0, saturate;
    enum fscnn_status status = first_constant(in, &t);
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "to", 0, &to);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "saturate", 1, &saturate); /* of 8-bit floats, which there are none of here */
    }
    if (status == FSCNN_OK && (to < 0 || to > INT32_MAX || !onnx_dtype((int32_t)to, &dtype))) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "to %s", onnx_dtype_name(to > INT32_MAX ? -1 : (int32_t)to));
    }
    if (status == FSCNN_OK) {
        status = onnx_fold_create(in, dtype, t->rank, t->shape, &out);
    }
    for (size_t i = 0; status == FSCNN_OK && i < tensor_count(&out); i++) {
        if (is_float(dtype) || dtype == DTYPE_BOOL) {
            onnx_fold_put(&out, i, tensor_get_double(t, i));
        } else {
            put_int(&out, i, tensor_get_int(t, i));
        }
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

/* ---- making constants ---- */

enum fscnn_status onnx_set_shape(struct onnx_import *in, int rank, const int64_t *dims) {
    int64_t start, end;
    struct tensor out;
    enum fscnn_status status = onnx_get_int(in, "start", 0, &start);
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "end", rank, &end);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    start = start < -rank ? 0 : start < 0 ? start + rank : start > rank ? rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    int64_t count = end > start ? end - start : 0;
    status = onnx_fold_create(in, DTYPE_I64, 1, &count, &out);
    for (int64_t i = 0; status == FSCNN_OK && i < count; i++) {
        put_int(&out, (size_t)i, dims[start + i]);
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

static enum fscnn_status fold_shape(struct onnx_import *in) {
    const struct tensor *t;
    enum fscnn_status status = first_constant(in, &t);
    return status == FSCNN_OK ? onnx_set_shape(in, t->rank, t->shape) : status;
}

static enum fscnn_status fold_identity(struct onnx_import *in) {
    const struct tensor *t;
    enum fscnn_status status = first_constant(in, &t);
    return status == FSCNN_OK ? onnx_set_constant(in, t) : status;
}

static enum fscnn_status constant_numbers(struct onnx_import *in, const Onnx__AttributeProto *a) {
    bool floats = strncmp(a->name, "value_float", 11) == 0, list = a->name[strlen(a->name) - 1] == 's';
    size_t count = !list ? 1 : floats ? a->n_floats : a->n_ints;
    int64_t dim = (int64_t)count;
    struct tensor out;
    enum fscnn_status status = onnx_fold_create(in, floats ? DTYPE_F32 : DTYPE_I64, list, &dim, &out);
    for (size_t i = 0; status == FSCNN_OK && i < count; i++) {
        if (floats) {
            onnx_fold_put(&out, i, list ? a->floats[i] : a->f);
        } else {
            put_int(&out, i, list ? a->ints[i] : a->i);
        }
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

static enum fscnn_status fold_constant(struct onnx_import *in) {
    static const char *const names[] = {"value_float", "value_floats", "value_int", "value_ints"};
    const Onnx__AttributeProto *a = onnx_find_attribute(in, "value");
    if (a && a->t) {
        struct tensor out;
        enum fscnn_status status = onnx_tensor_view(a->t, &in->arena, &out, in->err);
        return status == FSCNN_OK ? onnx_set_constant(in, &out) : onnx_refuse_prefix(in, status);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        a = onnx_find_attribute(in, names[i]);
        if (a) {
            return constant_numbers(in, a);
        }
    }
    return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "it is not a tensor, a number or a list of numbers");
}

static enum fscnn_status fold_constant_of_shape(struct onnx_import *in) {
    const Onnx__AttributeProto *a = onnx_find_attribute(in, "value");
    struct tensor value = {.dtype = DTYPE_F32, .data = &(const float){0}}, out;
    const struct tensor *dims;
    int64_t shape[TENSOR_MAX_RANK] = {0};
    enum fscnn_status status = first_constant(in, &dims);
    if (status == FSCNN_OK && a && a->t) {
        status = onnx_tensor_view(a->t, &in->arena, &value, in->err);
        if (status != FSCNN_OK) {
            return onnx_refuse_prefix(in, status);
        }
    }
    if (status == FSCNN_OK && (tensor_count(&value) != 1 || tensor_count(dims) > TENSOR_MAX_RANK)) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "its value or its shape is of a wrong size");
    }
    for (size_t i = 0; status == FSCNN_OK && i < tensor_count(dims); i++) {
        shape[i] = tensor_get_int(dims, i);
    }
    if (status == FSCNN_OK) {
        status = onnx_fold_create(in, value.dtype, (int)tensor_count(dims), shape, &out);
    }
    size_t size = dtype_size(value.dtype);
    for (size_t i = 0; status == FSCNN_OK && i < tensor_count(&out); i++) {
        memcpy((char *)out.data + i * size, value.data, size);
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

static enum fscnn_status fold_range(struct onnx_import *in) {
    struct tensor out;
    if (in->num_inputs != 3 || !in->inputs[0] || !in->inputs[1] || !in->inputs[2]) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "an input is missing");
    }
    double number[3];
    for (int k = 0; k < 3; k++) {
        if (tensor_count(&in->inputs[k]->constant) != 1) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "an input is not one number");
        }
        number[k] = tensor_get_double(&in->inputs[k]->constant, 0);
    }
    double count = ceil((number[1] - number[0]) / number[2]);
    if (!(count <= MAX_FOLDED)) { /* NaN too */
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a range without end");
    }
    int64_t dim = count > 0 ? (int64_t)count : 0;
    enum fscnn_status status = onnx_fold_create(in, in->inputs[0]->constant.dtype, 1, &dim, &out);
    for (int64_t i = 0; status == FSCNN_OK && i < dim; i++) {
        onnx_fold_put(&out, (size_t)i, number[0] + (double)i * number[2]);
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

/* ---- the table ---- */

static const struct onnx_folder folders[] = {
    {"Abs", fold_unary},
    {"Add", fold_binary},
    {"And", fold_binary},
    {"Cast", fold_cast},
    {"Ceil", fold_unary},
    {"Concat", onnx_fold_concat},
    {"Constant", fold_constant},
    {"ConstantOfShape", fold_constant_of_shape},
    {"Div", fold_binary},
    {"Equal", fold_binary},
    {"Expand", onnx_fold_expand},
    {"Flatten", onnx_fold_flatten},
    {"Floor", fold_unary},
    {"Gather", onnx_fold_gather},
    {"Greater", fold_binary},
    {"Identity", fold_identity},
    {"Less", fold_binary},
    {"Max", fold_binary},
    {"Min", fold_binary},
    {"Mul", fold_binary},
    {"Neg", fold_unary},
    {"Not", fold_unary},
    {"Or", fold_binary},
    {"Pow", fold_binary},
    {"Range", fold_range},
    {"Reciprocal", fold_unary},
    {"Reshape", onnx_fold_reshape},
    {"Round", fold_unary},
    {"Shape", fold_shape},
    {"Slice", onnx_fold_slice},
    {"Sqrt", fold_unary},
    {"Squeeze", onnx_fold_squeeze},
    {"Sub", fold_binary},
    {"Transpose", onnx_fold_transpose},
    {"Unsqueeze", onnx_fold_unsqueeze},
    {"Where", fold_where},
};

bool onnx_can_fold(const char *op_type) {
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        if (strcmp(folders[i].op_type, op_type) == 0) {
            return true;
        }
    }
    return false;
}

enum fscnn_status onnx_fold(struct onnx_import *in) {
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        if (strcmp(folders[i].op_type, in->node->op_type) == 0) {
            return folders[i].fold(in);
        }
    }
    return onnx_refuse_operator(in);
}
