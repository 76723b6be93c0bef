/* Constant folding of the operators that only move elements: reshapes, slices, transposes, concatenation. */
#include <string.h>

#include "import/onnx_fold.h"

#define MAX_PRODUCT ((int64_t)1 << 40) /* of dimensions, as onnx_tensor_view has it */

static enum fscnn_status missing(struct onnx_import *in) {
    return onnx_refuse(in, FSCNN_ERROR_FORMAT, "an input is missing");
}

static enum fscnn_status get_data(struct onnx_import *in, const struct tensor **out) {
    const struct onnx_value *value = onnx_input(in, 0);
    *out = value ? &value->constant : NULL;
    return value ? FSCNN_OK : missing(in);
}

/* out[i] = t[base + sum of position * stride], strides in elements of t, any sign. */
static void copy_strided(const struct tensor *t, struct tensor *out, int64_t base, const int64_t *strides) {
    size_t size = dtype_size(t->dtype), count = tensor_count(out);
    for (size_t i = 0; i < count; i++) {
        size_t rest = i;
        int64_t from = base;
        for (int axis = out->rank - 1; axis >= 0; axis--) {
            from += (int64_t)(rest % (size_t)out->shape[axis]) * strides[axis];
            rest /= (size_t)out->shape[axis];
        }
        memcpy((char *)out->data + i * size, (const char *)t->data + (size_t)from * size, size);
    }
}

static void natural_strides(const struct tensor *t, int64_t *strides) {
    int64_t step = 1;
    for (int axis = t->rank - 1; axis >= 0; axis--) {
        strides[axis] = step;
        step *= t->shape[axis];
    }
}

/* The same data under another shape of as many elements. */
static enum fscnn_status set_reshaped(struct onnx_import *in, const struct tensor *t, int rank, const int64_t *shape) {
    struct tensor out = *t;
    out.rank = rank;
    memcpy(out.shape, shape, (size_t)rank * sizeof(*shape));
    return onnx_set_constant(in, &out);
}

enum fscnn_status onnx_resolve_reshape(struct onnx_import *in, const int64_t *from, int from_rank, int64_t *shape,
                                       int rank) {
    int64_t allow_zero, count = 1, known = 1, product = 1; /* product: without zeros */
    int free_axis = -1;
    enum fscnn_status status = onnx_get_int(in, "allowzero", 0, &allow_zero);
    if (status != FSCNN_OK) {
        return status;
    }
    for (int i = 0; i < from_rank; i++) {
        count *= from[i];
    }
    for (int i = 0; i < rank; i++) {
        if (shape[i] == 0 && !allow_zero && i < from_rank) {
            shape[i] = from[i];
        }
        if (shape[i] == -1 && free_axis < 0) {
            free_axis = i;
        } else if (shape[i] < 0 || shape[i] > MAX_PRODUCT || product > MAX_PRODUCT / (shape[i] ? shape[i] : 1)) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a dimension of %lld", (long long)shape[i]);
        } else {
            known *= shape[i];
            product *= shape[i] ? shape[i] : 1;
        }
    }
    if (free_axis >= 0 && known > 0 && count % known == 0) {
        shape[free_axis] = count / known;
        known = count;
    }
    if (known != count || (free_axis >= 0 && shape[free_axis] < 0)) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "%lld elements do not fit the new shape", (long long)count);
    }
    return FSCNN_OK;
}

enum fscnn_status onnx_fold_reshape(struct onnx_import *in) {
    const struct tensor *t;
    int64_t shape[TENSOR_MAX_RANK] = {0};
    int rank = 0;
    enum fscnn_status status = get_data(in, &t);
    if (status == FSCNN_OK) {
        status = onnx_get_ints_or_input(in, "shape", 5, 1, TENSOR_MAX_RANK, shape, &rank);
    }
    if (status == FSCNN_OK) {
        status = onnx_resolve_reshape(in, t->shape, t->rank, shape, rank);
    }
    return status == FSCNN_OK ? set_reshaped(in, t, rank, shape) : status;
}

