/* PNG by libspng: any kind of picture to RGB, single-channel files to labels, RGB and grey written. */
#include <errno.h>
#include <spng.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "image/picture.h"

/* Chunks that libspng keeps in memory (texts, profiles) are no use here: anything larger is refused. */
enum { CHUNK_LIMIT = 64 << 20, CHUNK_CACHE_LIMIT = 64 << 20 };

bool png_is(const void *data, size_t size) { return size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0; }

static enum fscnn_status png_error(const char *name, int code, struct fscnn_error *err) {
    if (code == SPNG_EMEM) {
        return error_set(err, FSCNN_ERROR_MEMORY, "%s: PNG: out of memory", name);
    }
    if (code == SPNG_IO_EOF || code == SPNG_EIDAT_TOO_SHORT) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: PNG: the file is cut short", name);
    }
    return error_set(err, FSCNN_ERROR_FORMAT, "%s: PNG: %s", name, spng_strerror(code));
}

/* Opens a decoder over `data` and reads the head; the caller frees *out with spng_ctx_free, also after an error. */
static enum fscnn_status decoder_open(const void *data, size_t size, const char *name, spng_ctx **out,
                                      struct spng_ihdr *head, struct fscnn_error *err) {
    *out = spng_ctx_new(0);
    if (!*out) {
        return error_prefix(err, error_memory(err, 0, "a PNG decoder"), "%s", name);
    }
    int code = spng_set_chunk_limits(*out, CHUNK_LIMIT, CHUNK_CACHE_LIMIT);
    code = code ? code : spng_set_png_buffer(*out, data, size);
    code = code ? code : spng_get_ihdr(*out, head);
    if (code) {
        return png_error(name, code, err);
    }
    static const uint8_t channels[] = {1, 1, 3, 1, 2, 1, 4}; /* by colour type */
    const int bits = head->bit_depth * (head->color_type < ARRAY_SIZE(channels) ? channels[head->color_type] : 1);
    return picture_check_size(name, head->width, head->height, bits, size, err);
}

enum fscnn_status png_decode_size(const void *data, size_t size, const char *name, int *width, int *height,
                                  struct fscnn_error *err) {
    spng_ctx *decoder;
    struct spng_ihdr head;
    enum fscnn_status status = decoder_open(data, size, name, &decoder, &head, err);
    if (status == FSCNN_OK) {
        *width = (int)head.width;
        *height = (int)head.height;
    }
    spng_ctx_free(decoder);
    return status;
}

/* Decodes all rows into fresh memory (*out, the caller frees it), which has *length bytes. */
static enum fscnn_status decode_rows(spng_ctx *decoder, int format, const char *name, uint8_t **out, size_t *length,
                                     struct fscnn_error *err) {
    int code = spng_decoded_image_size(decoder, format, length);
    if (code) {
        return png_error(name, code, err);
    }
    *out = picture_memory(name, *length, 0, err);
    if (!*out) {
        return FSCNN_ERROR_MEMORY;
    }
    code = spng_decode_image(decoder, *out, *length, format, 0);
    /* The rest up to the end marker: a file without it is cut short. */
    code = code ? code : spng_decode_chunks(decoder);
    return code ? png_error(name, code, err) : FSCNN_OK;
}

enum fscnn_status png_decode_rgb(const void *data, size_t size, const char *name, struct fscnn_picture *out,
                                 struct fscnn_error *err) {
    spng_ctx *decoder;
    struct spng_ihdr head;
    uint8_t *rgb = NULL;
    size_t length;
    *out = (struct fscnn_picture){0};
    enum fscnn_status status = decoder_open(data, size, name, &decoder, &head, err);
    if (status == FSCNN_OK) {
        status = decode_rows(decoder, SPNG_FMT_RGB8, name, &rgb, &length, err);
    }
    spng_ctx_free(decoder);
    if (status != FSCNN_OK) {
        free(rgb);
        return status;
    }
    *out = (struct fscnn_picture){.width = (int)head.width, .height = (int)head.height, .rgb = rgb};
    return FSCNN_OK;
}

/* Samples of 1, 2 or 4 bits, high bits first, rows padded to bytes -> one byte each. Works in place from the last row
 * backwards because the packed rows lie at the start of `pixels`. */
static void unpack_samples(uint8_t *pixels, int bits, uint32_t width, uint32_t height) {
    size_t packed = ((size_t)width * (unsigned)bits + 7) / 8;
    unsigned per_byte = 8u / (unsigned)bits, mask = (1u << bits) - 1;
    for (size_t y = height; y-- > 0;) {
        for (size_t x = width; x-- > 0;) {
            unsigned shift = (unsigned)bits * (per_byte - 1 - (unsigned)(x % per_byte));
            pixels[y * width + x] = (uint8_t)(pixels[y * packed + x / per_byte] >> shift & mask);
        }
    }
}

