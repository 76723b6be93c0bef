#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "formats/pth_container.h"

enum { MAX_ENTRY_NAME = 1024, MAX_SMALL_ENTRY = 64 };
#define MAX_PICKLE ((size_t)64 << 20)

struct pth_zip {
    struct pth_container container;
    zip_t *archive;
    const char *prefix; /* "NAME/", "" where data.pkl is at the top */
};

/* ---------------------------------------------------------------------------------- entries ---- */

static int compare_names(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static bool is_object(const char *name) {
    size_t length = strlen(name), wanted = strlen("data.pkl");
    return length >= wanted && strcmp(name + length - wanted, "data.pkl") == 0 &&
           (length == wanted || name[length - wanted - 1] == '/');
}

/* Every name once, and one object among them; *object gets its name. */
static enum fscnn_status check_names(const char **names, size_t count, const char **object, struct fscnn_error *err) {
    bool torchscript = false;
    *object = NULL;
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++) {
        if (i && strcmp(names[i - 1], names[i]) == 0) {
            return error_set(err, FSCNN_ERROR_FORMAT, "entry %.200s occurs twice", names[i]);
        }
        torchscript |= strstr(names[i], "/constants.pkl") != NULL;
        if (is_object(names[i]) && *object) {
            return error_set(err, FSCNN_ERROR_FORMAT, "both %.200s and %.200s in it", *object, names[i]);
        }
        *object = is_object(names[i]) ? names[i] : *object;
    }
    if (torchscript) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED,
                         "a TorchScript archive: save model.state_dict() with torch.save instead");
    }
    if (!*object) {
        return error_set(err, FSCNN_ERROR_FORMAT, "a zip archive without data.pkl is no PyTorch checkpoint");
    }
    return FSCNN_OK;
}

static enum fscnn_status find_prefix(struct pth_zip *zip, struct arena *arena, struct fscnn_error *err) {
    zip_int64_t entries = zip_get_num_entries(zip->archive, 0);
    size_t count = entries > 0 ? (size_t)entries : 0;
    const char *object, **names = calloc(count + 1, sizeof(*names));
    if (!names) {
        return error_memory(err, count * sizeof(*names), "entry names");
    }
    enum fscnn_status status = FSCNN_OK;
    for (size_t i = 0; i < count && status == FSCNN_OK; i++) {
        names[i] = zip_get_name(zip->archive, i, ZIP_FL_ENC_RAW);
        if (!names[i] || strlen(names[i]) > MAX_ENTRY_NAME) {
            status = error_set(err, FSCNN_ERROR_FORMAT, "entry %zu has no usable name", i);
        }
    }
    status = status == FSCNN_OK ? check_names(names, count, &object, err) : status;
    if (status == FSCNN_OK) {
        zip->prefix = arena_strndup(arena, object, strlen(object) - strlen("data.pkl"));
        status = zip->prefix ? FSCNN_OK : error_memory(err, strlen(object), "an entry name");
    }
    free(names);
    return status;
}

/* Finds PREFIX + name and checks that we can read it. *found is false where there is none. */
static enum fscnn_status find_entry(struct pth_zip *zip, const char *name, size_t name_length, zip_stat_t *stat,
                                    bool *found, struct fscnn_error *err) {
    char full[2 * MAX_ENTRY_NAME];
    snprintf(full, sizeof(full), "%s%.*s", zip->prefix, (int)name_length, name);
    zip_int64_t index = zip_name_locate(zip->archive, full, ZIP_FL_ENC_RAW);
    *found = index >= 0;
    if (!*found) {
        return FSCNN_OK;
    }
    zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_INDEX;
    if (zip_stat_index(zip->archive, (zip_uint64_t)index, 0, stat) < 0 || (stat->valid & wanted) != wanted) {
        return error_set(err, FSCNN_ERROR_FORMAT, "entry %.200s has no size", full);
    }
    if ((stat->valid & ZIP_STAT_ENCRYPTION_METHOD) && stat->encryption_method != ZIP_EM_NONE) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "entry %.200s is encrypted", full);
    }
    if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "entry %.200s: compression method %d (stored or deflated only)",
                         full, stat->comp_method);
    }
    return FSCNN_OK;
}

/* Reads exactly stat->size bytes, and the end behind them, where libzip compares the checksum. */
static enum fscnn_status read_entry(struct pth_zip *zip, const zip_stat_t *stat, uint8_t *out,
                                    struct fscnn_error *err) {
    zip_file_t *file = zip_fopen_index(zip->archive, stat->index, 0);
    if (!file) {
        return error_set(err, FSCNN_ERROR_FORMAT, "entry %.200s: %s", stat->name, zip_strerror(zip->archive));
    }
    size_t done = 0;
    zip_int64_t got = 1;
    while (done < stat->size && got > 0) {
        got = zip_fread(file, out + done, stat->size - done);
        done += got > 0 ? (size_t)got : 0;
    }
    enum fscnn_status status = FSCNN_OK;
    uint8_t beyond;
    if (got >= 0 && done == stat->size) {
        got = zip_fread(file, &beyond, 1);
    }
    if (got < 0) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "entry %.200s: %s", stat->name, zip_file_strerror(file));
    } else if (done != stat->size || got > 0) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "entry %.200s: not of the %llu bytes that it claims", stat->name,
                           (unsigned long long)stat->size);
    }
    zip_fclose(file);
    return status;
}

