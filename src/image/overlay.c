/* Maps of train ids drawn as pictures. */
#include <stdlib.h>
#include <string.h>

#include "image/labels.h"
#include "image/picture.h"

/* Parts of 256 that the class colour has in the overlay, and how bright borders between classes stay. */
enum { COLOUR_PART = 140, BORDER_PART = 130 };

static void colour_table(uint8_t table[256][3]) {
    for (int id = 0; id < 256; id++) {
        memcpy(table[id], fscnn_class_of_train_id(id).rgb, 3);
    }
}

static void draw_colours(const struct fscnn_labels *in, uint8_t *rgb) {
    uint8_t table[256][3];
    colour_table(table);
    size_t count = (size_t)in->width * (size_t)in->height;
    for (size_t i = 0; i < count; i++) {
        memcpy(rgb + 3 * i, table[in->labels[i]], 3);
    }
}

/* The class colour over the photograph, which stays untouched where the class is "ignored". A pixel whose right or
 * lower neighbour has another class is darkened: a thin outline. */
static void draw_overlay(const struct fscnn_labels *in, const struct fscnn_picture *photo, uint8_t *rgb) {
    uint8_t table[256][3];
    colour_table(table);
    size_t w = (size_t)in->width, h = (size_t)in->height;
    for (size_t y = 0; y < h; y++) {
        for (size_t x = 0; x < w; x++) {
            size_t i = y * w + x;
            uint8_t id = in->labels[i];
            bool border = (x + 1 < w && in->labels[i + 1] != id) || (y + 1 < h && in->labels[i + w] != id);
            unsigned part = id == LABEL_IGNORED ? 0 : COLOUR_PART, light = border ? BORDER_PART : 256;
            for (size_t c = 0; c < 3; c++) {
                unsigned mixed = photo->rgb[3 * i + c] * (256 - part) + table[id][c] * part;
                rgb[3 * i + c] = (uint8_t)(mixed * light >> 16);
            }
        }
    }
}

static enum fscnn_status draw_label_ids(const struct fscnn_labels *in, const char *path, uint8_t *out,
                                        struct fscnn_error *err) {
    size_t count = (size_t)in->width * (size_t)in->height;
    for (size_t i = 0; i < count; i++) {
        if (in->labels[i] >= LABEL_TRAIN_CLASSES) {
            return error_set(err, FSCNN_ERROR_USAGE, "%s: train id %d has no Cityscapes label id (0..18 have one)",
                             path, in->labels[i]);
        }
        out[i] = (uint8_t)fscnn_class_of_train_id(in->labels[i]).label_id;
    }
    return FSCNN_OK;
}

enum fscnn_status fscnn_labels_write_png(const char *path, const struct fscnn_labels *train_ids, enum fscnn_style style,
                                         const struct fscnn_picture *photo, struct fscnn_error *err) {
    int w = train_ids->width, h = train_ids->height;
    if (w < 1 || h < 1) {
        return error_set(err, FSCNN_ERROR_USAGE, "%s: an empty label map (%dx%d) cannot be drawn", path, w, h);
    }
    if ((unsigned)style > FSCNN_STYLE_LABELIDS) {
        return error_set(err, FSCNN_ERROR_USAGE, "%s: style %d is out of range", path, (int)style);
    }
    if (style == FSCNN_STYLE_TRAINIDS) {
        return png_write(path, train_ids->labels, w, h, 1, err);
    }
    if (style == FSCNN_STYLE_OVERLAY && (!photo || photo->width != w || photo->height != h)) {
        return error_set(err, FSCNN_ERROR_USAGE, "%s: an overlay needs the photograph in the size of the labels, %dx%d",
                         path, w, h);
    }
    int channels = style == FSCNN_STYLE_LABELIDS ? 1 : 3;
    size_t bytes = (size_t)w * (size_t)h * (size_t)channels;
    uint8_t *pixels = malloc(bytes);
    if (!pixels) {
        return error_memory(err, bytes, "a drawn label map");
    }
    enum fscnn_status status = FSCNN_OK;
    if (style == FSCNN_STYLE_OVERLAY) {
        draw_overlay(train_ids, photo, pixels);
    } else if (style == FSCNN_STYLE_COLOR) {
        draw_colours(train_ids, pixels);
    } else {
        status = draw_label_ids(train_ids, path, pixels, err);
    }
    if (status == FSCNN_OK) {
        status = png_write(path, pixels, w, h, channels, err);
    }
    free(pixels);
    return status;
}
