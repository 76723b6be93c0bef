#include "infer_inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const npy_endings[] = {".npy", NULL};
static const char *const input_endings[] = {".npy", ".bin", NULL};
static const char *const picture_endings[] = {".png", ".jpg", ".jpeg", NULL};

static enum fscnn_status io_fail(struct fscnn_error *err, const char *path) {
    return fail(err, FSCNN_ERROR_IO, "%s: %s", path, strerror(errno));
}

/* Splits "a,b,c" into the list. */
static enum fscnn_status split(const char *text, struct name_list *list, struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    while (status == FSCNN_OK && *text) {
        size_t n = strcspn(text, ",");
        if (n) {
            status = name_list_add(list, strndup(text, n), err);
        }
        text += n + (text[n] == ',');
    }
    return status;
}

static enum fscnn_status find_files(const char *input, struct name_list *files, struct fscnn_error *err) {
    struct name_list parts = {0};
    enum fscnn_status status = split(input, &parts, err);
    if (status == FSCNN_OK && parts.count == 0) {
        status = fail(err, FSCNN_ERROR_USAGE, "--input: names no file");
    }
    size_t folders = 0;
    for (size_t i = 0; i < parts.count; i++) {
        folders += is_folder(parts.names[i]);
    }
    if (status == FSCNN_OK && folders == 0) {
        *files = parts;
        return FSCNN_OK;
    }
    if (status == FSCNN_OK && parts.count != 1) {
        status = folders == parts.count
                     ? fail(err, FSCNN_ERROR_USAGE,
                            "Invalid args. args input dir num:%zu not equal to model inputs num:1", parts.count)
                     : fail(err, FSCNN_ERROR_USAGE, "--input: give files or a folder, not both");
    }
    if (status == FSCNN_OK) {
        status = list_folder(parts.names[0], input_endings, files, err);
    }
    if (status == FSCNN_OK && files->count == 0) {
        status =
            fail(err, FSCNN_ERROR_IO,
                 "%s: no input file there; looked for .npy .NPY .bin .BIN (subfolders are not read)", parts.names[0]);
    }
    name_list_free(&parts);
    return status;
}

/* Opens a raw file and gets its size. */
static enum fscnn_status open_raw(const char *path, int *fd, size_t *bytes, struct fscnn_error *err) {
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (*fd < 0 || fstat(*fd, &st) < 0) {
        enum fscnn_status status = io_fail(err, path);
        if (*fd >= 0) {
            close(*fd);
        }
        return status;
    }
    if (!S_ISREG(st.st_mode)) {
        close(*fd);
        return fail(err, FSCNN_ERROR_IO, "%s: not a regular file", path);
    }
    *bytes = (size_t)st.st_size;
    return FSCNN_OK;
}

/* Is this what a model of that size takes: float32 [..., channels, h, w] or uint8 [..., h, w, 3]? */
static enum fscnn_status check_array(const char *path, const struct fscnn_array *array, const struct infer_inputs *in,
                                     enum fscnn_input_type *type, struct fscnn_error *err) {
    if (array->dtype != FSCNN_DTYPE_F32 && array->dtype != FSCNN_DTYPE_U8) {
        return fail(err, FSCNN_ERROR_UNSUPPORTED, "%s: elements are neither float32 nor uint8", path);
    }
    *type = array->dtype == FSCNN_DTYPE_F32 ? FSCNN_INPUT_F32 : FSCNN_INPUT_U8;
    const int64_t planar[] = {in->channels, in->height, in->width}, packed[] = {in->height, in->width, 3};
    const int64_t *wanted = *type == FSCNN_INPUT_F32 ? planar : packed;
    bool fits = array->rank >= 3;
    for (int i = 0; fits && i < 3; i++) {
        fits = array->shape[array->rank - 3 + i] == wanted[i];
    }
    if (!fits) {
        return fail(err, FSCNN_ERROR_FORMAT, "%s: the shape does not end in %lld, %lld, %lld, as %s input does", path,
                    (long long)wanted[0], (long long)wanted[1], (long long)wanted[2],
                    *type == FSCNN_INPUT_F32 ? "float32" : "uint8");
    }
    return FSCNN_OK;
}

