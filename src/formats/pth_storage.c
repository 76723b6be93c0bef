#include "formats/pth_storage.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_KEY = 256 };

static bool is_printable(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return true;
}

static bool read_type(const struct pickle_value *type, struct pth_storage_id *out) {
    out->typed = type->kind == PICKLE_GLOBAL && type->role >= PTH_STORAGE && type->role < PTH_DTYPE;
    out->dtype = out->typed ? (enum dtype)(type->role - PTH_STORAGE) : DTYPE_U8;
    out->unit = dtype_size(out->dtype);
    return out->typed || (type->kind == PICKLE_GLOBAL && type->role == PTH_BYTES);
}

static bool read_count(const struct pickle_value *value, size_t most, size_t *out) {
    *out = value->kind == PICKLE_INT ? (size_t)value->integer : 0;
    return value->kind == PICKLE_INT && value->integer >= 0 && (uint64_t)value->integer <= most;
}

/* (key, first element, elements), or None. */
static bool read_view(const struct pickle_value *view, struct pth_storage_id *out) {
    if (view->kind == PICKLE_NONE) {
        return true;
    }
    return view->kind == PICKLE_TUPLE && view->count == 3 &&
           read_count(view->items[1], out->elements, &out->view_start) &&
           read_count(view->items[2], out->elements - out->view_start, &out->view_elements);
}

enum fscnn_status pth_storage_id_read(const struct pickle_value *persistent, struct pth_storage_id *out,
                                      struct fscnn_error *err) {
    const struct pickle_value *id = persistent->args;
    *out = (struct pth_storage_id){0};
    if (id->kind != PICKLE_TUPLE || (id->count != 5 && id->count != 6) || !pickle_is_string(id->items[0], "storage") ||
        id->items[2]->kind != PICKLE_STRING || !read_type(id->items[1], out)) {
        return error_set(err, FSCNN_ERROR_FORMAT,
                         "a persistent id is not ('storage', type, key, location, number of elements)");
    }
    out->key = id->items[2];
    if (out->key->length == 0 || out->key->length > MAX_KEY || !is_printable(out->key->text, out->key->length)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "a storage's key is empty, too long or not printable");
    }
    if (!read_count(id->items[4], (size_t)INT64_MAX / out->unit, &out->elements)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "storage '%.*s' has an impossible number of elements",
                         (int)out->key->length, out->key->text);
    }
    out->view_elements = out->elements;
    if (id->count == 6 && !read_view(id->items[5], out)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "a view of storage '%.*s' reaches beyond its %zu elements",
                         (int)out->key->length, out->key->text, out->elements);
    }
    return FSCNN_OK;
}

static int compare_keys(const char *a, size_t a_length, const char *b, size_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_storages(const void *a, const void *b) {
    const struct pth_storage *x = a, *y = b;
    int order = compare_keys(x->key, x->key_length, y->key, y->key_length);
    return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

/* Keeps the first of each key; those that follow must declare the same. */
static enum fscnn_status drop_repeats(struct pth_storages *storages, const char *place, struct fscnn_error *err) {
    size_t kept = 0;
    for (size_t i = 0; i < storages->count; i++) {
        const struct pth_storage *next = &storages->items[i];
        const struct pth_storage *last = kept ? &storages->items[kept - 1] : NULL;
        if (!last || compare_keys(last->key, last->key_length, next->key, next->key_length) != 0) {
            storages->items[kept++] = *next;
        } else if (last->unit != next->unit || last->bytes != next->bytes) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s +%zu: storage '%.*s' is %zu bytes here, %zu bytes at +%zu",
                             place, next->offset, (int)next->key_length, next->key, next->bytes, last->bytes,
                             last->offset);
        }
    }
    storages->count = kept;
    return FSCNN_OK;
}

enum fscnn_status pth_storages_collect(const struct pickle *pickle, const char *place, struct arena *arena,
                                       struct pth_storages *out, struct fscnn_error *err) {
    size_t count = pickle->num_persistent;
    *out = (struct pth_storages){.items = arena_alloc(arena, count, sizeof(*out->items))};
    if (!out->items) {
        return error_memory(err, count * sizeof(*out->items), "storages");
    }
    for (size_t i = 0; i < count; i++) {
        const struct pickle_value *persistent = pickle->persistent[i];
        struct pth_storage_id id;
        enum fscnn_status status = pth_storage_id_read(persistent, &id, err);
        if (status != FSCNN_OK) {
            return error_prefix(err, status, "%s +%zu", place, persistent->offset);
        }
        out->items[out->count++] = (struct pth_storage){.key = id.key->text,
                                                        .key_length = id.key->length,
                                                        .unit = id.unit,
                                                        .bytes = id.elements * id.unit,
                                                        .offset = persistent->offset};
    }
    qsort(out->items, out->count, sizeof(*out->items), compare_storages);
    return drop_repeats(out, place, err);
}

struct pth_storage *pth_storages_find(const struct pth_storages *storages, const char *key, size_t key_length) {
    size_t low = 0, high = storages->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct pth_storage *at = &storages->items[middle];
        int order = compare_keys(key, key_length, at->key, at->key_length);
        if (order == 0) {
            return at;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}
