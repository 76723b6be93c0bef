/* Inner interface of the picture readers and writers: decoding from memory, told apart by content.
 *
 * Every decoder takes `name` for its messages ("PATH: ..."), refuses sizes beyond the limits before it allocates, and
 * treats a file that ends early as damaged. On failure *out is zeroed. */
#ifndef FSCNN_IMAGE_PICTURE_H
#define FSCNN_IMAGE_PICTURE_H

#include "base/status.h"

enum { PICTURE_MAX_SIDE = 65536, PICTURE_MAX_PIXELS = 1 << 28 };

/* Deflate packs at most 1032 bytes into one, a JPEG block of 64 samples needs a bit: a file that claims more bytes of
 * pixels than 1040 a byte is damaged, and is refused before memory for its pixels is asked for. */
enum { PICTURE_MAX_PACKING = 1040 };

/* PNG or JPEG in memory -> RGB. Errors: FORMAT (damaged), UNSUPPORTED (neither, or an exotic kind), MEMORY (limits). */
FSCNN_NODISCARD enum fscnn_status picture_decode(const void *data, size_t size, const char *name,
                                                 struct fscnn_picture *out, struct fscnn_error *err);
/* Width and height as picture_decode would give them, from the file's head alone. */
FSCNN_NODISCARD enum fscnn_status picture_decode_size(const void *data, size_t size, const char *name, int *width,
                                                      int *height, struct fscnn_error *err);
/* Single-channel PNG in memory -> labels: grey values or palette indices. Errors: as above; RGB or 16-bit files are
 * UNSUPPORTED, with a line that says what is expected. */
FSCNN_NODISCARD enum fscnn_status labels_decode(const void *data, size_t size, const char *name,
                                                struct fscnn_labels *out, struct fscnn_error *err);

/* Checks a size that a file's head claims, of pixels of `bits` bits before they were packed; `file_size` is the length
 * of the whole file. */
FSCNN_NODISCARD enum fscnn_status picture_check_size(const char *name, uint64_t width, uint64_t height, int bits,
                                                     size_t file_size, struct fscnn_error *err);

/* `bytes` for a picture, to be given to free(); NULL, and an error MEMORY, where these and `more` beside them are not
 * available. */
void *picture_memory(const char *name, size_t bytes, size_t more, struct fscnn_error *err);

/* png.c */
bool png_is(const void *data, size_t size);
FSCNN_NODISCARD enum fscnn_status png_decode_size(const void *data, size_t size, const char *name, int *width,
                                                  int *height, struct fscnn_error *err);
FSCNN_NODISCARD enum fscnn_status png_decode_rgb(const void *data, size_t size, const char *name,
                                                 struct fscnn_picture *out, struct fscnn_error *err);
/* pixels [height, width, channels], channels 1 (grey) or 3 (RGB), encoded to a stream; `name` is for messages. */
FSCNN_NODISCARD enum fscnn_status png_encode(FILE *stream, const char *name, const uint8_t *pixels, int width,
                                             int height, int channels, struct fscnn_error *err);
/* The same into a file that appears only when it is complete. */
FSCNN_NODISCARD enum fscnn_status png_write(const char *path, const uint8_t *pixels, int width, int height,
                                            int channels, struct fscnn_error *err);

/* jpeg.c */
bool jpeg_is(const void *data, size_t size);
FSCNN_NODISCARD enum fscnn_status jpeg_decode_size(const void *data, size_t size, const char *name, int *width,
                                                   int *height, struct fscnn_error *err);
/* Grey, YCbCr, RGB and CMYK files; turned upright as the EXIF orientation says. */
FSCNN_NODISCARD enum fscnn_status jpeg_decode_rgb(const void *data, size_t size, const char *name,
                                                  struct fscnn_picture *out, struct fscnn_error *err);

/* jpeg_markers.c: what the segments before the pixels say. */
enum { JPEG_MOST_STRAY = 8 };
struct jpeg_markers {
    int orientation;    /* EXIF 1..8; 1 where there is none */
    bool adobe;         /* an Adobe segment: CMYK is stored inverted */
    bool several_scans; /* as progressive files have them */
    bool restarts;      /* marks of restart among the pixels */
    size_t scans;       /* 0: none was found */
    /* Bytes between the segments before the first scan, which mean nothing. */
    struct {
        size_t at, count;
    } stray[JPEG_MOST_STRAY];
    int num_stray; /* JPEG_MOST_STRAY: these and perhaps more */
};
struct jpeg_markers jpeg_read_markers(const void *data, size_t size);

#endif