enum fscnn_status onnx_fold_flatten(struct onnx_import *in) {
    const struct tensor *t;
    int64_t value, shape[2] = {1, 1};
    enum fscnn_status status = get_data(in, &t);
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "axis", 1, &value);
    }
    if (status == FSCNN_OK && (value < -t->rank || value > t->rank)) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "axis %lld", (long long)value);
    }
    for (int i = 0; status == FSCNN_OK && i < t->rank; i++) {
        shape[i >= (value < 0 ? value + t->rank : value)] *= t->shape[i];
    }
    return status == FSCNN_OK ? set_reshaped(in, t, 2, shape) : status;
}

/* The axes of Squeeze, Unsqueeze (attribute, since opset 13 an input) as a set. */
static enum fscnn_status get_axis_set(struct onnx_import *in, int rank, unsigned *set, int *count) {
    int64_t axes[TENSOR_MAX_RANK];
    enum fscnn_status status = onnx_get_ints_or_input(in, "axes", 13, 1, TENSOR_MAX_RANK, axes, count);
    *set = 0;
    for (int i = 0; status == FSCNN_OK && i < *count; i++) {
        int axis;
        status = onnx_fix_axis(in, axes[i], rank, &axis);
        if (status == FSCNN_OK && *set >> axis & 1) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "axis %d twice", axis);
        }
        *set |= status == FSCNN_OK ? 1U << axis : 0;
    }
    return status;
}

enum fscnn_status onnx_fold_squeeze(struct onnx_import *in) {
    const struct tensor *t;
    unsigned set;
    int count, rank = 0;
    int64_t shape[TENSOR_MAX_RANK] = {0};
    enum fscnn_status status = get_data(in, &t);
    if (status == FSCNN_OK) {
        status = get_axis_set(in, t->rank, &set, &count);
    }
    for (int i = 0; status == FSCNN_OK && i < t->rank; i++) {
        bool taken = count ? set >> i & 1 : t->shape[i] == 1;
        if (taken && t->shape[i] != 1) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "dimension %d is not 1", i);
        }
        if (!taken) {
            shape[rank++] = t->shape[i];
        }
    }
    return status == FSCNN_OK ? set_reshaped(in, t, rank, shape) : status;
}

enum fscnn_status onnx_fold_unsqueeze(struct onnx_import *in) {
    const struct tensor *t;
    unsigned set;
    int count, from = 0;
    int64_t axes[TENSOR_MAX_RANK], shape[TENSOR_MAX_RANK] = {0};
    enum fscnn_status status = get_data(in, &t);
    if (status == FSCNN_OK) { /* how many there are says what the axes are counted in */
        status = onnx_get_ints_or_input(in, "axes", 13, 1, TENSOR_MAX_RANK, axes, &count);
    }
    if (status == FSCNN_OK && t->rank + count > TENSOR_MAX_RANK) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "more than %d dimensions", TENSOR_MAX_RANK);
    }
    int rank = status == FSCNN_OK ? t->rank + count : 0;
    if (status == FSCNN_OK) {
        status = get_axis_set(in, rank, &set, &count);
    }
    for (int i = 0; status == FSCNN_OK && i < rank; i++) {
        shape[i] = set >> i & 1 ? 1 : t->shape[from++];
    }
    return status == FSCNN_OK ? set_reshaped(in, t, rank, shape) : status;
}

enum fscnn_status onnx_fold_transpose(struct onnx_import *in) {
    const struct tensor *t;
    int64_t order[TENSOR_MAX_RANK], shape[TENSOR_MAX_RANK] = {0}, natural[TENSOR_MAX_RANK], strides[TENSOR_MAX_RANK];
    int count;
    unsigned seen = 0;
    struct tensor out;
    enum fscnn_status status = get_data(in, &t);
    if (status == FSCNN_OK) {
        status = onnx_get_ints(in, "perm", TENSOR_MAX_RANK, order, &count);
    }
    if (status == FSCNN_OK && count && count != t->rank) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "perm of a wrong length");
    }
    if (status == FSCNN_OK) {
        natural_strides(t, natural);
    }
    for (int i = 0; status == FSCNN_OK && i < t->rank; i++) {
        int64_t axis = count ? order[i] : t->rank - 1 - i;
        if (axis < 0 || axis >= t->rank || seen >> axis & 1) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "perm is not a permutation");
        }
        seen |= 1U << axis;
        shape[i] = t->shape[axis];
        strides[i] = natural[axis];
    }
    if (status == FSCNN_OK) {
        status = onnx_fold_create(in, t->dtype, t->rank, shape, &out);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    copy_strided(t, &out, 0, strides);
    return onnx_set_constant(in, &out);
}

