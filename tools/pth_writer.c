#include "pth_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, LEGACY_PROTOCOL = 1001 };

void blob_put(struct blob *blob, const void *data, size_t size) {
    if (size > blob->capacity - blob->size) {
        blob->capacity = 2 * blob->capacity + size + 256;
        blob->data = realloc(blob->data, blob->capacity);
        if (!blob->data) {
            fprintf(stderr, "out of memory\n");
            exit(EXIT_FAILURE);
        }
    }
    if (size) {
        memcpy(blob->data + blob->size, data, size);
    }
    blob->size += size;
}

void blob_u8(struct blob *blob, uint8_t value) { blob_put(blob, &value, 1); }

void blob_number(struct blob *blob, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        blob_u8(blob, i < 8 ? (uint8_t)(value >> (8 * i)) : 0);
    }
}

void blob_free(struct blob *blob) {
    free(blob->data);
    *blob = (struct blob){0};
}

/* ---------------------------------------------------------------------------------- pickle ---- */

void pickle_start(struct blob *blob) { blob_put(blob, "\x80\x02", 2); }
void pickle_stop(struct blob *blob) { blob_u8(blob, '.'); }
void pickle_none(struct blob *blob) { blob_u8(blob, 'N'); }
void pickle_bool(struct blob *blob, bool value) { blob_u8(blob, value ? 0x88 : 0x89); }

void pickle_int(struct blob *blob, int64_t value) {
    if (value >= 0 && value < 256) {
        blob_u8(blob, 'K');
        blob_u8(blob, (uint8_t)value);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        blob_u8(blob, 'J');
        blob_number(blob, (uint64_t)value, 4);
    } else {
        blob_put(blob, "\x8a\x08", 2);
        blob_number(blob, (uint64_t)value, 8);
    }
}

void pickle_text(struct blob *blob, const char *text) {
    blob_u8(blob, 'X');
    blob_number(blob, strlen(text), 4);
    blob_put(blob, text, strlen(text));
}

void pickle_global(struct blob *blob, const char *module, const char *name) {
    blob_u8(blob, 'c');
    blob_put(blob, module, strlen(module));
    blob_u8(blob, '\n');
    blob_put(blob, name, strlen(name));
    blob_u8(blob, '\n');
}

void pickle_ints(struct blob *blob, const int64_t *values, int count) {
    blob_u8(blob, '(');
    for (int i = 0; i < count; i++) {
        pickle_int(blob, values[i]);
    }
    blob_u8(blob, 't');
}

void pickle_dict_start(struct blob *blob, bool ordered) {
    if (ordered) {
        pickle_global(blob, "collections", "OrderedDict");
        blob_put(blob, ")R", 2);
    } else {
        blob_u8(blob, '}');
    }
    blob_u8(blob, '(');
}

void pickle_dict_end(struct blob *blob) { blob_u8(blob, 'u'); }

static const char *storage_type(enum dtype dtype) {
    static const char *const names[] = {
        [DTYPE_F32] = "FloatStorage",  [DTYPE_F16] = "HalfStorage", [DTYPE_BF16] = "BFloat16Storage",
        [DTYPE_F64] = "DoubleStorage", [DTYPE_I64] = "LongStorage", [DTYPE_I32] = "IntStorage",
        [DTYPE_I16] = "ShortStorage",  [DTYPE_I8] = "CharStorage",  [DTYPE_U8] = "ByteStorage",
        [DTYPE_BOOL] = "BoolStorage"};
    return names[dtype];
}

void pickle_storage(struct blob *blob, const struct pth_view *view) {
    char key[16];
    snprintf(key, sizeof(key), "%d", view->storage);
    blob_u8(blob, '(');
    pickle_text(blob, "storage");
    pickle_global(blob, "torch", storage_type(view->dtype));
    pickle_text(blob, key);
    pickle_text(blob, view->location ? view->location : "cpu");
    pickle_int(blob, view->storage_count);
    if (view->legacy) {
        pickle_none(blob);
    }
    blob_put(blob, "tQ", 2);
}

void pickle_tensor(struct blob *blob, const struct pth_view *view) {
    int64_t contiguous[TENSOR_MAX_RANK], step = 1;
    for (int i = view->rank; !view->strides && i-- > 0;) {
        contiguous[i] = step;
        step *= view->shape[i];
    }
    pickle_global(blob, "torch._utils", "_rebuild_tensor_v2");
    blob_u8(blob, '(');
    pickle_storage(blob, view);
    pickle_int(blob, view->offset);
    pickle_ints(blob, view->shape, view->rank);
    pickle_ints(blob, view->strides ? view->strides : contiguous, view->rank);
    pickle_bool(blob, false);
    pickle_global(blob, "collections", "OrderedDict");
    blob_put(blob, ")RtR", 4);
}

/* ------------------------------------------------------------------------------------- zip ---- */

static uint32_t crc32_of(const uint8_t *data, size_t size) {
    uint32_t table[256], crc = 0xffffffffu;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) {
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
        }
    }
    for (size_t i = 0; i < size; i++) {
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xff];
    }
    return ~crc;
}

