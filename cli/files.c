#include "files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

char *make_printable(char *text) {
    for (char *at = text; *at; at++) {
        const unsigned char byte = (unsigned char)*at, next = (unsigned char)at[1];
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0)) {
            *at = '?';
        }
    }
    return text;
}

#undef fail /* a macro where the analyzer reads */
enum fscnn_status fail(struct fscnn_error *err, enum fscnn_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    make_printable(err->text);
    return status;
}

static enum fscnn_status io_fail(struct fscnn_error *err, const char *path) {
    return fail(err, FSCNN_ERROR_IO, "%s: %s", path, strerror(errno));
}

static enum fscnn_status no_memory(struct fscnn_error *err) {
    return fail(err, FSCNN_ERROR_MEMORY, "out of memory for file names");
}

/* Compares the runs of digits at *a and *b as numbers of any length and steps over both. */
static int compare_numbers(const char **a, const char **b) {
    const char *p = *a, *q = *b;
    while (*p == '0') {
        p++;
    }
    while (*q == '0') {
        q++;
    }
    size_t m = strspn(p, "0123456789"), n = strspn(q, "0123456789");
    *a = p + m;
    *b = q + n;
    if (m != n) {
        return m < n ? -1 : 1;
    }
    return memcmp(p, q, m);
}

int natural_compare(const char *a, const char *b) {
    const char *p = a, *q = b;
    while (*p && *q) {
        if (isdigit((unsigned char)*p) && isdigit((unsigned char)*q)) {
            int order = compare_numbers(&p, &q);
            if (order) {
                return order;
            }
        } else if (*p != *q) {
            return (unsigned char)*p < (unsigned char)*q ? -1 : 1;
        } else {
            p++;
            q++;
        }
    }
    if (*p || *q) {
        return *p ? 1 : -1;
    }
    return strcmp(a, b);
}

bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool ends_in(const char *path, const char *const *endings) {
    size_t length = strlen(path);
    for (; *endings; endings++) {
        size_t n = strlen(*endings);
        if (length > n && strcasecmp(path + length - n, *endings) == 0) {
            return true;
        }
    }
    return false;
}

char *join_path(const char *folder, const char *name) {
    char *path = NULL;
    size_t length = strlen(folder);
    return asprintf(&path, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name) < 0 ? NULL : path;
}

enum fscnn_status name_list_add(struct name_list *list, char *name, struct fscnn_error *err) {
    if (name && list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **names = realloc(list->names, capacity * sizeof(*names));
        if (!names) {
            free(name);
            return no_memory(err);
        }
        list->names = names;
        list->capacity = capacity;
    }
    if (!name) {
        return no_memory(err);
    }
    list->names[list->count++] = name;
    return FSCNN_OK;
}

void name_list_free(struct name_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->names[i]);
    }
    free(list->names);
    *list = (struct name_list){0};
}

static int compare_paths(const void *a, const void *b) { return natural_compare(*(char *const *)a, *(char *const *)b); }

enum fscnn_status list_folder(const char *folder, const char *const *endings, struct name_list *list,
                              struct fscnn_error *err) {
    DIR *dir = opendir(folder);
    if (!dir) {
        return io_fail(err, folder);
    }
    enum fscnn_status status = FSCNN_OK;
    size_t first = list->count;
    struct dirent *entry;
    while (status == FSCNN_OK && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.' || !ends_in(entry->d_name, endings)) {
            continue;
        }
        char *path = join_path(folder, entry->d_name);
        struct stat st;
        if (path && (stat(path, &st) < 0 || !S_ISREG(st.st_mode))) {
            free(path);
            continue;
        }
        status = name_list_add(list, path, err);
    }
    closedir(dir);
    if (list->count > first) {
        qsort(list->names + first, list->count - first, sizeof(*list->names), compare_paths);
    }
    return status;
}

static enum fscnn_status list_subfolders(const char *folder, const char *except, struct name_list *list,
                                         struct fscnn_error *err) {
    DIR *dir = opendir(folder);
    if (!dir) {
        return io_fail(err, folder);
    }
    enum fscnn_status status = FSCNN_OK;
    struct stat st, left_out = {0};
    struct dirent *entry;
    const bool leave_out = stat(except, &left_out) == 0;
    while (status == FSCNN_OK && (entry = readdir(dir))) {
        char *path = entry->d_name[0] == '.' ? NULL : join_path(folder, entry->d_name);
        if (entry->d_name[0] == '.' ||
            (path && (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) ||
                      (leave_out && st.st_dev == left_out.st_dev && st.st_ino == left_out.st_ino)))) {
            free(path);
            continue;
        }
        status = name_list_add(list, path, err);
    }
    closedir(dir);
    if (list->count > 0) {
        qsort(list->names, list->count, sizeof(*list->names), compare_paths);
    }
    return status;
}

enum fscnn_status list_tree(const char *folder, const char *except, const char *const *endings, struct name_list *list,
                            struct fscnn_error *err) {
    struct name_list folders = {0};
    enum fscnn_status status = list_folder(folder, endings, list, err);
    if (status == FSCNN_OK) {
        status = list_subfolders(folder, except, &folders, err);
    }
    for (size_t i = 0; status == FSCNN_OK && i < folders.count; i++) {
        status = list_tree(folders.names[i], except, endings, list, err);
    }
    name_list_free(&folders);
    return status;
}

enum fscnn_status create_folder(const char *path, struct fscnn_error *err) {
    if (path[0] == '\0') { /* an unset variable of a script: not the root of the file system */
        return fail(err, FSCNN_ERROR_USAGE, "a folder's name is empty");
    }
    char *copy = strdup(path);
    if (!copy) {
        return no_memory(err);
    }
    enum fscnn_status status = FSCNN_OK;
    for (char *at = copy; status == FSCNN_OK && *at; at++) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char end = *at;
        *at = '\0';
        const int cause = mkdir(copy, 0777) < 0 ? errno : 0;
        if (cause && !is_folder(copy)) { /* which sets errno, too */
            status = cause == EEXIST ? fail(err, FSCNN_ERROR_IO, "%s: there, but not a folder", copy)
                                     : fail(err, FSCNN_ERROR_IO, "%s: %s", copy, strerror(cause));
        }
        if (end == '\0') {
            break;
        }
        *at = end;
    }
    free(copy);
    return status;
}
