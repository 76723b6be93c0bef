#include "eval/result_files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include "eval/argmax.h"
#include "tensor/npy.h"

enum { IGNORED = 255, LABEL_BLOCK = 4096 };

typedef float unaligned_float __attribute__((aligned(1), may_alias));

void label_buffer_release(struct label_buffer *buffer) {
    free(buffer->labels);
    *buffer = (struct label_buffer){0};
}

enum fscnn_status label_buffer_resize(struct label_buffer *buffer, size_t count, struct fscnn_error *err) {
    if (count > buffer->room) {
        uint8_t *labels = realloc(buffer->labels, count);
        if (!labels) {
            return error_memory(err, count, "labels");
        }
        buffer->labels = labels;
        buffer->room = count;
    }
    buffer->count = count;
    return FSCNN_OK;
}

static bool has_ending(const char *path, const char *ending) {
    size_t length = strlen(path), n = strlen(ending);
    return length >= n && strcasecmp(path + length - n, ending) == 0;
}

/* For a file whose size has been found to fit: it is read once from front to back, or in as many streams as there are
 * classes. */
static void read_ahead(const struct file_map *map) {
    madvise((void *)map->data, map->size, MADV_WILLNEED);
#ifdef MADV_POPULATE_READ
    madvise((void *)map->data, map->size, MADV_POPULATE_READ); /* thousands of page faults in one call */
#endif
}

/* ------------------------------------------------------------------------------- labels ---- */

/* Whole numbers -1..255 as train ids, -1 as 255. Returns false where another number is among them. */
static bool convert_block(const unaligned_float *in, size_t count, uint8_t *out) {
    int bad = 0;
    for (size_t i = 0; i < count; i++) {
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): of an empty file, the count is 0
        float clamped = in[i] > -1.0F ? in[i] : -1.0F; /* NaN becomes -1 and then differs from itself */
        clamped = clamped < 255.0F ? clamped : 255.0F;
        int id = (int)clamped;
        bad |= (float)id != in[i];
        out[i] = (uint8_t)id;
    }
    return !bad;
}

static enum fscnn_status bad_value(const char *path, double value, size_t at, struct fscnn_error *err) {
    return error_set(
        err, FSCNN_ERROR_FORMAT,
        "%s: value %g at pixel %zu; expected train ids: whole numbers from 0, -1 or 255 for ignored pixels", path,
        value, at);
}

static enum fscnn_status convert_floats(const char *path, const unaligned_float *in, size_t count, uint8_t *out,
                                        struct fscnn_error *err) {
    for (size_t at = 0; at < count; at += LABEL_BLOCK) {
        size_t block = count - at < LABEL_BLOCK ? count - at : LABEL_BLOCK;
        if (!convert_block(in + at, block, out + at)) {
            while (convert_block(in + at, 1, out + at)) {
                at++;
            }
            return bad_value(path, in[at], at, err);
        }
    }
    return FSCNN_OK;
}

/* Integers of any width, and f16 or f64, as train ids. */
static enum fscnn_status convert_tensor(const char *path, const struct tensor *t, size_t count, uint8_t *out,
                                        struct fscnn_error *err) {
    if (t->dtype == DTYPE_U8) {
        memcpy(out, t->data, count);
        return FSCNN_OK;
    }
    if (t->dtype == DTYPE_F32) {
        return convert_floats(path, t->data, count, out, err);
    }
    for (size_t i = 0; i < count; i++) {
        double value = tensor_get_double(t, i);
        if (!(value >= -1 && value <= IGNORED) || value != (double)(int)value) {
            return bad_value(path, value, i, err);
        }
        out[i] = (uint8_t)(int)value;
    }
    return FSCNN_OK;
}

/* Ground truth must be classes or ignored; label ids 0..33 in the place of train ids are the usual mistake. */
static enum fscnn_status check_truth(const char *path, const struct label_buffer *labels, int classes,
                                     struct fscnn_error *err) {
    uint8_t highest = 0;
    for (size_t i = 0; i < labels->count; i++) {
        uint8_t class_or_0 = labels->labels[i] == IGNORED ? 0 : labels->labels[i];
        highest = class_or_0 > highest ? class_or_0 : highest;
    }
    if (classes == 0 || highest < classes) {
        return FSCNN_OK;
    }
    return error_set(err, FSCNN_ERROR_FORMAT,
                     "%s: class %d among the labels, but there are %d classes (0..%d; -1 or 255 for ignored pixels)%s",
                     path, highest, classes, classes - 1,
                     classes == DEFAULT_CLASSES && highest <= 33 ? "; are these label ids instead of train ids?" : "");
}

