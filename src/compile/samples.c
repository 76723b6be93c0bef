#include "compile/samples.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"

enum { DEFAULT_PICTURES = 32, MAX_PICTURES = 4096 };

static bool is_picture(const char *name) {
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot &&
           (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static enum fscnn_status list_folder(const char *path, struct samples *out, struct fscnn_error *err) {
    DIR *folder = opendir(path);
    if (!folder) {
        return error_set(err, FSCNN_ERROR_IO, "%s: not a picture or folder of pictures to calibrate on", path);
    }
    enum fscnn_status status = FSCNN_OK;
    for (struct dirent *entry; status == FSCNN_OK && (entry = readdir(folder)) && out->listed < MAX_PICTURES;) {
        if (is_picture(entry->d_name)) {
            out->names[out->listed] = path_join(path, entry->d_name);
            status = out->names[out->listed++] ? FSCNN_OK : error_memory(err, 256, "a file name");
        }
    }
    closedir(folder);
    if (status == FSCNN_OK && out->listed == 0) {
        status = error_set(err, FSCNN_ERROR_USAGE, "%s: no PNG or JPEG pictures to calibrate on", path);
    }
    if (status == FSCNN_OK) {
        qsort(out->names, (size_t)out->listed, sizeof(out->names[0]), by_name);
    }
    return status;
}

enum fscnn_status samples_list(const char *path, int limit, struct samples *out, struct fscnn_error *err) {
    struct stat st;
    enum fscnn_status status = FSCNN_OK;
    *out = (struct samples){.names = calloc(MAX_PICTURES, sizeof(*out->names))};
    if (!out->names) {
        return error_memory(err, MAX_PICTURES * sizeof(*out->names), "file names");
    }
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        out->names[out->listed++] = strdup(path);
        status = out->names[0] ? FSCNN_OK : error_memory(err, strlen(path), "a file name");
    } else {
        status = list_folder(path, out, err);
    }
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
