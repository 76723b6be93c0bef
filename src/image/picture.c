/* Reading pictures and labels: dispatch by content, limits, ownership. */
#include "image/picture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

enum { LARGE = 64 << 20 };

enum fscnn_status picture_check_size(const char *name, uint64_t width, uint64_t height, int bits, size_t file_size,
                                     struct fscnn_error *err) {
    if (width == 0 || height == 0) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: the picture is empty (%llux%llu)", name,
                         (unsigned long long)width, (unsigned long long)height);
    }
    if (width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE || width * height > PICTURE_MAX_PIXELS) {
        return error_set(err, FSCNN_ERROR_MEMORY,
                         "%s: %llux%llu pixels (width x height) are beyond the limits: %d a side, 2^28 in all", name,
                         (unsigned long long)width, (unsigned long long)height, PICTURE_MAX_SIDE);
    }
    if (width * height * (unsigned)bits / 8 / PICTURE_MAX_PACKING > file_size) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: cut short or damaged: %zu bytes cannot hold %llux%llu pixels",
                         name, file_size, (unsigned long long)width, (unsigned long long)height);
    }
    return FSCNN_OK;
}

/* Memory is promised when it is asked for and taken when it is written to: threads that weigh at the same time would
 * all be told that there is enough. So large pictures are weighed and written to one after the other. What a decoder
 * takes besides (`more`) is weighed but not held: it comes and goes. */
static void *weigh_and_take(size_t bytes, size_t more, enum fscnn_status *status, struct fscnn_error *err) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const bool large = bytes >= LARGE;
    if (large) {
        pthread_mutex_lock(&lock);
    }
    *status = memory_weigh(bytes + more, "the picture", err);
    void *data = *status == FSCNN_OK ? malloc(bytes) : NULL;
    if (large && data) {
        memset(data, 1, bytes); /* of zeros, compilers make a calloc, which takes nothing */
    }
    if (large) {
        pthread_mutex_unlock(&lock);
    }
    return data;
}

void *picture_memory(const char *name, size_t bytes, size_t more, struct fscnn_error *err) {
    enum fscnn_status status;
    void *data = weigh_and_take(bytes, more, &status, err);
    if (status == FSCNN_OK && !data) {
        status = error_memory(err, bytes, "the picture");
    }
    if (status != FSCNN_OK) {
        error_prefix(err, status, "%s", name);
    }
    return data;
}

static enum fscnn_status unknown_kind(const char *name, size_t size, struct fscnn_error *err) {
    return size == 0 ? error_set(err, FSCNN_ERROR_FORMAT, "%s: the file is empty", name)
                     : error_set(err, FSCNN_ERROR_UNSUPPORTED, "%s: neither a PNG nor a JPEG picture", name);
}

enum fscnn_status picture_decode(const void *data, size_t size, const char *name, struct fscnn_picture *out,
                                 struct fscnn_error *err) {
    *out = (struct fscnn_picture){0};
    if (png_is(data, size)) {
        return png_decode_rgb(data, size, name, out, err);
    }
    if (jpeg_is(data, size)) {
        return jpeg_decode_rgb(data, size, name, out, err);
    }
    return unknown_kind(name, size, err);
}

enum fscnn_status picture_decode_size(const void *data, size_t size, const char *name, int *width, int *height,
                                      struct fscnn_error *err) {
    if (png_is(data, size)) {
        return png_decode_size(data, size, name, width, height, err);
    }
    if (jpeg_is(data, size)) {
        return jpeg_decode_size(data, size, name, width, height, err);
    }
    return unknown_kind(name, size, err);
}

enum fscnn_status fscnn_picture_read(const char *path, struct fscnn_picture *out, struct fscnn_error *err) {
    struct file_map map;
    *out = (struct fscnn_picture){0};
    enum fscnn_status status = file_map_open(path, &map, err);
    if (status == FSCNN_OK) {
        status = picture_decode(map.data, map.size, path, out, err);
        file_map_close(&map);
    }
    return status;
}

void fscnn_picture_free(struct fscnn_picture *picture) {
    free(picture->rgb);
    *picture = (struct fscnn_picture){0};
}

enum fscnn_status fscnn_picture_write_png(const char *path, const struct fscnn_picture *in, struct fscnn_error *err) {
    return png_write(path, in->rgb, in->width, in->height, 3, err);
}

enum fscnn_status fscnn_labels_read(const char *path, struct fscnn_labels *out, struct fscnn_error *err) {
    struct file_map map;
    *out = (struct fscnn_labels){0};
    enum fscnn_status status = file_map_open(path, &map, err);
    if (status == FSCNN_OK) {
        status = labels_decode(map.data, map.size, path, out, err);
        file_map_close(&map);
    }
    return status;
}

void fscnn_labels_free(struct fscnn_labels *labels) {
    free(labels->labels);
    *labels = (struct fscnn_labels){0};
}