static enum fscnn_status read_truth(const char *path, const struct file_map *map, struct label_buffer *out,
                                    struct fscnn_error *err) {
    struct tensor t = {.dtype = DTYPE_F32, .rank = 1, .shape = {(int64_t)(map->size / 4)}, .data = map->data};
    enum fscnn_status status = FSCNN_OK;
    if (has_ending(path, ".npy")) {
        status = npy_parse(map->data, map->size, path, &t, err);
    } else if (map->size % 4 != 0) {
        status = error_set(err, FSCNN_ERROR_FORMAT,
                           "%s: %zu bytes; expected float32 train ids, 4 bytes a pixel (8388608 for 1024 x 2048)", path,
                           map->size);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    size_t count = tensor_count(&t);
    if (count == 0 || count > MAX_LABEL_PIXELS) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: %zu pixels; expected between 1 and %zu", path, count,
                         MAX_LABEL_PIXELS);
    }
    status = label_buffer_resize(out, count, err);
    if (status != FSCNN_OK) {
        return error_prefix(err, status, "%s", path);
    }
    read_ahead(map);
    return convert_tensor(path, &t, count, out->labels, err);
}

enum fscnn_status label_file_read(const char *path, int classes, struct label_buffer *out, struct fscnn_error *err) {
    struct file_map map;
    enum fscnn_status status = file_map_open(path, &map, err);
    if (status == FSCNN_OK) {
        status = read_truth(path, &map, out, err);
    }
    if (status == FSCNN_OK) {
        status = check_truth(path, out, classes, err);
    }
    file_map_close(&map);
    return status;
}

/* ------------------------------------------------------------------------------ results ---- */

/* "expected A bytes (labels), ..." for a size that does not fit. */
static enum fscnn_status bad_size(const char *path, size_t size, size_t pixels, int classes, struct fscnn_error *err) {
    if (classes) {
        size_t values = (size_t)classes * pixels;
        return error_set(err, FSCNN_ERROR_FORMAT,
                         "%s: %zu bytes; for %zu labelled pixels and %d classes expected %zu (float32 logits), %zu "
                         "(float16 logits) or %zu (labels)",
                         path, size, pixels, classes, 4 * values, 2 * values, pixels);
    }
    return error_set(err, FSCNN_ERROR_FORMAT,
                     "%s: %zu bytes; for %zu labelled pixels expected a multiple of %zu, for 19 classes %zu (float32 "
                     "logits), %zu (float16 logits) or %zu (labels)",
                     path, size, pixels, 2 * pixels, 76 * pixels, 38 * pixels, pixels);
}

/* The type of logits of `each` bytes a pixel where nobody said how many classes there are. A multiple of 4 can be N
 * floats or 2 N halves; only Cityscapes' 19 floats are taken for what they look like, as any other choice would give
 * plausible figures of the wrong classes. */
static enum fscnn_status guess_logits(const char *path, size_t each, enum dtype *dtype, struct fscnn_error *err) {
    size_t floats = each / 4, halves = each / 2;
    *dtype = each % 4 == 0 ? DTYPE_F32 : DTYPE_F16;
    if (*dtype == DTYPE_F16 || floats == DEFAULT_CLASSES || halves > FSCNN_MAX_CLASSES) {
        return FSCNN_OK;
    }
    if (floats == 1) {
        return error_set(err, FSCNN_ERROR_FORMAT,
                         "%s: 4 bytes a pixel: if these are float16 logits of 2 classes, say so with --num_classes 2",
                         path);
    }
    return error_set(err, FSCNN_ERROR_FORMAT,
                     "%s: %zu bytes a pixel: float32 logits of %zu classes or float16 logits of %zu; say which with "
                     "--num_classes",
                     path, each, floats, halves);
}

