/* The segments before a JPEG's pixels: EXIF orientation and Adobe's mark. Never an error: what is not understood is
 * as good as absent, and the decoder judges the file. */
#include <string.h>

#include "base/bytes.h"
#include "image/picture.h"

enum {
    MARKER_SOF0 = 0xc0,
    MARKER_SOF2 = 0xc2, /* progressive */
    MARKER_TEM = 0x01,
    MARKER_RST0 = 0xd0,
    MARKER_RST7 = 0xd7,
    MARKER_SOI = 0xd8,
    MARKER_EOI = 0xd9,
    MARKER_SOS = 0xda,
    MARKER_DRI = 0xdd,
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

static bool has_no_length(uint8_t marker) {
    return marker == MARKER_TEM || (marker >= MARKER_RST0 && marker <= MARKER_RST7);
}

/* To the next marker, over coded pixels or stray bytes: 0xff and something other than 0. *mark: where its 0xff is, or
 * the first of several. 0 where there is none. */
static uint8_t next_marker(struct bytes *b, size_t *mark) {
    uint8_t marker = 0;
    while (marker == 0 && !b->failed) {
        const uint8_t *left = b->data + b->pos, *found = memchr(left, 0xff, bytes_left(b));
        bytes_take(b, found ? (size_t)(found - left) + 1 : bytes_left(b) + 1);
        *mark = b->pos - 1;
        do {
            marker = bytes_u8(b);
        } while (marker == 0xff);
    }
    return b->failed ? 0 : marker;
}

/* How many scans begin before the end marker; what follows that, as the films of some cameras, is no part of it. */
static size_t count_scans(struct bytes b) {
    size_t scans = 0, mark;
    for (uint8_t marker; (marker = next_marker(&b, &mark)) != 0 && marker != MARKER_EOI;) {
        scans += marker == MARKER_SOS;
        if (!has_no_length(marker)) {
            const uint16_t length = big_u16(&b);
            bytes_take(&b, length > 2 ? length - 2u : 0);
        }
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
        size_t mark;
        const uint8_t marker = next_marker(&b, &mark); /* stray bytes before it are skipped, as decoders do */
        if (marker && mark > at && out.num_stray < JPEG_MOST_STRAY) {
            out.stray[out.num_stray].at = at;
            out.stray[out.num_stray++].count = mark - at;
        }
        if (has_no_length(marker)) {
            continue;
        }
        if (marker == MARKER_SOS) {
            out.scans = 1 + count_scans(b);
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
        } else if (marker == MARKER_DRI && length >= 4) {
            out.restarts = body[0] || body[1];
        } else if (marker == MARKER_APP14 && length >= 14 && memcmp(body, "Adobe", 5) == 0) {
            out.adobe = true;
        }
    }
    return out;
}