/* What local header and directory have in common: version .. length of the name. */
static void put_entry_facts(struct blob *blob, const char *name, uint32_t crc, size_t size, size_t extra) {
    blob_number(blob, 20, 2);     /* version needed */
    blob_number(blob, 0, 2);      /* flags */
    blob_number(blob, 0, 2);      /* stored */
    blob_number(blob, 0, 2);      /* midnight, */
    blob_number(blob, 0x0021, 2); /* 1980-01-01: files of the same contents are the same */
    blob_number(blob, crc, 4);
    blob_number(blob, size, 4);
    blob_number(blob, size, 4);
    blob_number(blob, strlen(name), 2);
    blob_number(blob, extra, 2);
}

void archive_add(struct archive_writer *zip, const char *name, const void *data, size_t size) {
    size_t start = zip->out.size, header = 30 + strlen(name);
    size_t extra = (ALIGN - (start + header + 4) % ALIGN) % ALIGN + 4; /* a padding field aligns the data */
    uint32_t crc = crc32_of(data, size);
    blob_put(&zip->out, "PK\3\4", 4);
    put_entry_facts(&zip->out, name, crc, size, extra);
    blob_put(&zip->out, name, strlen(name));
    blob_put(&zip->out, "FB", 2);
    blob_number(&zip->out, extra - 4, 2);
    for (size_t i = 4; i < extra; i++) {
        blob_u8(&zip->out, 'Z');
    }
    blob_put(&zip->out, data, size);

    blob_put(&zip->directory, "PK\1\2", 4);
    blob_number(&zip->directory, 20, 2); /* version made by */
    put_entry_facts(&zip->directory, name, crc, size, 0);
    blob_number(&zip->directory, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
    blob_number(&zip->directory, start, 4);
    blob_put(&zip->directory, name, strlen(name));
    zip->count++;
}

void archive_finish(struct archive_writer *zip) {
    size_t start = zip->out.size;
    blob_put(&zip->out, zip->directory.data, zip->directory.size);
    blob_put(&zip->out, "PK\5\6", 4);
    blob_number(&zip->out, 0, 4);
    blob_number(&zip->out, (uint64_t)zip->count, 2);
    blob_number(&zip->out, (uint64_t)zip->count, 2);
    blob_number(&zip->out, zip->directory.size, 4);
    blob_number(&zip->out, start, 4);
    blob_number(&zip->out, 0, 2);
    blob_free(&zip->directory);
}

/* -------------------------------------------------------------------------------- checkpoints ---- */

void pth_write_zip(const struct pth_parts *parts, const char *name, struct blob *out) {
    struct archive_writer zip = {0};
    char entry[256];
    snprintf(entry, sizeof(entry), "%s/data.pkl", name);
    archive_add(&zip, entry, parts->object.data, parts->object.size);
    for (int i = 0; i < parts->num_storages; i++) {
        const struct pth_blob *storage = &parts->storages[i];
        snprintf(entry, sizeof(entry), "%s/data/%d", name, i);
        archive_add(&zip, entry, storage->data, (size_t)storage->count * (size_t)storage->unit);
    }
    snprintf(entry, sizeof(entry), "%s/version", name);
    archive_add(&zip, entry, "3\n", 2);
    archive_finish(&zip);
    *out = zip.out;
}

static void put_legacy_header(struct blob *out) {
    static const uint8_t magic[] = {0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    pickle_start(out);
    blob_put(out, magic, sizeof(magic));
    pickle_stop(out);
    pickle_start(out);
    pickle_int(out, LEGACY_PROTOCOL);
    pickle_stop(out);
    pickle_start(out);
    pickle_dict_start(out, false);
    pickle_text(out, "protocol_version");
    pickle_int(out, LEGACY_PROTOCOL);
    pickle_text(out, "little_endian");
    pickle_bool(out, true);
    pickle_text(out, "type_sizes");
    pickle_dict_start(out, false);
    pickle_text(out, "short");
    pickle_int(out, 2);
    pickle_text(out, "int");
    pickle_int(out, 4);
    pickle_text(out, "long");
    pickle_int(out, 4);
    pickle_dict_end(out);
    pickle_dict_end(out);
    pickle_stop(out);
}

void pth_write_legacy(const struct pth_parts *parts, struct blob *out) {
    *out = (struct blob){0};
    put_legacy_header(out);
    blob_put(out, parts->object.data, parts->object.size);
    pickle_start(out);
    blob_put(out, "](", 2);
    for (int i = 0; i < parts->num_storages; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        pickle_text(out, key);
    }
    blob_u8(out, 'e');
    pickle_stop(out);
    for (int i = 0; i < parts->num_storages; i++) {
        const struct pth_blob *storage = &parts->storages[i];
        blob_number(out, (uint64_t)storage->count, 8);
        blob_put(out, storage->data, (size_t)storage->count * (size_t)storage->unit);
    }
}