/* What a .bin of `size` bytes holds: a tensor [classes, pixels] or [1, pixels] of U8. */
static enum fscnn_status guess_type(const char *path, size_t size, size_t pixels, int *classes, struct tensor *t,
                                    struct fscnn_error *err) {
    size_t each = size / pixels; /* bytes a pixel */
    size_t known = (size_t)*classes;
    if (size % pixels != 0 || each == 0) {
        return bad_size(path, size, pixels, *classes, err);
    }
    t->rank = 2;
    t->shape[1] = (int64_t)pixels;
    if (each == 1) {
        t->dtype = DTYPE_U8;
        t->shape[0] = 1;
        return FSCNN_OK;
    }
    if (known) {
        t->dtype = each == 4 * known ? DTYPE_F32 : DTYPE_F16;
        if (each != 4 * known && each != 2 * known) {
            return bad_size(path, size, pixels, *classes, err);
        }
    } else {
        enum fscnn_status status = guess_logits(path, each, &t->dtype, err);
        if (status != FSCNN_OK) {
            return status;
        }
        known = each / dtype_size(t->dtype);
    }
    if (each % 2 != 0 || known < 2 || known > FSCNN_MAX_CLASSES) {
        return bad_size(path, size, pixels, *classes, err);
    }
    t->shape[0] = (int64_t)known;
    *classes = (int)known;
    return FSCNN_OK;
}

static bool is_float(enum dtype dtype) { return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_F64; }

/* Checks the shape of an .npy result, which then is a tensor [classes, pixels] or [1, pixels]. */
static enum fscnn_status check_shape(const char *path, struct tensor *t, size_t pixels, int *classes,
                                     struct fscnn_error *err) {
    int64_t planes = 1, area = 1;
    for (int i = 0; i < t->rank; i++) {
        bool in_picture = i >= t->rank - 2; /* [..., height, width] */
        *(in_picture ? &area : &planes) *= t->shape[i];
    }
    bool logits = is_float(t->dtype);
    bool leading_ones = t->rank < 4 || planes == t->shape[t->rank - 3]; /* a batch of one image */
    bool fits = t->rank >= 2 && t->rank <= 4 && leading_ones && area == (int64_t)pixels;
    if (logits) {
        fits = fits && planes >= 2 && planes <= FSCNN_MAX_CLASSES && (*classes == 0 || planes == *classes);
    } else {
        fits = fits && planes == 1;
    }
    if (!fits) {
        char shape[256], wanted[64] = "classes";
        if (*classes) {
            snprintf(wanted, sizeof(wanted), "%d", *classes);
        }
        return error_set(err, FSCNN_ERROR_FORMAT,
                         "%s: %s %s; expected float [%s, height, width] or integer [height, width] with height x width "
                         "= %zu labelled pixels",
                         path, dtype_name(t->dtype), tensor_shape_text(t, shape, sizeof(shape)), wanted, pixels);
    }
    if (logits) {
        *classes = (int)planes;
    }
    t->rank = 2;
    t->shape[0] = planes;
    t->shape[1] = area;
    return FSCNN_OK;
}

/* [classes, pixels] logits, or [1, pixels] labels, into labels [pixels]. */
static enum fscnn_status reduce(const char *path, const struct tensor *t, uint8_t *labels, struct fscnn_error *err) {
    size_t pixels = (size_t)t->shape[1];
    int classes = (int)t->shape[0];
    if (!is_float(t->dtype)) {
        return convert_tensor(path, t, pixels, labels, err);
    }
    if (t->dtype == DTYPE_F32) {
        argmax_f32(t->data, classes, pixels, labels);
    } else if (t->dtype == DTYPE_F16) {
        argmax_f16(t->data, classes, pixels, labels);
    } else {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%s: logits in %s; float32 and float16 are read", path,
                         dtype_name(t->dtype));
    }
    return FSCNN_OK;
}

enum fscnn_status result_file_read(const char *path, size_t pixels, int *classes, struct label_buffer *out,
                                   struct fscnn_error *err) {
    struct file_map map;
    struct tensor t = {0};
    enum fscnn_status status = file_map_open(path, &map, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (has_ending(path, ".txt")) {
        status = result_text_parse((const char *)map.data, map.size, path, pixels, classes, out, err);
        goto done;
    }
    if (has_ending(path, ".npy")) {
        status = npy_parse(map.data, map.size, path, &t, err);
        if (status == FSCNN_OK) {
            status = check_shape(path, &t, pixels, classes, err);
        }
    } else {
        t.data = map.data;
        status = guess_type(path, map.size, pixels, classes, &t, err);
    }
    if (status == FSCNN_OK) {
        status = label_buffer_resize(out, pixels, err);
        if (status != FSCNN_OK) {
            error_prefix(err, status, "%s", path);
        }
    }
    if (status == FSCNN_OK) {
        read_ahead(&map);
        status = reduce(path, &t, out->labels, err);
    }
done:
    file_map_close(&map);
    return status;
}
