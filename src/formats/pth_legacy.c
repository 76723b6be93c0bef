#include <string.h>

#include "formats/pth_container.h"

/* 0x1950a86a20f9469cfc6c as pickles write it: LONG1 or the digits of LONG. */
static const uint8_t magic_bytes[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
static const char magic_digits[] = "119547037146038801333356";

enum { PROTOCOL_VERSION = 1001, MAGIC_WITHIN = 40 };

bool pth_legacy_is(const void *data, size_t size) {
    size_t head = size < MAGIC_WITHIN ? size : MAGIC_WITHIN;
    return data && (memmem(data, head, magic_bytes, sizeof(magic_bytes)) ||
                    memmem(data, head, magic_digits, strlen(magic_digits)));
}

static bool is_magic(const struct pickle_value *value) {
    size_t length = value->kind == PICKLE_BIG_INT ? value->length : 0;
    return (length == sizeof(magic_bytes) && memcmp(value->text, magic_bytes, length) == 0) ||
           (length == strlen(magic_digits) && memcmp(value->text, magic_digits, length) == 0);
}

static bool says_big_endian(const struct pickle_value *facts) {
    for (uint32_t i = 0; i + 1 < facts->count; i += 2) {
        if (pickle_is_string(facts->items[i], "little_endian")) {
            return facts->items[i + 1]->kind == PICKLE_BOOL && facts->items[i + 1]->integer == 0;
        }
    }
    return false;
}

/* Magic number, protocol version and the facts about the machine that wrote it. */
static enum fscnn_status read_header(struct bytes *in, struct arena *arena, struct fscnn_error *err) {
    struct pickle magic, version, facts;
    enum fscnn_status status = pickle_parse(in, "header", pth_role_of, arena, &magic, err);
    if (status == FSCNN_OK && !is_magic(magic.root)) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "header: not torch's magic number");
    }
    status = status == FSCNN_OK ? pickle_parse(in, "header", pth_role_of, arena, &version, err) : status;
    if (status == FSCNN_OK && (version.root->kind != PICKLE_INT || version.root->integer != PROTOCOL_VERSION)) {
        status = error_set(err, FSCNN_ERROR_UNSUPPORTED, "header: its protocol version is not %d", PROTOCOL_VERSION);
    }
    status = status == FSCNN_OK ? pickle_parse(in, "header", pth_role_of, arena, &facts, err) : status;
    if (status == FSCNN_OK && facts.root->kind != PICKLE_DICT) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "header: no facts about the machine that wrote it");
    }
    if (status == FSCNN_OK && says_big_endian(facts.root)) {
        status = error_set(err, FSCNN_ERROR_UNSUPPORTED, "header: written by a big-endian machine");
    }
    return status;
}

/* One storage: its int64 count, then its elements. */
static enum fscnn_status read_blob(struct bytes *in, const struct pickle_value *key,
                                   const struct pth_storages *storages, struct fscnn_error *err) {
    size_t at = in->pos;
    if (key->kind != PICKLE_STRING) {
        return error_set(err, FSCNN_ERROR_FORMAT, "storage keys: %s is no key", pickle_kind_name(key->kind));
    }
    int length = key->length < 60 ? (int)key->length : 60;
    struct pth_storage *storage = pth_storages_find(storages, key->text, key->length);
    if (!storage || storage->source) {
        return error_set(err, FSCNN_ERROR_FORMAT, "storage keys: '%.*s' is %s", length, key->text,
                         storage ? "listed twice" : "of no tensor, so its size is unknown");
    }
    uint64_t count = bytes_u64(in);
    if (!in->failed && (count > SIZE_MAX / storage->unit || count * storage->unit != storage->bytes)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "storage '%.*s' +%zu: has %llu elements, %zu expected", length,
                         key->text, at, (unsigned long long)count, storage->bytes / storage->unit);
    }
    size_t left = bytes_left(in);
    storage->source = bytes_take(in, storage->bytes);
    if (!storage->source) {
        return error_set(err, FSCNN_ERROR_FORMAT, "storage '%.*s' +%zu: file ends after %zu of %zu bytes", length,
                         key->text, at, left, storage->bytes);
    }
    return FSCNN_OK;
}

static enum fscnn_status load_storage(struct pth_container *self, struct pth_storage *storage, struct arena *arena,
                                      struct fscnn_error *err) {
    (void)self;
    if (!storage->source) {
        return error_set(err, FSCNN_ERROR_FORMAT, "storage '%.*s' is not in the file", (int)storage->key_length,
                         storage->key);
    }
    uint8_t *data = arena_alloc(arena, storage->bytes, 1);
    if (!data) {
        return error_memory(err, storage->bytes, "a storage");
    }
    memcpy(data, storage->source, storage->bytes);
    storage->data = data;
    return FSCNN_OK;
}

enum fscnn_status pth_legacy_open(const void *data, size_t size, struct arena *arena, struct pth_content *out,
                                  struct fscnn_error *err) {
    static struct pth_container container = {.kind = "legacy", .place = "object", .load = load_storage};
    struct bytes in = bytes_over(data, size);
    struct pickle keys = {0};
    *out = (struct pth_content){.container = &container};
    enum fscnn_status status = read_header(&in, arena, err);
    status = status == FSCNN_OK ? pth_object_parse(&in, container.place, arena, out, err) : status;
    status = status == FSCNN_OK ? pickle_parse(&in, "storage keys", pth_role_of, arena, &keys, err) : status;
    if (status == FSCNN_OK && keys.root->kind != PICKLE_LIST) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "storage keys: %s, not a list", pickle_kind_name(keys.root->kind));
    }
    for (uint32_t i = 0; status == FSCNN_OK && i < keys.root->count; i++) {
        status = read_blob(&in, keys.root->items[i], &out->storages, err);
    }
    return status;
}