static enum fscnn_status look_at_first(const struct fscnn_model *model, struct infer_inputs *in,
                                       struct fscnn_error *err) {
    const char *path = in->files.names[0];
    size_t image_f32 = fscnn_model_input_bytes(model, FSCNN_INPUT_F32, 1);
    enum fscnn_status status;
    if (ends_in(path, npy_endings)) {
        struct fscnn_array array;
        status = fscnn_npy_read(path, &array, err);
        if (status == FSCNN_OK) {
            status = check_array(path, &array, in, &in->type, err);
            in->file_bytes = array.bytes;
            fscnn_array_free(&array);
        }
    } else {
        int fd;
        status = open_raw(path, &fd, &in->file_bytes, err);
        if (status == FSCNN_OK) {
            close(fd);
            /* Four uint8 pictures are as long as one of float32: the latter goes first, as the original reads it. */
            size_t image_u8 = (size_t)in->height * (size_t)in->width * 3;
            bool floats = in->file_bytes % image_f32 == 0 || in->channels != 3 || in->file_bytes % image_u8 != 0;
            in->type = floats ? FSCNN_INPUT_F32 : FSCNN_INPUT_U8;
        }
    }
    if (status != FSCNN_OK) {
        return status;
    }
    size_t image = fscnn_model_input_bytes(model, in->type, 1);
    in->batch_bytes = fscnn_model_input_bytes(model, in->type, in->batch);
    if (in->file_bytes == 0 || in->file_bytes % image != 0 || in->batch_bytes % in->file_bytes != 0) {
        return fail(
            err, FSCNN_ERROR_FORMAT,
            "arg0 tensorsize: %zu filesize: %zu not match (%s; batch %d of float32 [%d, %d, %d] or uint8 RGB)%s",
            in->batch_bytes, in->file_bytes, path, in->batch, in->channels, in->height, in->width,
            ends_in(path, picture_endings)
                ? "; infer reads .bin and .npy, as preprocess writes them; pictures go to 'segment'"
                : "; for files of another size compile the model for that (a checkpoint: --dymHW HEIGHT,WIDTH)");
    }
    in->images_per_file = (int)(in->file_bytes / image);
    in->files_per_batch = (int)(in->batch_bytes / in->file_bytes);
    return FSCNN_OK;
}

enum fscnn_status infer_inputs_open(const char *input, int limit, const struct fscnn_model *model, int batch,
                                    struct infer_inputs *out, struct fscnn_error *err) {
    struct fscnn_model_info info;
    fscnn_model_get_info(model, &info);
    *out = (struct infer_inputs){.type = FSCNN_INPUT_F32,
                                 .batch = batch,
                                 .height = info.height,
                                 .width = info.width,
                                 .channels = info.channels,
                                 .batch_bytes = fscnn_model_input_bytes(model, FSCNN_INPUT_F32, batch),
                                 .images_per_file = batch,
                                 .files_per_batch = 1,
                                 .runs = 1};
    if (!input) {
        return FSCNN_OK;
    }
    enum fscnn_status status = find_files(input, &out->files, err);
    while (status == FSCNN_OK && limit > 0 && out->files.count > (size_t)limit) {
        free(out->files.names[--out->files.count]);
    }
    if (status == FSCNN_OK) {
        status = look_at_first(model, out, err);
    }
    if (status == FSCNN_OK) {
        size_t n = (size_t)out->files_per_batch;
        out->runs = (out->files.count + n - 1) / n;
    } else {
        infer_inputs_free(out);
    }
    return status;
}

void infer_inputs_free(struct infer_inputs *inputs) {
    name_list_free(&inputs->files);
    *inputs = (struct infer_inputs){0};
}

void infer_inputs_of_run(const struct infer_inputs *inputs, size_t run, size_t *first, size_t *count) {
    size_t n = (size_t)inputs->files_per_batch;
    *first = run * n;
    *count = inputs->files.count - *first < n ? inputs->files.count - *first : n;
}

static enum fscnn_status other_size(const struct infer_inputs *in, const char *path, size_t bytes,
                                    struct fscnn_error *err) {
    return fail(err, FSCNN_ERROR_FORMAT, "%s: %zu bytes, but the first file (%s) has %zu", path, bytes,
                base_name(in->files.names[0]), in->file_bytes);
}

