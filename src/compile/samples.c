#include "compile/samples.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"

enum { DEFAULT_PICTURES = 32 };

static int is_picture(const struct dirent *entry) {
    const char *name = entry->d_name, *dot = strrchr(name, '.');
    return name[0] != '.' && dot &&
           (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* All of them, in an order of their own: the choice among them must not depend on that of the file system. */
static enum fscnn_status list_folder(const char *path, struct samples *out, struct fscnn_error *err) {
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, is_picture, by_name);
    if (count < 0) {
        return errno == ENOTDIR
                   ? error_set(err, FSCNN_ERROR_IO, "%s: not a picture or folder of pictures to calibrate on", path)
                   : error_set(err, FSCNN_ERROR_IO, "%s: no pictures to calibrate on: %s", path, strerror(errno));
    }
    enum fscnn_status status = FSCNN_OK;
    if (count == 0) {
        status = error_set(err, FSCNN_ERROR_USAGE, "%s: no PNG or JPEG pictures to calibrate on", path);
    }
    out->names = calloc((size_t)count + 1, sizeof(*out->names));
    for (int i = 0; i < count; i++) {
        char *name = status == FSCNN_OK && out->names ? path_join(path, entries[i]->d_name) : NULL;
        if (name) {
            out->names[out->listed++] = name;
        } else {
            status = error_memory(err, (size_t)count * sizeof(*out->names), "file names");
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static enum fscnn_status list_file(const char *path, struct samples *out, struct fscnn_error *err) {
    out->names = calloc(1, sizeof(*out->names));
    char *name = out->names ? strdup(path) : NULL;
    if (!name) {
        return error_memory(err, strlen(path), "a file name");
    }
    out->names[out->listed++] = name;
    return FSCNN_OK;
}

enum fscnn_status samples_list(const char *path, int limit, struct samples *out, struct fscnn_error *err) {
    struct stat st;
    *out = (struct samples){0};
    const bool is_file = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    enum fscnn_status status = is_file ? list_file(path, out, err) : list_folder(path, out, err);
    limit = limit > 0 ? limit : DEFAULT_PICTURES;
    out->count = out->listed < limit ? out->listed : limit;
    if (status != FSCNN_OK) {
        samples_free(out);
    }
    return status;
}

enum fscnn_status samples_read(const struct samples *samples, int index, int width, int height,
                               struct fscnn_picture *out, struct fscnn_error *err) {
    const char *path = samples->names[(size_t)index * (size_t)samples->listed / (size_t)samples->count];
    struct fscnn_picture picture = {0};
    *out = (struct fscnn_picture){0};
    enum fscnn_status status = fscnn_picture_read(path, &picture, err);
    if (status == FSCNN_OK) {
        status = fscnn_picture_resize(&picture, width, height, out, err);
        if (status != FSCNN_OK) {
            error_prefix(err, status, "%s", path);
        }
    }
    fscnn_picture_free(&picture);
    return status;
}

void samples_free(struct samples *samples) {
    for (int i = 0; i < samples->listed; i++) {
        free(samples->names[i]);
    }
    free(samples->names);
    *samples = (struct samples){0};
}
