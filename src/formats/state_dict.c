#include "formats/state_dict.h"

#include <stdlib.h>
#include <string.h>

#include "formats/pth_tensor.h"

enum { MAX_NESTING = 4, MAX_LOOKED_AT = 1 << 20, MAX_TENSORS = 1 << 16, MAX_NAME = 400 };

/* Under these keys training scripts put the state_dict; the first one found counts. */
static const char *const usual_keys[] = {"state_dict", "model_state_dict", "model_state", "model", "net",
                                         "network",    "module",           "weights",     "params"};
/* What wrappers (DataParallel, Lightning, torch.compile) put before every name. */
static const char *const usual_prefixes[] = {"module.", "model.", "_orig_mod."};

/* ------------------------------------------------------------------------------- mappings ---- */

/* Python 2 pickled OrderedDict([[key, value], ...]) as a call with the list. */
static const struct pickle_value *pair_list(const struct pickle_value *value) {
    bool called = value->kind == PICKLE_OBJECT && value->role == PTH_MAPPING && value->args->count == 1;
    const struct pickle_value *list = called ? value->args->items[0] : NULL;
    return list && list->kind == PICKLE_LIST ? list : NULL;
}

static bool is_mapping(const struct pickle_value *value) {
    return value->kind == PICKLE_DICT || (value->kind == PICKLE_OBJECT && value->role == PTH_MAPPING);
}

static size_t mapping_count(const struct pickle_value *map) {
    const struct pickle_value *pairs = pair_list(map);
    return pairs ? pairs->count : map->count / 2;
}

/* Entry i; false where it has no string for a key. */
static bool mapping_entry(const struct pickle_value *map, size_t i, const struct pickle_value **key,
                          const struct pickle_value **value) {
    const struct pickle_value *pairs = pair_list(map);
    struct pickle_value *const *entry = pairs ? NULL : map->items + 2 * i;
    if (pairs) {
        const struct pickle_value *pair = pairs->items[i];
        bool is_pair = (pair->kind == PICKLE_LIST || pair->kind == PICKLE_TUPLE) && pair->count == 2;
        entry = is_pair ? pair->items : NULL;
    }
    if (!entry || entry[0]->kind != PICKLE_STRING) {
        return false;
    }
    *key = entry[0];
    *value = entry[1];
    return true;
}

static const struct pickle_value *mapping_find(const struct pickle_value *map, const char *name) {
    const struct pickle_value *key, *value, *found = NULL;
    for (size_t i = 0; i < mapping_count(map); i++) {
        if (mapping_entry(map, i, &key, &value) && pickle_is_string(key, name)) {
            found = value; /* as in Python, the last one counts */
        }
    }
    return found;
}

static size_t count_tensors(const struct pickle_value *map) {
    const struct pickle_value *key, *value;
    size_t count = 0;
    for (size_t i = 0; i < mapping_count(map); i++) {
        count += mapping_entry(map, i, &key, &value) && pth_is_tensor(value);
    }
    return count;
}

/* --------------------------------------------------------------------- finding the state_dict ---- */

/* The only entry that is a mapping with tensors in it; an error names the rivals. */
static enum fscnn_status find_unusual(const struct pickle_value *map, const struct pickle_value **found,
                                      struct fscnn_error *err) {
    const struct pickle_value *key, *value, *found_key = NULL;
    size_t looked_at = 0;
    for (size_t i = 0; i < mapping_count(map); i++) {
        if (!mapping_entry(map, i, &key, &value) || !is_mapping(value)) {
            continue;
        }
        looked_at += mapping_count(value);
        if (looked_at > MAX_LOOKED_AT) { /* one large dict can be an entry many times over */
            return error_set(err, FSCNN_ERROR_UNSUPPORTED, "too many dicts to look for a state_dict in");
        }
        if (count_tensors(value) == 0) {
            continue;
        }
        if (found_key && *found != value) {
            return error_set(err, FSCNN_ERROR_FORMAT,
                             "tensors both under '%.*s' and under '%.*s': save the network's state_dict alone",
                             (int)(found_key->length < 60 ? found_key->length : 60), found_key->text,
                             (int)(key->length < 60 ? key->length : 60), key->text);
        }
        *found = value;
        found_key = key;
    }
    return FSCNN_OK;
}