/* ------------------------------------------------------------------------------- the content ---- */

static enum fscnn_status read_object(struct pth_zip *zip, struct arena *arena, struct pth_content *out,
                                     struct fscnn_error *err) {
    zip_stat_t stat;
    bool found;
    enum fscnn_status status = find_entry(zip, "data.pkl", strlen("data.pkl"), &stat, &found, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (!found || stat.size > MAX_PICKLE) {
        return error_set(err, FSCNN_ERROR_MEMORY, "data.pkl is larger than %zu bytes", MAX_PICKLE);
    }
    uint8_t *pickle = arena_alloc(arena, stat.size, 1);
    if (!pickle) {
        return error_set(err, FSCNN_ERROR_MEMORY, "data.pkl claims %llu bytes, too many for a file of this size",
                         (unsigned long long)stat.size);
    }
    status = read_entry(zip, &stat, pickle, err);
    struct bytes in = bytes_over(pickle, stat.size);
    return status == FSCNN_OK ? pth_object_parse(&in, zip->container.place, arena, out, err) : status;
}

static enum fscnn_status check_byteorder(struct pth_zip *zip, struct fscnn_error *err) {
    zip_stat_t stat;
    bool found;
    uint8_t order[MAX_SMALL_ENTRY] = {0};
    enum fscnn_status status = find_entry(zip, "byteorder", strlen("byteorder"), &stat, &found, err);
    if (status != FSCNN_OK || !found) {
        return status;
    }
    if (stat.size > sizeof(order)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "entry %.200s is %llu bytes long", stat.name,
                         (unsigned long long)stat.size);
    }
    status = read_entry(zip, &stat, order, err);
    if (status == FSCNN_OK && (stat.size < 6 || memcmp(order, "little", 6) != 0)) {
        status = error_set(err, FSCNN_ERROR_UNSUPPORTED, "byteorder '%.*s' refused: little-endian only",
                           stat.size < 20 ? (int)stat.size : 20, (const char *)order);
    }
    return status;
}

static enum fscnn_status load_storage(struct pth_container *self, struct pth_storage *storage, struct arena *arena,
                                      struct fscnn_error *err) {
    struct pth_zip *zip = (struct pth_zip *)self;
    char name[MAX_ENTRY_NAME];
    zip_stat_t stat;
    bool found;
    int length = snprintf(name, sizeof(name), "data/%.*s", (int)storage->key_length, storage->key);
    enum fscnn_status status = find_entry(zip, name, (size_t)length, &stat, &found, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (!found) {
        return error_set(err, FSCNN_ERROR_FORMAT, "entry %.200s%s is missing", zip->prefix, name);
    }
    if (stat.size != storage->bytes) {
        return error_set(err, FSCNN_ERROR_FORMAT, "entry %.200s is %llu bytes long, %zu expected", stat.name,
                         (unsigned long long)stat.size, storage->bytes);
    }
    uint8_t *data = arena_alloc(arena, storage->bytes, 1);
    if (!data) {
        return error_set(err, FSCNN_ERROR_MEMORY, "entry %.200s claims %zu bytes, too many for a file of this size",
                         stat.name, storage->bytes);
    }
    status = read_entry(zip, &stat, data, err);
    storage->data = status == FSCNN_OK ? data : NULL;
    return status;
}

static void close_zip(struct pth_container *self) {
    struct pth_zip *zip = (struct pth_zip *)self;
    if (zip->archive) {
        zip_discard(zip->archive); /* takes its source along */
    }
    zip->archive = NULL;
}

static enum fscnn_status open_archive(struct pth_zip *zip, const void *data, size_t size, struct fscnn_error *err) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(data, size, 0, &error);
    zip->archive = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    enum fscnn_status status = FSCNN_OK;
    if (!zip->archive) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "the zip archive is damaged or cut off (%s)",
                           zip_error_strerror(&error));
        if (source) {
            zip_source_free(source);
        }
    }
    zip_error_fini(&error);
    return status;
}

enum fscnn_status pth_zip_open(const void *data, size_t size, struct arena *arena, struct pth_content *out,
                               struct fscnn_error *err) {
    *out = (struct pth_content){0};
    struct pth_zip *zip = arena_alloc(arena, 1, sizeof(*zip));
    if (!zip) {
        return error_memory(err, sizeof(*zip), "a zip archive");
    }
    zip->container =
        (struct pth_container){.kind = "zip", .place = "data.pkl", .load = load_storage, .close = close_zip};
    out->container = &zip->container;
    enum fscnn_status status = open_archive(zip, data, size, err);
    status = status == FSCNN_OK ? find_prefix(zip, arena, err) : status;
    status = status == FSCNN_OK ? check_byteorder(zip, err) : status;
    return status == FSCNN_OK ? read_object(zip, arena, out, err) : status;
}