static enum fscnn_status read_npy(const struct infer_inputs *in, const char *path, void *out, struct fscnn_error *err) {
    struct fscnn_array array;
    enum fscnn_input_type type = in->type;
    enum fscnn_status status = fscnn_npy_read(path, &array, err);
    if (status != FSCNN_OK) {
        return status;
    }
    status = check_array(path, &array, in, &type, err);
    if (status == FSCNN_OK && type != in->type) {
        status = fail(err, FSCNN_ERROR_FORMAT, "%s: another element type than the first file (%s)", path,
                      base_name(in->files.names[0]));
    }
    if (status == FSCNN_OK && array.bytes != in->file_bytes) {
        status = other_size(in, path, array.bytes, err);
    }
    if (status == FSCNN_OK) {
        memcpy(out, array.data, array.bytes);
    }
    fscnn_array_free(&array);
    return status;
}

static enum fscnn_status read_raw(const struct infer_inputs *in, const char *path, char *out, struct fscnn_error *err) {
    int fd;
    size_t bytes, done = 0;
    enum fscnn_status status = open_raw(path, &fd, &bytes, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (bytes != in->file_bytes) {
        status = other_size(in, path, bytes, err);
    }
    while (status == FSCNN_OK && done < bytes) {
        ssize_t n = read(fd, out + done, bytes - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0) {
            status = fail(err, FSCNN_ERROR_IO, "%s: ends after %zu of %zu bytes", path, done, bytes);
        } else if (errno != EINTR) {
            status = io_fail(err, path);
        }
    }
    close(fd);
    return status;
}

enum fscnn_status infer_inputs_read(const struct infer_inputs *inputs, size_t run, void *buffer,
                                    struct fscnn_error *err) {
    size_t first, count;
    infer_inputs_of_run(inputs, run, &first, &count);
    char *out = buffer;
    for (size_t i = 0; i < (size_t)inputs->files_per_batch; i++, out += inputs->file_bytes) {
        if (i >= count) {
            memcpy(out, buffer, inputs->file_bytes);
            continue;
        }
        const char *path = inputs->files.names[first + i];
        enum fscnn_status status =
            ends_in(path, npy_endings) ? read_npy(inputs, path, out, err) : read_raw(inputs, path, out, err);
        if (status != FSCNN_OK) {
            return status;
        }
    }
    return FSCNN_OK;
}

const char *infer_stem(const char *path, char *text, size_t size) {
    const char *name = base_name(path);
    size_t n = strcspn(name, ".");
    snprintf(text, size, "%.*s", (int)(n < NAME_MAX ? n : NAME_MAX), name);
    return text;
}

/* Orders paths by their stems. */
static int compare_stems(const void *a, const void *b) {
    char x[NAME_MAX + 1], y[NAME_MAX + 1];
    return strcmp(infer_stem(*(char *const *)a, x, sizeof(x)), infer_stem(*(char *const *)b, y, sizeof(y)));
}

enum fscnn_status infer_inputs_check_names(const struct infer_inputs *inputs, struct fscnn_error *err) {
    size_t count = inputs->files.count;
    char **sorted = malloc((count + 1) * sizeof(*sorted));
    if (!sorted) {
        return fail(err, FSCNN_ERROR_MEMORY, "out of memory for file names");
    }
    if (count) {
        memcpy(sorted, inputs->files.names, count * sizeof(*sorted));
    }
    qsort(sorted, count, sizeof(*sorted), compare_stems);
    enum fscnn_status status = FSCNN_OK;
    for (size_t i = 1; status == FSCNN_OK && i < count; i++) {
        if (compare_stems(&sorted[i - 1], &sorted[i]) == 0) {
            char stem[NAME_MAX + 1];
            status = fail(err, FSCNN_ERROR_USAGE, "%s and %s would both give %s_0: rename one, or run them apart",
                          sorted[i - 1], sorted[i], infer_stem(sorted[i], stem, sizeof(stem)));
        }
    }
    free(sorted);
    return status;
}
