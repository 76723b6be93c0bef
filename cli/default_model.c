#include "default_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define DEFAULT_NAME "fast_scnn_street.pth"

/* Below the executable's folder; the first is for a program beside its models, the next two for build folders, the last
 * for an installed one in <prefix>/bin. */
static const char *const places[] = {"/models/", "/../models/", "/../../models/", "/../share/fastscnn/"};

static char *format_path(const char *folder, const char *below, const char *name) {
    size_t size = strlen(folder) + strlen(below) + strlen(name) + 1;
    char *path = malloc(size);
    if (path) {
        snprintf(path, size, "%s%s%s", folder, below, name);
    }
    return path;
}

static enum fscnn_status out_of_memory(struct fscnn_error *err) {
    snprintf(err->text, sizeof(err->text), "out of memory (a file name)");
    return FSCNN_ERROR_MEMORY;
}

/* The folder of the running program, "." where the system does not tell. */
static void program_folder(char *folder, size_t size) {
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    char *slash = NULL;
    if (length > 0 && (size_t)length < size - 1) {
        folder[length] = '\0';
        slash = strrchr(folder, '/');
    }
    if (slash) {
        *slash = '\0';
    } else {
        snprintf(folder, size, ".");
    }
}

enum fscnn_status default_model_path(char **out, struct fscnn_error *err) {
    char folder[4096];
    const char *chosen = getenv("FASTSCNN_MODEL");
    if (chosen && chosen[0]) {
        *out = format_path(chosen, "", "");
        return *out ? FSCNN_OK : out_of_memory(err);
    }
    program_folder(folder, sizeof(folder));
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        *out = format_path(folder, places[i], DEFAULT_NAME);
        if (!*out) {
            return out_of_memory(err);
        }
        if (access(*out, R_OK) == 0) {
            return FSCNN_OK;
        }
        free(*out);
    }
    *out = NULL;
    snprintf(err->text, sizeof(err->text),
             "no default model: " DEFAULT_NAME
             " is neither in models/ nor in ../share/fastscnn/ of %.300s; name a model "
             "with --model or FASTSCNN_MODEL",
             folder);
    return FSCNN_ERROR_IO;
}

bool model_is_source(const char *path) {
    static const char *const endings[] = {".pth", ".pt", ".tar", ".onnx"};
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t n = strlen(endings[i]);
        if (length >= n && strcasecmp(path + length - n, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum fscnn_status model_open(const char *path, int height, int width, enum fscnn_pool pool, struct fscnn_model **out,
                             struct fscnn_error *err) {
    char *found = NULL;
    enum fscnn_status status = FSCNN_OK;
    *out = NULL;
    if (!path) {
        status = default_model_path(&found, err);
        path = found;
    }
    if (status == FSCNN_OK && model_is_source(path)) {
        struct fscnn_compile_options options = {.height = height, .width = width, .pool = pool};
        status = fscnn_compile(path, &options, out, err);
    } else if (status == FSCNN_OK) {
        status = fscnn_model_load(path, out, err);
    }
    free(found);
    return status;
}

enum fscnn_status model_check_size(const struct fscnn_model *model, const char *what, int height, int width,
                                   struct fscnn_error *err) {
    struct fscnn_model_info info;
    fscnn_model_get_info(model, &info);
    if (info.height == height && info.width == width) {
        return FSCNN_OK;
    }
    snprintf(
        err->text, sizeof(err->text),
        "%.200s is %d x %d (height x width), the model %.100s takes %d x %d: compile it for that size, or give the "
        "checkpoint, which is compiled for each size",
        what, height, width, info.name, info.height, info.width);
    return FSCNN_ERROR_USAGE;
}
