/* JPEG by TurboJPEG: grey, YCbCr, RGB and CMYK files to RGB, turned upright. */
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "image/picture.h"

/* Pixels times scans: each scan visits all of them, however short it is. Progressive files have some ten scans. */
#define MOST_SCANNED ((uint64_t)1 << 32)

bool jpeg_is(const void *data, size_t size) { return size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0; }

static enum fscnn_status jpeg_error(tjhandle decoder, const char *name, struct fscnn_error *err) {
    const char *text = tjGetErrorStr2(decoder);
    bool memory = strstr(text, "emory") != NULL;
    return error_set(err, memory ? FSCNN_ERROR_MEMORY : FSCNN_ERROR_FORMAT, "%s: JPEG: %s", name, text);
}

struct head {
    int width, height, space;
};

static enum fscnn_status read_head(tjhandle decoder, const void *data, size_t size, const char *name, struct head *head,
                                   struct fscnn_error *err) {
    int subsampling;
    if (tjDecompressHeader3(decoder, data, size, &head->width, &head->height, &subsampling, &head->space) != 0 &&
        tjGetErrorCode(decoder) != TJERR_WARNING) {
        return jpeg_error(decoder, name, err);
    }
    if (head->width < 1 || head->height < 1) { /* success, but no frame: a file of tables, or one that ends early */
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: JPEG: the file ends before the picture", name);
    }
    return picture_check_size(name, (uint64_t)head->width, (uint64_t)head->height, 8, size, err);
}

enum fscnn_status jpeg_decode_size(const void *data, size_t size, const char *name, int *width, int *height,
                                   struct fscnn_error *err) {
    struct head head = {0};
    tjhandle decoder = tjInitDecompress();
    if (!decoder) {
        return error_prefix(err, error_memory(err, 0, "a JPEG decoder"), "%s", name);
    }
    enum fscnn_status status = read_head(decoder, data, size, name, &head, err);
    tjDestroy(decoder);
    if (status == FSCNN_OK) {
        bool turned = jpeg_read_markers(data, size).orientation >= 5;
        *width = turned ? head.height : head.width;
        *height = turned ? head.width : head.height;
    }
    return status;
}

/* The decoder goes on after damage and leaves grey, and tells of the first trouble only. Bytes between the last pixels
 * and the end marker are harmless where nothing but the end can follow them: with several scans, or marks of restart,
 * they may stand in the place of what is missing. Harmless are also those between segments; they are taken out
 * beforehand (JPEG_MOST_STRAY runs of them), so that they do not hide what comes after them. */
static bool is_harmless(tjhandle decoder, const struct jpeg_markers *markers) {
    return tjGetErrorCode(decoder) == TJERR_WARNING && !markers->several_scans && !markers->restarts &&
           strstr(tjGetErrorStr2(decoder), "extraneous bytes before marker 0xd9");
}

/* The file without the bytes that many cameras put between segments, in fresh memory; NULL when out of memory. */
static uint8_t *without_stray(const uint8_t *data, size_t *size, const struct jpeg_markers *markers) {
    uint8_t *copy = malloc(*size);
    size_t from = 0, length = 0;
    for (int i = 0; copy && i <= markers->num_stray; i++) {
        const size_t to = i < markers->num_stray ? markers->stray[i].at : *size;
        memcpy(copy + length, data + from, to - from);
        length += to - from;
        from = to + (i < markers->num_stray ? markers->stray[i].count : 0);
    }
    *size = length;
    return copy;
}

static enum fscnn_status decode_pixels(tjhandle decoder, const uint8_t *data, size_t size, const char *name,
                                       const struct jpeg_markers *markers, int format, struct fscnn_picture *out,
                                       struct fscnn_error *err) {
    uint8_t *copy = NULL;
    if (markers->num_stray) {
        const size_t whole = size;
        copy = without_stray(data, &size, markers);
        if (!copy) {
            return error_prefix(err, error_memory(err, whole, "the picture's file"), "%s", name);
        }
    }
    const bool ok = tjDecompress2(decoder, copy ? copy : data, size, out->rgb, out->width, 0, out->height, format,
                                  TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS) == 0 ||
                    is_harmless(decoder, markers);
    free(copy);
    return ok ? FSCNN_OK : jpeg_error(decoder, name, err);
}

