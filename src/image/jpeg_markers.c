/* The segments before a JPEG's pixels: EXIF orientation and Adobe's mark. Never an error: what is not understood is
 * as good as absent, and the decoder judges the file. */
#include <string.h>

#include "base/bytes.h"
#include "image/picture.h"

enum {
    MARKER_SOF0 = 0xc0,
    MARKER_SOF2 = 0xc2, /* progressive */
    MARKER_SOI = 0xd8,
    MARKER_EOI = 0xd9,
    MARKER_SOS = 0xda,
    MARKER_APP1 = 0xe1,
    MARKER_APP14 = 0xee,
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
};

static uint16_t big_u16(struct bytes *b) {
    unsigned high = bytes_u8(b);
    return (uint16_t)(high << 8 | bytes_u8(b));
}

static uint16_t tiff_u16(struct bytes *b, bool big) { return big ? big_u16(b) : bytes_u16(b); }

static uint32_t tiff_u32(struct bytes *b, bool big) { return big ? __builtin_bswap32(bytes_u32(b)) : bytes_u32(b); }

/* Orientation out of a TIFF block: 2 bytes of byte order, 42, offset of the first directory; a directory is a count
 * and entries of 12 bytes: tag, type, count, value. */
static int tiff_orientation(const uint8_t *data, size_t size) {
    struct bytes b = bytes_over(data, size);
    uint16_t order = bytes_u16(&b);
    if (order != 0x4949 && order != 0x4d4d) {
        return 1;
    }
    bool big = order == 0x4d4d;
    uint16_t magic = tiff_u16(&b, big);
    uint32_t directory = tiff_u32(&b, big);
    if (b.failed || magic != 42 || directory < b.pos) {
        return 1;
    }
    bytes_take(&b, directory - b.pos);
    uint16_t entries = tiff_u16(&b, big);
    for (unsigned i = 0; i < entries && !b.failed; i++) {
        uint16_t tag = tiff_u16(&b, big);
        uint16_t type = tiff_u16(&b, big);
        uint32_t count = tiff_u32(&b, big);
        uint16_t value = tiff_u16(&b, big);
        bytes_take(&b, 2);
        if (tag == TAG_ORIENTATION) {
            return !b.failed && type == TYPE_SHORT && count == 1 && value >= 1 && value <= 8 ? value : 1;
        }
    }
    return 1;
}

/* Marks of a scan; within coded pixels 0xff never stands before anything but 0 and marks of restart. */
static size_t count_scans(const uint8_t *data, size_t size) {
    size_t scans = 0;
    for (const uint8_t *at = data; size && (at = memchr(at, 0xff, (size_t)(data + size - 1 - at))); at++) {
        scans += at[1] == MARKER_SOS;
    }
    return scans;
}

struct jpeg_markers jpeg_read_markers(const void *data, size_t size) {
    struct jpeg_markers out = {.orientation = 1};
    struct bytes b = bytes_over(data, size);
    int components = 0;
    bytes_take(&b, 2); /* SOI */
    while (!b.failed) {
        const size_t at = b.pos;
        while (!b.failed && bytes_u8(&b) != 0xff) { /* stray bytes between segments, as decoders skip them */
        }
        if (!b.failed && b.pos - 1 > at && out.num_stray < JPEG_MOST_STRAY) {
            out.stray[out.num_stray].at = at;
            out.stray[out.num_stray++].count = b.pos - 1 - at;
        }
        uint8_t marker = bytes_u8(&b);
        while (marker == 0xff) {
            marker = bytes_u8(&b); /* fill bytes */
        }
        if (marker == MARKER_SOS) {
            out.scans = b.failed ? 0 : 1 + count_scans((const uint8_t *)data + b.pos, size - b.pos);
            bytes_take(&b, 2);
            out.several_scans = out.several_scans || bytes_u8(&b) < components;
            break;
        }
        if (marker == MARKER_EOI || marker == MARKER_SOI) {
            break;
        }
        uint16_t length = big_u16(&b);
        if (length < 2) {
            break;
        }
        const uint8_t *body = bytes_take(&b, length - 2u);
        if (!body) {
            break;
        }
        if (marker >= MARKER_SOF0 && marker <= MARKER_SOF2 && length >= 8) {
            components = body[5];
            out.several_scans = marker == MARKER_SOF2;
        } else if (marker == MARKER_APP1 && length > 8 && memcmp(body, "Exif\0\0", 6) == 0) {
            out.orientation = tiff_orientation(body + 6, length - 8u);
        } else if (marker == MARKER_APP14 && length >= 14 && memcmp(body, "Adobe", 5) == 0) {
            out.adobe = true;
        }
    }
    return out;
}