enum fscnn_status onnx_fold_expand(struct onnx_import *in) {
    const struct tensor *t;
    int64_t wanted[TENSOR_MAX_RANK], shape[TENSOR_MAX_RANK] = {0}, natural[TENSOR_MAX_RANK], strides[TENSOR_MAX_RANK];
    int count;
    struct tensor out;
    enum fscnn_status status = get_data(in, &t);
    if (status == FSCNN_OK) {
        status = onnx_get_ints_or_input(in, "shape", 8, 1, TENSOR_MAX_RANK, wanted, &count);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    int rank = count > t->rank ? count : t->rank;
    natural_strides(t, natural);
    for (int i = 0; i < rank; i++) {
        int own = i - (rank - t->rank), other = i - (rank - count);
        int64_t from = own >= 0 ? t->shape[own] : 1, to = other >= 0 ? wanted[other] : 1;
        if (from != 1 && to != 1 && from != to) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "dimension %d cannot become %lld", i, (long long)to);
        }
        shape[i] = from == 1 ? to : from;
        strides[i] = own >= 0 && from != 1 ? natural[own] : 0;
    }
    status = onnx_fold_create(in, t->dtype, rank, shape, &out);
    if (status != FSCNN_OK) {
        return status;
    }
    copy_strided(t, &out, 0, strides);
    return onnx_set_constant(in, &out);
}

enum fscnn_status onnx_fold_gather(struct onnx_import *in) {
    const struct tensor *t;
    int64_t value, shape[2 * TENSOR_MAX_RANK] = {0}, outer = 1, inner = 1;
    int axis, rank = 0;
    struct tensor out;
    enum fscnn_status status = get_data(in, &t);
    if (status == FSCNN_OK && !onnx_input(in, 1)) {
        status = missing(in);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "axis", 0, &value);
    }
    if (status == FSCNN_OK) {
        status = onnx_fix_axis(in, value, t->rank, &axis);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    const struct tensor *indices = &in->inputs[1]->constant;
    for (int i = 0; i < axis; i++) {
        shape[rank++] = t->shape[i];
        outer *= t->shape[i];
    }
    for (int i = 0; i < indices->rank; i++) {
        shape[rank++] = indices->shape[i];
    }
    for (int i = axis + 1; i < t->rank; i++) {
        shape[rank++] = t->shape[i];
        inner *= t->shape[i];
    }
    status = onnx_fold_create(in, t->dtype, rank, shape, &out);
    if (status == FSCNN_OK && tensor_count(&out) == 0) {
        return onnx_set_constant(in, &out);
    }
    size_t count = tensor_count(indices), bytes = (size_t)inner * dtype_size(t->dtype);
    for (size_t i = 0; status == FSCNN_OK && i < (size_t)outer * count; i++) {
        int64_t index = tensor_get_int(indices, i % count), size = t->shape[axis];
        index += index < 0 ? size : 0;
        if (index < 0 || index >= size) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "index %lld of %lld", (long long)index, (long long)size);
        }
        memcpy((char *)out.data + i * bytes,
               (const char *)t->data + ((size_t)(i / count) * (size_t)size + (size_t)index) * bytes, bytes);
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

/* One axis of a slice: where it begins and how many steps it has, by ONNX's rules for numbers from the end. */
static enum fscnn_status slice_axis(struct onnx_import *in, int64_t size, int64_t start, int64_t end, int64_t step,
                                    int64_t *first, int64_t *count) {
    *first = 0;
    *count = 0;
    if (step == 0 || step == INT64_MIN) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "a step of %lld", (long long)step);
    }
    start += start < 0 ? size : 0;
    end += end < 0 ? size : 0;
    if (step > 0) {
        start = clamp(start, 0, size);
        end = clamp(end, 0, size);
        *count = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp(start, 0, size - 1);
        end = clamp(end, -1, size - 1);
        *count = size > 0 && start > end ? (start - end - 1) / -step + 1 : 0;
    }
    *first = start;
    return FSCNN_OK;
}