static enum fscnn_status check_label_kind(const struct spng_ihdr *head, const char *name, struct fscnn_error *err) {
    static const char *const kinds[] = {"grey", "?", "RGB", "palette", "grey with alpha", "?", "RGB with alpha"};
    bool single = head->color_type == SPNG_COLOR_TYPE_GRAYSCALE || head->color_type == SPNG_COLOR_TYPE_INDEXED;
    if (single && head->bit_depth <= 8) {
        return FSCNN_OK;
    }
    const char *kind = head->color_type < ARRAY_SIZE(kinds) ? kinds[head->color_type] : "?";
    return error_set(err, FSCNN_ERROR_UNSUPPORTED,
                     "%s: %s with %d bits a sample; labels must be 8-bit with one channel (grey or palette), value = "
                     "class id (a *_gtFine_labelIds.png, not *_gtFine_color.png)",
                     name, kind, head->bit_depth);
}

enum fscnn_status labels_decode(const void *data, size_t size, const char *name, struct fscnn_labels *out,
                                struct fscnn_error *err) {
    spng_ctx *decoder = NULL;
    struct spng_ihdr head;
    uint8_t *labels = NULL, *grown;
    size_t length;
    *out = (struct fscnn_labels){0};
    if (!png_is(data, size)) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%s: not a PNG file; labels are read from PNG only", name);
    }
    enum fscnn_status status = decoder_open(data, size, name, &decoder, &head, err);
    if (status == FSCNN_OK) {
        status = check_label_kind(&head, name, err);
    }
    if (status == FSCNN_OK) {
        /* Grey of few bits means brightness and is scaled; a palette index is the label itself. */
        bool palette = head.color_type == SPNG_COLOR_TYPE_INDEXED;
        status = decode_rows(decoder, palette ? SPNG_FMT_PNG : SPNG_FMT_G8, name, &labels, &length, err);
        if (status == FSCNN_OK && palette && head.bit_depth < 8) {
            grown = realloc(labels, (size_t)head.width * head.height);
            if (grown) {
                labels = grown;
                unpack_samples(labels, head.bit_depth, head.width, head.height);
            } else {
                status = error_memory(err, (size_t)head.width * head.height, "labels");
                error_prefix(err, status, "%s", name);
            }
        }
    }
    spng_ctx_free(decoder);
    if (status != FSCNN_OK) {
        free(labels);
        return status;
    }
    *out = (struct fscnn_labels){.width = (int)head.width, .height = (int)head.height, .labels = labels};
    return FSCNN_OK;
}

enum fscnn_status png_encode(FILE *stream, const char *name, const uint8_t *pixels, int width, int height, int channels,
                             struct fscnn_error *err) {
    struct spng_ihdr head = {.width = (uint32_t)width,
                             .height = (uint32_t)height,
                             .bit_depth = 8,
                             .color_type = channels == 3 ? SPNG_COLOR_TYPE_TRUECOLOR : SPNG_COLOR_TYPE_GRAYSCALE};
    if (width < 1 || height < 1) {
        return error_set(err, FSCNN_ERROR_USAGE, "%s: an empty picture (%dx%d) cannot be written", name, width, height);
    }
    spng_ctx *encoder = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!encoder) {
        return error_prefix(err, error_memory(err, 0, "a PNG encoder"), "%s", name);
    }
    errno = 0;
    int code = spng_set_png_file(encoder, stream);
    code = code ? code : spng_set_ihdr(encoder, &head);
    /* Fast settings: photographs profit from one cheap filter, label maps from none (runs stay runs). */
    code = code ? code : spng_set_option(encoder, SPNG_IMG_COMPRESSION_LEVEL, channels == 3 ? 1 : 3);
    code = code ? code
                : spng_set_option(encoder, SPNG_FILTER_CHOICE,
                                  channels == 3 ? SPNG_FILTER_CHOICE_SUB : SPNG_DISABLE_FILTERING);
    code = code ? code
                : spng_encode_image(encoder, pixels, (size_t)width * (size_t)height * (size_t)channels, SPNG_FMT_PNG,
                                    SPNG_ENCODE_FINALIZE);
    int cause = errno;
    spng_ctx_free(encoder);
    if (code == SPNG_IO_ERROR) {
        return error_set(err, FSCNN_ERROR_IO, "%s: %s", name, strerror(cause ? cause : EIO));
    }
    return code ? png_error(name, code, err) : FSCNN_OK;
}

enum fscnn_status png_write(const char *path, const uint8_t *pixels, int width, int height, int channels,
                            struct fscnn_error *err) {
    struct fscnn_output out;
    enum fscnn_status status = fscnn_output_open(path, &out, err);
    if (status != FSCNN_OK) {
        return status;
    }
    status = png_encode(out.stream, path, pixels, width, height, channels, err);
    if (status == FSCNN_OK) {
        status = fscnn_output_commit(&out, err);
    }
    fscnn_output_discard(&out);
    return status;
}
