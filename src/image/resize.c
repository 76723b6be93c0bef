/* Resizing photographs (bilinear, averaging when shrinking) and labels (nearest).
 *
 * Half-pixel centres: sample i of the output lies at (i + 0.5) * in / out of the input. The weights are a triangle of
 * half-width max(1, in / out) around it, cut at the border and made to sum to one: bilinear interpolation when growing,
 * an average over the covered area when shrinking. Weights are 22-bit fixed point and every pass rounds to 8 bits, so
 * that results are the same on every machine (and the same as those of the common Python imaging library). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/picture.h"

enum { WEIGHT_BITS = 22 };

/* For each of `count` output samples: the first input sample, how many, and their weights [count, stride]. */
struct taps {
    int *first, *length;
    int32_t *weights;
    int count, stride;
};

static void taps_free(struct taps *taps) {
    free(taps->first);
    free(taps->length);
    free(taps->weights);
    *taps = (struct taps){0};
}

static int clamp_int(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

static void fill_taps(struct taps *taps, int in, double *raw) {
    double scale = (double)in / taps->count, reach = scale < 1 ? 1 : scale, inverse = 1 / reach;
    for (int i = 0; i < taps->count; i++) {
        double centre = (i + 0.5) * scale, sum = 0;
        int first = clamp_int((int)(centre - reach + 0.5), 0, in - 1);
        int end = clamp_int((int)(centre + reach + 0.5), first + 1, in);
        for (int k = first; k < end; k++) {
            double distance = fabs((k - centre + 0.5) * inverse);
            raw[k - first] = distance < 1 ? 1 - distance : 0;
            sum += raw[k - first];
        }
        taps->first[i] = first;
        taps->length[i] = end - first;
        for (int k = 0; k < end - first; k++) {
            double weight = sum > 0 ? raw[k] * (1 / sum) : 1.0 / (end - first);
            taps->weights[(size_t)i * (size_t)taps->stride + (size_t)k] = (int32_t)(0.5 + weight * (1 << WEIGHT_BITS));
        }
    }
}

static enum fscnn_status taps_create(int in, int out, struct taps *taps, struct fscnn_error *err) {
    double reach = in > out ? (double)in / out : 1;
    size_t count = (size_t)out, stride = 2 * (size_t)ceil(reach) + 1;
    *taps = (struct taps){.count = out, .stride = (int)stride};
    taps->first = malloc(count * sizeof(int));
    taps->length = malloc(count * sizeof(int));
    taps->weights = malloc(count * stride * sizeof(int32_t));
    double *raw = calloc(stride, sizeof(double));
    if (!taps->first || !taps->length || !taps->weights || !raw) {
        taps_free(taps);
        free(raw);
        return error_memory(err, count * stride * sizeof(int32_t), "resize weights");
    }
    fill_taps(taps, in, raw);
    free(raw);
    return FSCNN_OK;
}

static uint8_t round_sum(int32_t sum) {
    int32_t value = sum >> WEIGHT_BITS; /* the sum starts with one half */
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* in [in_width, 3] -> out [taps->count, 3] */
static void resize_row(const struct taps *taps, const uint8_t *in, uint8_t *out) {
    for (int i = 0; i < taps->count; i++) {
        const uint8_t *p = in + 3 * (size_t)taps->first[i];
        const int32_t *w = taps->weights + (size_t)i * (size_t)taps->stride;
        int32_t sum[3] = {1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1)};
        for (int k = 0; k < taps->length[i]; k++, p += 3) {
            sum[0] += w[k] * p[0];
            sum[1] += w[k] * p[1];
            sum[2] += w[k] * p[2];
        }
        for (size_t c = 0; c < 3; c++) {
            out[3 * (size_t)i + c] = round_sum(sum[c]);
        }
    }
}

/* rows [.., width] u8 -> output row i of taps; sums [width] is scratch. */
static void resize_column(const struct taps *taps, int i, const uint8_t *rows, size_t width, int32_t *sums,
                          uint8_t *out) {
    const int32_t *w = taps->weights + (size_t)i * (size_t)taps->stride;
    for (size_t x = 0; x < width; x++) {
        sums[x] = 1 << (WEIGHT_BITS - 1);
    }
    for (int k = 0; k < taps->length[i]; k++) {
        const uint8_t *row = rows + (size_t)(taps->first[i] + k) * width;
        for (size_t x = 0; x < width; x++) {
            sums[x] += w[k] * row[x];
        }
    }
    for (size_t x = 0; x < width; x++) {
        out[x] = round_sum(sums[x]);
    }
}

static enum fscnn_status check_sizes(int in_width, int in_height, int width, int height, struct fscnn_error *err) {
    if (width < 1 || height < 1 || width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE ||
        (uint64_t)width * (uint64_t)height > PICTURE_MAX_PIXELS) {
        return error_set(err, FSCNN_ERROR_USAGE,
                         "a picture cannot be resized to %dx%d: 1..%d a side, at most 2^28 pixels", width, height,
                         PICTURE_MAX_SIDE);
    }
    if (in_width < 1 || in_height < 1 || in_width > PICTURE_MAX_SIDE || in_height > PICTURE_MAX_SIDE) {
        return error_set(err, FSCNN_ERROR_USAGE, "a picture of %dx%d pixels cannot be resized", in_width, in_height);
    }
    return FSCNN_OK;
}

enum fscnn_status fscnn_picture_resize(const struct fscnn_picture *in, int width, int height, struct fscnn_picture *out,
                                       struct fscnn_error *err) {
    struct taps across = {0}, down = {0};
    struct fscnn_picture result = {.width = width, .height = height};
    uint8_t *narrow = NULL; /* [in->height, width, 3] */
    int32_t *sums = NULL;
    *out = (struct fscnn_picture){0};
    enum fscnn_status status = check_sizes(in->width, in->height, width, height, err);
    if (status != FSCNN_OK) {
        return status;
    }
    size_t row = 3 * (size_t)width, in_row = 3 * (size_t)in->width;
    if ((status = taps_create(in->width, width, &across, err)) != FSCNN_OK ||
        (status = taps_create(in->height, height, &down, err)) != FSCNN_OK) {
        goto done;
    }
    result.rgb = picture_memory("resizing", row * (size_t)height, 0, err);
    narrow = result.rgb ? picture_memory("resizing", row * (size_t)in->height, 0, err) : NULL;
    if (!narrow) {
        status = FSCNN_ERROR_MEMORY;
        goto done;
    }
    sums = malloc(row * sizeof(*sums));
    if (!sums) {
        status = error_memory(err, row * sizeof(*sums), "a resized picture");
        goto done;
    }
    for (size_t y = 0; y < (size_t)in->height; y++) {
        resize_row(&across, in->rgb + y * in_row, narrow + y * row);
    }
    for (int y = 0; y < height; y++) {
        resize_column(&down, y, narrow, row, sums, result.rgb + (size_t)y * row);
    }
    *out = result;
    result.rgb = NULL;
done:
    taps_free(&across);
    taps_free(&down);
    free(narrow);
    free(sums);
    fscnn_picture_free(&result);
    return status;
}

enum fscnn_status fscnn_labels_resize(const struct fscnn_labels *in, int width, int height, struct fscnn_labels *out,
                                      struct fscnn_error *err) {
    *out = (struct fscnn_labels){0};
    enum fscnn_status status = check_sizes(in->width, in->height, width, height, err);
    if (status != FSCNN_OK) {
        return status;
    }
    size_t *from = malloc((size_t)width * sizeof(*from));
    uint8_t *labels = malloc((size_t)width * (size_t)height);
    if (!from || !labels) {
        free(from);
        free(labels);
        return error_memory(err, (size_t)width * (size_t)height, "resized labels");
    }
    for (size_t x = 0; x < (size_t)width; x++) {
        from[x] = (2 * x + 1) * (size_t)in->width / (2 * (size_t)width);
    }
    for (size_t y = 0; y < (size_t)height; y++) {
        size_t source = (2 * y + 1) * (size_t)in->height / (2 * (size_t)height);
        const uint8_t *row = in->labels + source * (size_t)in->width;
        for (size_t x = 0; x < (size_t)width; x++) {
            labels[y * (size_t)width + x] = row[from[x]];
        }
    }
    free(from);
    *out = (struct fscnn_labels){.width = width, .height = height, .labels = labels};
    return FSCNN_OK;
}