/* Goes down through the usual keys, then takes what has tensors in it. */
static enum fscnn_status find_state_dict(const struct pickle_value *root, const struct pickle_value **found,
                                         struct fscnn_error *err) {
    const struct pickle_value *map = root;
    if (!is_mapping(root)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "holds %s, not a state_dict",
                         pth_is_tensor(root) ? "a single tensor" : pickle_kind_name(root->kind));
    }
    for (int depth = 0; depth < MAX_NESTING; depth++) {
        const struct pickle_value *next = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(usual_keys) && !next; i++) {
            const struct pickle_value *value = mapping_find(map, usual_keys[i]);
            next = value && is_mapping(value) && mapping_count(value) > 0 ? value : NULL;
        }
        if (!next) {
            break;
        }
        map = next;
    }
    *found = count_tensors(map) ? map : NULL;
    enum fscnn_status status = *found ? FSCNN_OK : find_unusual(map, found, err);
    if (status == FSCNN_OK && !*found) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "no tensors in it, or none under state_dict, model or the like");
    }
    return status;
}

/* ----------------------------------------------------------------------------------- tensors ---- */

static void strip_prefixes(const char **name, size_t *length) {
    for (size_t i = 0; i < ARRAY_SIZE(usual_prefixes); i++) {
        size_t prefix = strlen(usual_prefixes[i]);
        if (*length > prefix && memcmp(*name, usual_prefixes[i], prefix) == 0) {
            *name += prefix;
            *length -= prefix;
            i = (size_t)-1; /* again from the first: module.model. */
        }
    }
}

static enum fscnn_status read_name(const struct pickle_value *key, struct arena *arena, const char **out,
                                   struct fscnn_error *err) {
    const char *name = key->text;
    size_t length = key->length;
    strip_prefixes(&name, &length);
    bool printable = length > 0 && length <= MAX_NAME;
    for (size_t i = 0; printable && i < length; i++) {
        printable = name[i] > ' ' && name[i] <= '~'; /* ASCII: names go to terminals and logs */
    }
    if (!printable) {
        return error_set(err, FSCNN_ERROR_FORMAT, "the name of a tensor is empty, too long or not printable");
    }
    *out = arena_strndup(arena, name, length);
    return *out ? FSCNN_OK : error_memory(err, length, "a name");
}

static int compare_names(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static enum fscnn_status check_names(const struct checkpoint *checkpoint, struct fscnn_error *err) {
    size_t count = (size_t)checkpoint->num_tensors;
    const char **names = malloc((count + 1) * sizeof(*names));
    if (!names) {
        return error_memory(err, count * sizeof(*names), "names");
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = checkpoint->tensors[i].name;
    }
    qsort(names, count, sizeof(*names), compare_names);
    enum fscnn_status status = FSCNN_OK;
    for (size_t i = 1; i < count && status == FSCNN_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            status = error_set(err, FSCNN_ERROR_FORMAT, "two tensors are called %s", names[i]);
        }
    }
    free(names);
    return status;
}

enum fscnn_status state_dict_read(const struct pickle *pickle, const struct pth_storages *storages,
                                  struct pth_container *container, struct checkpoint *out, struct fscnn_error *err) {
    const struct pickle_value *map, *key, *value;
    enum fscnn_status status = find_state_dict(pickle->root, &map, err);
    if (status != FSCNN_OK) {
        return error_prefix(err, status, "%s", container->place);
    }
    size_t count = count_tensors(map);
    if (count > MAX_TENSORS) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%zu tensors (at most %d)", count, MAX_TENSORS);
    }
    out->tensors = arena_alloc(&out->arena, count, sizeof(*out->tensors));
    if (!out->tensors) {
        return error_memory(err, count * sizeof(*out->tensors), "tensors");
    }
    for (size_t i = 0; i < mapping_count(map); i++) {
        if (!mapping_entry(map, i, &key, &value) || !pth_is_tensor(value)) {
            out->num_others++;
            continue;
        }
        struct tensor *tensor = &out->tensors[out->num_tensors];
        status = read_name(key, &out->arena, &tensor->name, err);
        if (status == FSCNN_OK) {
            status = pth_tensor_read(value, storages, container, &out->arena, tensor, err);
            status = status == FSCNN_OK ? status : error_prefix(err, status, "%s", tensor->name);
        }
        if (status != FSCNN_OK) {
            return error_prefix(err, status, "%s +%zu", container->place, value->offset);
        }
        out->num_tensors++;
    }
    return check_names(out, err);
}
