#include "formats/pth_tensor.h"

#include <string.h>

enum { MAX_WRAPPERS = 4 };

/* A tensor as the pickle states it. */
struct view {
    struct pth_storage_id storage;
    enum dtype dtype;
    int64_t offset;
    int rank;
    int64_t shape[TENSOR_MAX_RANK], strides[TENSOR_MAX_RANK]; /* in elements */
};

static bool is_tensor_role(int role) { return role >= PTH_TENSOR_V1 && role <= PTH_TENSOR_OF_TYPE; }

bool pth_is_tensor(const struct pickle_value *value) {
    return value->kind == PICKLE_OBJECT && is_tensor_role(value->role);
}

/* Steps through Parameter(tensor, ...) and _rebuild_from_type_v2(function, type, arguments, state) to the call that
 * makes the tensor: its role and arguments. False: malformed. */
static bool unwrap(const struct pickle_value *value, int *role, const struct pickle_value **args) {
    for (int i = 0; i < MAX_WRAPPERS && pth_is_tensor(value); i++) {
        *role = value->role;
        *args = value->args;
        if (*role == PTH_TENSOR_OF_TYPE) {
            const struct pickle_value *list = *args;
            if (list->count < 3 || list->items[0]->kind != PICKLE_GLOBAL || list->items[2]->kind != PICKLE_TUPLE) {
                return false;
            }
            *role = list->items[0]->role;
            *args = list->items[2];
        }
        if (*role != PTH_PARAMETER) {
            return *role >= PTH_TENSOR_V1 && *role <= PTH_TENSOR_V3;
        }
        if ((*args)->count < 1) {
            return false;
        }
        value = (*args)->items[0];
    }
    return false;
}

/* A tuple of ints, plain or as torch.Size(tuple). */
static const struct pickle_value *int_tuple(const struct pickle_value *value) {
    if (value->kind == PICKLE_OBJECT && value->role == PTH_SIZE && value->args->count == 1) {
        value = value->args->items[0];
    }
    if (value->kind != PICKLE_TUPLE) {
        return NULL;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->items[i]->kind != PICKLE_INT) {
            return NULL;
        }
    }
    return value;
}

static enum fscnn_status read_shape(const struct pickle_value *args, struct view *view, struct fscnn_error *err) {
    const struct pickle_value *shape = int_tuple(args->items[2]), *strides = int_tuple(args->items[3]);
    if (!shape || !strides || shape->count != strides->count || args->items[1]->kind != PICKLE_INT) {
        return error_set(err, FSCNN_ERROR_FORMAT, "offset, sizes or strides are not what a tensor has");
    }
    if (shape->count > TENSOR_MAX_RANK) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%u dimensions (at most %d)", shape->count, TENSOR_MAX_RANK);
    }
    view->offset = args->items[1]->integer;
    view->rank = (int)shape->count;
    bool negative = view->offset < 0;
    for (int i = 0; i < view->rank; i++) {
        view->shape[i] = shape->items[i]->integer;
        view->strides[i] = strides->items[i]->integer;
        negative |= view->shape[i] < 0 || view->strides[i] < 0;
        view->strides[i] = view->shape[i] > 1 ? view->strides[i] : 0; /* never stepped along: may hold anything */
    }
    return negative ? error_set(err, FSCNN_ERROR_FORMAT, "offset, size or stride is negative") : FSCNN_OK;
}

static enum fscnn_status read_view(const struct pickle_value *value, struct view *view, struct fscnn_error *err) {
    int role = 0;
    const struct pickle_value *args = NULL;
    *view = (struct view){0};
    if (!unwrap(value, &role, &args)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "not a well-formed tensor");
    }
    uint32_t least = role == PTH_TENSOR_V1 ? 4 : role == PTH_TENSOR_V2 ? 6 : 7;
    if (args->count < least || args->items[0]->kind != PICKLE_PERSISTENT) {
        return error_set(err, FSCNN_ERROR_FORMAT, "a tensor is not (storage, offset, sizes, strides, ...)");
    }
    enum fscnn_status status = pth_storage_id_read(args->items[0], &view->storage, err);
    if (status != FSCNN_OK) {
        return status;
    }
    view->dtype = view->storage.dtype;
    if (role == PTH_TENSOR_V3) {
        const struct pickle_value *dtype = args->items[6];
        if (dtype->kind != PICKLE_GLOBAL || dtype->role < PTH_DTYPE || dtype->role >= PTH_ROLE_END) {
            return error_set(err, FSCNN_ERROR_FORMAT, "a tensor names no element type");
        }
        view->dtype = (enum dtype)(dtype->role - PTH_DTYPE);
    } else if (!view->storage.typed) {
        return error_set(err, FSCNN_ERROR_FORMAT, "a tensor's storage has no element type");
    }
    return read_shape(args, view, err);
}

