#include "eval/sort_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define NAME_END "_leftImg8bit.png"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum { MAX_LOG_BYTES = 1 << 28, MAX_NAME = 255 };

void sort_log_free(struct sort_log *log) {
    free(log->text);
    free(log->stems);
    *log = (struct sort_log){0};
}

/* Why a name cannot be a picture's in a log, NULL where it can. Names become part of paths, so nothing that leads out
 * of the folder is let through. */
static const char *name_flaw(const char *name, size_t length) {
    size_t end = strlen(NAME_END);
    if (length > MAX_NAME) {
        return "name too long";
    }
    if (strpbrk(name, "/\\") || strstr(name, "..")) {
        return "name with a folder in it";
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f) {
            return "name with a control character";
        }
    }
    if (length <= end || strcmp(name + length - end, NAME_END) != 0) {
        return "not a name ending in " NAME_END;
    }
    return NULL;
}

const char *sort_log_flaw(const char *name) {
    if (name[0] == ' ' || strncmp(name, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
        return "name that begins with a blank or a byte order mark"; /* which are not read as part of it */
    }
    return name_flaw(name, strlen(name));
}

static char *trim(char *line, size_t *length) {
    while (*length && (line[*length - 1] == '\r' || line[*length - 1] == ' ' || line[*length - 1] == '\t')) {
        line[--*length] = '\0';
    }
    while (*line == ' ' || *line == '\t') {
        line++;
        --*length;
    }
    return line;
}

static enum fscnn_status split_lines(const char *path, size_t size, struct sort_log *log, struct fscnn_error *err) {
    char *at = log->text, *end = log->text + size;
    if (strncmp(at, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
        at += strlen(BYTE_ORDER_MARK);
    }
    for (size_t number = 1; at < end; number++) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *next = newline ? newline + 1 : end;
        size_t length = (size_t)((newline ? newline : end) - at);
        at[length] = '\0'; /* text has one byte more than the file */
        if (strlen(at) != length) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s line %zu: not text", path, number);
        }
        char *name = trim(at, &length);
        at = next;
        if (length == 0) {
            continue;
        }
        const char *reason = name_flaw(name, length);
        if (reason) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s line %zu: '%.80s': %s", path, number, name, reason);
        }
        name[length - strlen(NAME_END)] = '\0';
        log->stems[log->count++] = name;
    }
    if (log->count == 0) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: no picture is listed", path);
    }
    return FSCNN_OK;
}

enum fscnn_status sort_log_parse(const void *data, size_t size, const char *path, struct sort_log *out,
                                 struct fscnn_error *err) {
    enum fscnn_status status;
    *out = (struct sort_log){0};
    if (size > MAX_LOG_BYTES) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: %zu bytes are no list of pictures", path, size);
    }
    const size_t most = size / sizeof(NAME_END) + 1; /* a name has a character more than its end */
    out->text = calloc(size + 1, 1);
    out->stems = calloc(most, sizeof(*out->stems));
    if (!out->text || !out->stems) {
        status = error_memory(err, size, path);
    } else {
        if (size) {
            memcpy(out->text, data, size);
        }
        status = split_lines(path, size, out, err);
    }
    if (status != FSCNN_OK) {
        sort_log_free(out);
    }
    return status;
}

enum fscnn_status sort_log_read(const char *path, struct sort_log *out, struct fscnn_error *err) {
    struct file_map map;
    struct fscnn_error cause = {""};
    *out = (struct sort_log){0};
    enum fscnn_status status = file_map_open(path, &map, &cause);
    if (status != FSCNN_OK) {
        return error_set(err, status, "%s (the order of the pictures, which preprocess --sort_log writes)", cause.text);
    }
    status = sort_log_parse(map.data, map.size, path, out, err);
    file_map_close(&map);
    return status;
}

/* ------------------------------------------------------------------------ public header ---- */

/* Indices of a data set's items, sorted by stem. */
static int compare_items(const void *a, const void *b) {
    const struct fscnn_dataset_item *const *x = a, *const *y = b;
    return strcmp((*x)->stem, (*y)->stem);
}

static int compare_stem(const void *stem, const void *item) {
    return strcmp(stem, (*(const struct fscnn_dataset_item *const *)item)->stem);
}

enum fscnn_status fscnn_dataset_order(const struct fscnn_dataset *dataset, const char *sort_log, size_t **order,
                                      size_t *count, struct fscnn_error *err) {
    struct sort_log log;
    *order = NULL;
    *count = 0;
    enum fscnn_status status = sort_log_read(sort_log, &log, err);
    if (status != FSCNN_OK) {
        return status;
    }
    const struct fscnn_dataset_item **sorted = calloc(dataset->count + 1, sizeof(*sorted));
    size_t *indices = calloc(log.count + 1, sizeof(*indices));
    if (!sorted || !indices) {
        status = error_memory(err, (dataset->count + log.count) * sizeof(*indices), sort_log);
        goto done;
    }
    for (size_t i = 0; i < dataset->count; i++) {
        sorted[i] = &dataset->items[i];
    }
    qsort(sorted, dataset->count, sizeof(*sorted), compare_items);
    for (size_t i = 0; i < log.count; i++) {
        const struct fscnn_dataset_item **found =
            bsearch(log.stems[i], sorted, dataset->count, sizeof(*sorted), compare_stem);
        if (!found) {
            status =
                error_set(err, FSCNN_ERROR_FORMAT, "%s: %s" NAME_END " is not in the data set", sort_log, log.stems[i]);
            goto done;
        }
        indices[i] = (size_t)(*found - dataset->items);
    }
    *order = indices;
    *count = log.count;
    indices = NULL;
done:
    free(sorted);
    free(indices);
    sort_log_free(&log);
    return status;
}