enum fscnn_status onnx_fold_slice(struct onnx_import *in) {
    const struct tensor *t;
    int64_t lists[4][TENSOR_MAX_RANK]; /* starts, ends, axes, steps */
    static const char *const names[] = {"starts", "ends", "axes", "steps"};
    int counts[4] = {0};
    int64_t shape[TENSOR_MAX_RANK] = {0}, strides[TENSOR_MAX_RANK] = {0}, base = 0;
    unsigned seen = 0;
    enum fscnn_status status = get_data(in, &t);
    for (int k = 0; status == FSCNN_OK && k < (in->opset < 10 ? 3 : 4); k++) {
        status = onnx_get_ints_or_input(in, names[k], 10, k + 1, TENSOR_MAX_RANK, lists[k], &counts[k]);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    int count = counts[0];
    if (counts[1] != count || (counts[2] && counts[2] != count) || (counts[3] && counts[3] != count)) {
        return onnx_refuse(in, FSCNN_ERROR_FORMAT, "starts, ends, axes and steps of different lengths");
    }
    natural_strides(t, strides);
    memcpy(shape, t->shape, sizeof(shape));
    for (int i = 0; i < count; i++) {
        int axis;
        int64_t first, step = counts[3] ? lists[3][i] : 1;
        status = onnx_fix_axis(in, counts[2] ? lists[2][i] : i, t->rank, &axis);
        if (status == FSCNN_OK && seen >> axis & 1) {
            status = onnx_refuse(in, FSCNN_ERROR_FORMAT, "axis %d twice", axis);
        }
        if (status == FSCNN_OK) {
            status = slice_axis(in, t->shape[axis], lists[0][i], lists[1][i], step, &first, &shape[axis]);
        }
        if (status != FSCNN_OK) {
            return status;
        }
        seen |= 1U << axis;
        base += first * strides[axis];
        strides[axis] *= shape[axis] > 1 ? step : 0; /* a single element needs no step, however large */
    }
    struct tensor out;
    status = onnx_fold_create(in, t->dtype, t->rank, shape, &out);
    if (status != FSCNN_OK) {
        return status;
    }
    copy_strided(t, &out, base, strides);
    return onnx_set_constant(in, &out);
}

enum fscnn_status onnx_fold_concat(struct onnx_import *in) {
    const struct tensor *t;
    int64_t value, shape[TENSOR_MAX_RANK] = {0}, outer = 1, inner = 1;
    int axis;
    struct tensor out;
    enum fscnn_status status = get_data(in, &t);
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "axis", 0, &value);
    }
    if (status == FSCNN_OK) {
        status = onnx_fix_axis(in, value, t->rank, &axis);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    memcpy(shape, t->shape, sizeof(shape));
    shape[axis] = 0;
    for (int k = 0; k < in->num_inputs; k++) {
        const struct tensor *part = in->inputs[k] ? &in->inputs[k]->constant : NULL;
        bool fits = part && part->rank == t->rank && part->dtype == t->dtype;
        for (int i = 0; fits && i < t->rank; i++) {
            fits = i == axis || part->shape[i] == t->shape[i];
        }
        if (!fits) {
            return onnx_refuse(in, FSCNN_ERROR_FORMAT, "input %d does not fit the first", k);
        }
        shape[axis] += part->shape[axis]; /* 256 inputs of at most 2^40 */
    }
    status = onnx_fold_create(in, t->dtype, t->rank, shape, &out);
    for (int i = 0; i < t->rank; i++) {
        outer *= i < axis ? t->shape[i] : 1;
        inner *= i > axis ? t->shape[i] : 1;
    }
    if (status == FSCNN_OK && tensor_count(&out) == 0) {
        return onnx_set_constant(in, &out);
    }
    char *to = (char *)out.data;
    for (int64_t row = 0; status == FSCNN_OK && row < outer; row++) {
        for (int k = 0; k < in->num_inputs; k++) {
            const struct tensor *part = &in->inputs[k]->constant;
            size_t bytes = (size_t)(part->shape[axis] * inner) * dtype_size(t->dtype);
            if (bytes > 0) {
                memcpy(to, (const char *)part->data + (size_t)row * bytes, bytes);
                to += bytes;
            }
        }
    }
    return status == FSCNN_OK ? onnx_set_constant(in, &out) : status;
}