/* Every index that the view reaches lies within its part of the storage; *count gets its elements. */
static enum fscnn_status check_view(const struct view *view, size_t *count, struct fscnn_error *err) {
    size_t bytes = view->storage.view_elements * view->storage.unit;
    int64_t available = (int64_t)(bytes / dtype_size(view->dtype));
    int64_t elements = 1, last = view->offset;
    bool empty = false, overflow = false;
    for (int i = 0; i < view->rank; i++) {
        int64_t reach = 0, size = view->shape[i];
        empty |= size == 0;
        overflow |= __builtin_mul_overflow(elements, size ? size : 1, &elements);
        if (size > 1) {
            overflow |= __builtin_mul_overflow(size - 1, view->strides[i], &reach);
            overflow |= __builtin_add_overflow(last, reach, &last);
        }
    }
    *count = empty ? 0 : (size_t)elements;
    if (overflow || (uint64_t)elements > SIZE_MAX / 8 || (!empty && last >= available)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "its view reaches beyond storage '%.*s' of %lld elements",
                         (int)view->storage.key->length, view->storage.key->text, (long long)available);
    }
    return FSCNN_OK;
}

static bool is_contiguous(const struct view *view) {
    int64_t expected = 1;
    for (int i = view->rank; i-- > 0;) {
        if (view->shape[i] != 1 && view->strides[i] != expected) {
            return false;
        }
        expected *= view->shape[i];
    }
    return true;
}

static void copy_element(void *to, const void *from, size_t size) {
    switch (size) {
    case 1: memcpy(to, from, 1); break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    default: memcpy(to, from, 8); break;
    }
}

/* out[count] <- elements at `from`, last dimension fastest. */
static void gather(const struct view *view, const uint8_t *from, size_t count, uint8_t *out) {
    size_t size = dtype_size(view->dtype);
    int64_t index[TENSOR_MAX_RANK] = {0}, at = 0;
    for (size_t i = 0; i < count; i++) {
        copy_element(out + i * size, from + (size_t)at * size, size);
        for (int d = view->rank; d-- > 0;) {
            at += view->strides[d];
            if (++index[d] < view->shape[d]) {
                break;
            }
            at -= view->strides[d] * view->shape[d];
            index[d] = 0;
        }
    }
}

enum fscnn_status pth_tensor_read(const struct pickle_value *value, const struct pth_storages *storages,
                                  struct pth_container *container, struct arena *arena, struct tensor *out,
                                  struct fscnn_error *err) {
    struct view view;
    size_t count = 0;
    enum fscnn_status status = read_view(value, &view, err);
    status = status == FSCNN_OK ? check_view(&view, &count, err) : status;
    if (status != FSCNN_OK) {
        return status;
    }
    out->dtype = view.dtype;
    out->rank = view.rank;
    memcpy(out->shape, view.shape, sizeof(view.shape));
    size_t size = dtype_size(view.dtype);
    bool in_place = count > 0 && is_contiguous(&view);
    const uint8_t *from = NULL;
    if (count > 0) {
        struct pth_storage *storage = pth_storages_find(storages, view.storage.key->text, view.storage.key->length);
        status = storage->data ? FSCNN_OK : container->load(container, storage, arena, err);
        if (status != FSCNN_OK) {
            return status;
        }
        from = storage->data + view.storage.view_start * view.storage.unit + (size_t)view.offset * size;
    }
    uint8_t *copy = in_place ? NULL : arena_alloc(arena, count, size);
    if (!in_place && !copy) {
        return error_set(err, FSCNN_ERROR_MEMORY, "%zu elements need more memory than a file of this size may", count);
    }
    if (!in_place) {
        gather(&view, from, count, copy);
    }
    out->data = in_place ? from : copy;
    return FSCNN_OK;
}