/* CMYK [count, 4] -> RGB in place at the start. Adobe's programs store the ink inverted: 255 is none. */
static void cmyk_to_rgb(uint8_t *pixels, size_t count, bool inverted) {
    unsigned flip = inverted ? 0 : 255;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *cmyk = pixels + 4 * i;
        unsigned black = cmyk[3] ^ flip;
        uint8_t rgb[3];
        for (int c = 0; c < 3; c++) {
            rgb[c] = (uint8_t)(((cmyk[c] ^ flip) * black + 127) / 255);
        }
        memcpy(pixels + 3 * i, rgb, 3);
    }
}

/* Turns the picture upright; orientation 2..8 as in EXIF: where the stored first row and column belong.
 * 2 mirrored, 3 by 180 degrees, 4 upside down, 5 transposed, 6 by 90 clockwise, 7 transverse, 8 by 90 anticlockwise. */
static enum fscnn_status turn_upright(struct fscnn_picture *picture, const char *name, int orientation,
                                      struct fscnn_error *err) {
    size_t w = (size_t)picture->width, h = (size_t)picture->height;
    bool transposed = orientation >= 5;
    bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    size_t out_w = transposed ? h : w, out_h = transposed ? w : h;
    uint8_t *turned = malloc(3 * w * h);
    if (!turned) {
        return error_prefix(err, error_memory(err, 3 * w * h, "a turned picture"), "%s", name);
    }
    for (size_t y = 0; y < out_h; y++) {
        for (size_t x = 0; x < out_w; x++) {
            size_t sx = transposed ? y : x, sy = transposed ? x : y;
            sx = flip_x ? w - 1 - sx : sx;
            sy = flip_y ? h - 1 - sy : sy;
            memcpy(turned + 3 * (y * out_w + x), picture->rgb + 3 * (sy * w + sx), 3);
        }
    }
    free(picture->rgb);
    *picture = (struct fscnn_picture){.width = (int)out_w, .height = (int)out_h, .rgb = turned};
    return FSCNN_OK;
}

static enum fscnn_status decode(tjhandle decoder, const void *data, size_t size, const char *name,
                                struct fscnn_picture *out, struct fscnn_error *err) {
    struct head head = {0};
    enum fscnn_status status = read_head(decoder, data, size, name, &head, err);
    if (status != FSCNN_OK) {
        return status;
    }
    struct jpeg_markers markers = jpeg_read_markers(data, size);
    if (markers.scans * (uint64_t)head.width * (uint64_t)head.height > MOST_SCANNED) {
        return error_set(err, FSCNN_ERROR_FORMAT,
                         "%s: JPEG: %zu scans of %dx%d pixels are no picture but minutes of work", name, markers.scans,
                         head.width, head.height);
    }
    bool cmyk = head.space == TJCS_CMYK || head.space == TJCS_YCCK;
    size_t count = (size_t)head.width * (size_t)head.height, bytes = count * (cmyk ? 4 : 3);
    /* The decoder keeps the coefficients of what comes in several scans, 16 bits each. */
    const size_t more = (markers.several_scans ? 8 * count : 0) + (markers.orientation > 1 ? 3 * count : 0);
    *out = (struct fscnn_picture){.width = head.width, .height = head.height};
    out->rgb = picture_memory(name, bytes, more, err);
    if (!out->rgb) {
        return FSCNN_ERROR_MEMORY;
    }
    status = decode_pixels(decoder, data, size, name, &markers, cmyk ? TJPF_CMYK : TJPF_RGB, out, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (cmyk) {
        cmyk_to_rgb(out->rgb, count, markers.adobe);
    }
    return markers.orientation > 1 ? turn_upright(out, name, markers.orientation, err) : FSCNN_OK;
}

enum fscnn_status jpeg_decode_rgb(const void *data, size_t size, const char *name, struct fscnn_picture *out,
                                  struct fscnn_error *err) {
    *out = (struct fscnn_picture){0};
    tjhandle decoder = tjInitDecompress();
    if (!decoder) {
        return error_prefix(err, error_memory(err, 0, "a JPEG decoder"), "%s", name);
    }
    enum fscnn_status status = decode(decoder, data, size, name, out, err);
    if (status != FSCNN_OK) {
        fscnn_picture_free(out);
    }
    tjDestroy(decoder);
    return status;
}
