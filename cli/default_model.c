#include "default_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

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
            char *tidy = realpath(*out, NULL); /* without the dots: people read it */
            if (tidy) {
                free(*out);
                *out = tidy;
            }
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

static bool name_ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), n = strlen(ending);
    return length >= n && strcasecmp(path + length - n, ending) == 0;
}

/* The first bytes of a regular file; returns how many there are. */
static size_t read_start(const char *path, char *start, size_t size) {
    struct stat st;
    FILE *file =
        stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL; /* a pipe would wait for ever */
    size_t got = file ? fread(start, 1, size, file) : 0;
    if (file) {
        fclose(file);
    }
    return got;
}

bool model_is_offline(const char *path) {
    static const char start_of_offline[] = "FASTSCNN";
    char start[sizeof(start_of_offline) - 1];
    return read_start(path, start, sizeof(start)) == sizeof(start) &&
           memcmp(start, start_of_offline, sizeof(start)) == 0;
}

bool model_is_checkpoint(const char *path) {
    char start;
    /* a zip archive's "PK", or a pickle's first opcode: PROTO, or the magic number as LONG or INT */
    return read_start(path, &start, 1) == 1 && (start == 'P' || start == '\x80' || start == 'L' || start == 'I');
}

bool model_is_source(const char *path) {
    /* damaged or missing: the error should be about what the name promises */
    return !model_is_offline(path) && !name_ends_in(path, ".fscnn");
}

enum fscnn_status model_explain(const char *path, enum fscnn_status status, struct fscnn_error *err) {
    if (status == FSCNN_ERROR_FORMAT && strstr(err->text, "not an ONNX model")) {
        if (model_is_offline(path)) {
            snprintf(err->text, sizeof(err->text), "%.400s: already an offline model", path);
        } else if (!name_ends_in(path, ".onnx")) {
            snprintf(err->text, sizeof(err->text),
                     "%.400s: neither a checkpoint, an ONNX file nor an offline model, or damaged", path);
        }
    }
    return status;
}

/* Compiles a source. Fixed pooling that nobody asked for gives way where the picture is too small for it. */
static enum fscnn_status compile_source(const char *path, const struct fscnn_compile_options *asked,
                                        struct pool_choice *pool, struct fscnn_model **out, struct fscnn_error *err) {
    struct fscnn_compile_options options = *asked;
    options.pool = pool->kind;
    enum fscnn_status status = fscnn_compile(path, &options, out, err);
    if (status == FSCNN_ERROR_USAGE && !pool->given && pool->kind == FSCNN_POOL_FIXED &&
        strstr(err->text, "fixed pooling")) {
        options.pool = FSCNN_POOL_ADAPTIVE;
        status = fscnn_compile(path, &options, out, err);
        if (status == FSCNN_OK && !pool->told) {
            fprintf(stderr, "fastscnn: %dx%d is too small for fixed pooling: adaptive pooling is used (see --pool)\n",
                    options.height, options.width);
            pool->told = true;
        }
    }
    return model_explain(path, status, err);
}

/* Pooling that was asked for must not be taken for what was run. */
static enum fscnn_status check_pool(const char *path, const struct pool_choice *pool, struct fscnn_error *err) {
    if (!pool->given || model_is_checkpoint(path)) {
        return FSCNN_OK;
    }
    return fail(err, FSCNN_ERROR_USAGE,
                model_is_source(path) ? "%.300s is an ONNX file, which says itself how it pools: --pool is for .pth"
                                      : "%.300s is compiled already: --pool is for .pth",
                path);
}

enum fscnn_status model_open_as(const char *path, const struct fscnn_compile_options *options, struct pool_choice *pool,
                                struct fscnn_model **out, struct fscnn_error *err) {
    char *found = NULL;
    enum fscnn_status status = FSCNN_OK;
    *out = NULL;
    if (!path) {
        status = default_model_path(&found, err);
        path = found;
    }
    if (status == FSCNN_OK) {
        status =
            model_is_source(path) ? compile_source(path, options, pool, out, err) : fscnn_model_load(path, out, err);
    }
    if (status == FSCNN_OK && (status = check_pool(path, pool, err)) != FSCNN_OK) {
        fscnn_model_free(out);
    }
    free(found);
    return status;
}

enum fscnn_status model_open(const char *path, int height, int width, struct pool_choice *pool,
                             struct fscnn_model **out, struct fscnn_error *err) {
    const struct fscnn_compile_options options = {.height = height, .width = width};
    return model_open_as(path, &options, pool, out, err);
}

enum fscnn_status model_check_size(const struct fscnn_model *model, const char *path, const char *what, int height,
                                   int width, struct fscnn_error *err) {
    struct fscnn_model_info info;
    fscnn_model_get_info(model, &info);
    if (info.height == height && info.width == width) {
        return FSCNN_OK;
    }
    return fail(err, FSCNN_ERROR_USAGE,
                "%.160s is %d x %d (height x width), the model %.160s takes %d x %d: compile it for that size, or give "
                "the checkpoint, which is compiled for each size",
                what, height, width, path, info.height, info.width);
}

enum fscnn_status model_choose_batch(const struct fscnn_model_info *info, const char *path, int asked, int *batch,
                                     struct fscnn_error *err) {
    char list[FSCNN_MAX_BATCH_SIZES * 5 + 1] = "";
    *batch = asked ? asked : info->batch_sizes[0];
    for (int i = 0; i < info->num_batch_sizes; i++) {
        if (info->batch_sizes[i] == *batch) {
            return FSCNN_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%d", i ? "," : "", info->batch_sizes[i]);
    }
    return fail(err, FSCNN_ERROR_USAGE,
                "%.200s runs batches of %s, not %d: compile it with --dynamic_batch_size \"%s,%d\"", path, list, asked,
                list, asked);
}
