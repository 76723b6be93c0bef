/* Pictures and labels: decoding of every kind, damage, drawing, label tables. */
#include <spng.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "folder.h"
#include "image/labels.h"
#include "image/picture.h"

enum { W = 19, H = 11 };

struct blob {
    uint8_t *data;
    size_t size;
};

/* A PNG of W x H; `pixels` are packed rows as the format has them (16 bits in host order). */
static struct blob make_png(int color_type, int depth, int interlace, const void *pixels, size_t size) {
    struct spng_ihdr head = {.width = W,
                             .height = H,
                             .bit_depth = (uint8_t)depth,
                             .color_type = (uint8_t)color_type,
                             .interlace_method = (uint8_t)interlace};
    struct spng_plte palette = {.n_entries = depth < 8 ? 1u << depth : 256u};
    for (uint32_t i = 0; i < palette.n_entries; i++) {
        palette.entries[i] = (struct spng_plte_entry){(uint8_t)(255 - i), (uint8_t)(3 * i), (uint8_t)(7 * i + 1), 255};
    }
    spng_ctx *encoder = spng_ctx_new(SPNG_CTX_ENCODER);
    assert_int_equal(spng_set_option(encoder, SPNG_ENCODE_TO_BUFFER, 1), 0);
    assert_int_equal(spng_set_ihdr(encoder, &head), 0);
    if (color_type == SPNG_COLOR_TYPE_INDEXED) {
        assert_int_equal(spng_set_plte(encoder, &palette), 0);
    }
    assert_int_equal(spng_encode_image(encoder, pixels, size, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE), 0);
    int code;
    struct blob out;
    out.data = spng_get_png_buffer(encoder, &out.size, &code);
    assert_int_equal(code, 0);
    spng_ctx_free(encoder);
    return out;
}

/* 0, 1, 2, ... with `step`, so that each sample of a picture is told from its neighbours. */
static void count_up(uint8_t *out, size_t count, int step) {
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint8_t)((int)i * step);
    }
}

static void assert_decodes_to(struct blob file, const uint8_t *rgb) {
    struct fscnn_picture picture;
    struct fscnn_error error = {""};
    int status = (int)picture_decode(file.data, file.size, "test", &picture, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(status, FSCNN_OK);
    assert_int_equal(picture.width, W);
    assert_int_equal(picture.height, H);
    assert_memory_equal(picture.rgb, rgb, 3 * W * H);
    fscnn_picture_free(&picture);
    free(file.data);
}

static void test_png_true_colour(void **state) {
    (void)state;
    uint8_t rgb[3 * W * H], rgba[4 * W * H];
    uint16_t wide[3 * W * H];
    count_up(rgb, sizeof(rgb), 5);
    for (size_t i = 0; i < W * H; i++) {
        memcpy(rgba + 4 * i, rgb + 3 * i, 3);
        rgba[4 * i + 3] = (uint8_t)i; /* transparency changes nothing */
    }
    for (size_t i = 0; i < 3 * W * H; i++) {
        wide[i] = (uint16_t)(rgb[i] << 8 | 0x7f);
    }
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_TRUECOLOR, 8, 0, rgb, sizeof(rgb)), rgb);
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_TRUECOLOR, 8, 1, rgb, sizeof(rgb)), rgb);
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, 0, rgba, sizeof(rgba)), rgb);
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, 1, rgba, sizeof(rgba)), rgb);
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_TRUECOLOR, 16, 0, wide, sizeof(wide)), rgb);
}

static void test_png_grey_and_palette(void **state) {
    (void)state;
    uint8_t grey[W * H], grey_alpha[2 * W * H], rgb[3 * W * H], colours[3 * W * H];
    uint16_t wide[W * H];
    count_up(grey, sizeof(grey), 1);
    for (size_t i = 0; i < W * H; i++) {
        memset(rgb + 3 * i, grey[i], 3);
        grey_alpha[2 * i] = grey[i];
        grey_alpha[2 * i + 1] = (uint8_t)(255 - i);
        wide[i] = (uint16_t)(grey[i] << 8 | 0x80);
        colours[3 * i] = (uint8_t)(255 - i);
        colours[3 * i + 1] = (uint8_t)(3 * i);
        colours[3 * i + 2] = (uint8_t)(7 * i + 1);
    }
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 8, 0, grey, sizeof(grey)), rgb);
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 8, 1, grey, sizeof(grey)), rgb);
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 16, 0, wide, sizeof(wide)), rgb);
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 8, 0, grey_alpha, sizeof(grey_alpha)), rgb);
    assert_decodes_to(make_png(SPNG_COLOR_TYPE_INDEXED, 8, 0, grey, sizeof(grey)), colours);
}

static void assert_labels(struct blob file, const uint8_t *expected) {
    struct fscnn_labels labels;
    struct fscnn_error error = {""};
    int status = (int)labels_decode(file.data, file.size, "test", &labels, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(status, FSCNN_OK);
    assert_int_equal(labels.width, W);
    assert_int_equal(labels.height, H);
    assert_memory_equal(labels.labels, expected, W * H);
    fscnn_labels_free(&labels);
    free(file.data);
}

/* Rows of W samples of `bits` bits each, packed; the same samples one a byte in `plain`. */
static size_t pack(uint8_t *packed, uint8_t *plain, int bits) {
    size_t row = ((size_t)W * (size_t)bits + 7) / 8;
    memset(packed, 0, row * H);
    for (size_t y = 0; y < H; y++) {
        for (size_t x = 0; x < W; x++) {
            uint8_t value = (uint8_t)((3 * x + 5 * y) % (1u << bits));
            plain[y * W + x] = value;
            packed[y * row + x * (size_t)bits / 8] |= (uint8_t)(value << (8 - bits - (int)(x * (size_t)bits % 8)));
        }
    }
    return row * H;
}

static void test_labels(void **state) {
    (void)state;
    uint8_t ids[W * H], packed[W * H], rgb[3 * W * H] = {0};
    uint16_t wide[W * H] = {0};
    count_up(ids, sizeof(ids), 1);
    assert_labels(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 8, 0, ids, sizeof(ids)), ids);
    assert_labels(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 8, 1, ids, sizeof(ids)), ids);
    assert_labels(make_png(SPNG_COLOR_TYPE_INDEXED, 8, 0, ids, sizeof(ids)), ids); /* the index, not the colour */
    for (int bits = 1; bits < 8; bits *= 2) {
        size_t size = pack(packed, ids, bits);
        assert_labels(make_png(SPNG_COLOR_TYPE_INDEXED, bits, 0, packed, size), ids);
        for (size_t i = 0; i < W * H; i++) {
            ids[i] = (uint8_t)(ids[i] * (255 / ((1 << bits) - 1))); /* grey of few bits is brightness */
        }
        assert_labels(make_png(SPNG_COLOR_TYPE_GRAYSCALE, bits, 0, packed, size), ids);
    }
    struct blob refused[] = {make_png(SPNG_COLOR_TYPE_TRUECOLOR, 8, 0, rgb, sizeof(rgb)),
                             make_png(SPNG_COLOR_TYPE_GRAYSCALE, 16, 0, wide, sizeof(wide)),
                             make_png(SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 8, 0, rgb, 2 * W * H)};
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct fscnn_labels labels;
        struct fscnn_error error;
        assert_int_equal(labels_decode(refused[i].data, refused[i].size, "a.png", &labels, &error),
                         FSCNN_ERROR_UNSUPPORTED);
        assert_non_null(strstr(error.text, "a.png: "));
        assert_non_null(strstr(error.text, "labels must be 8-bit with one channel"));
        assert_null(labels.labels);
        free(refused[i].data);
    }
}

static struct blob make_jpeg(const uint8_t *pixels, int pixel_format, int subsampling, int flags) {
    unsigned char *data = NULL;
    unsigned long size = 0;
    tjhandle encoder = tjInitCompress();
    assert_int_equal(tjCompress2(encoder, pixels, W, 0, H, pixel_format, &data, &size, subsampling, 95, flags), 0);
    tjDestroy(encoder);
    struct blob out = {.data = malloc(size), .size = size};
    memcpy(out.data, data, size);
    tjFree(data);
    return out;
}

/* Smooth colours, which survive the compression nearly unchanged. */
static void make_smooth(uint8_t *rgb) {
    for (size_t i = 0; i < W * H; i++) {
        rgb[3 * i] = (uint8_t)(60 + 8 * (i % W));
        rgb[3 * i + 1] = (uint8_t)(200 - 12 * (i / W));
        rgb[3 * i + 2] = (uint8_t)(90 + 4 * (i % W) + 5 * (i / W));
    }
}

static struct fscnn_picture decode_ok(struct blob file) {
    struct fscnn_picture picture;
    struct fscnn_error error = {""};
    int status = (int)picture_decode(file.data, file.size, "test", &picture, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(status, FSCNN_OK);
    free(file.data);
    return picture;
}

static void assert_near(const struct fscnn_picture *picture, const uint8_t *rgb, int tolerance) {
    assert_int_equal(picture->width, W);
    assert_int_equal(picture->height, H);
    for (size_t i = 0; i < 3 * W * H; i++) {
        assert_in_range(picture->rgb[i] + 256 - rgb[i], 256 - tolerance, 256 + tolerance);
    }
}

static void test_jpeg_kinds(void **state) {
    (void)state;
    uint8_t rgb[3 * W * H], grey[W * H], grey_rgb[3 * W * H], cmyk[4 * W * H];
    make_smooth(rgb);
    for (size_t i = 0; i < W * H; i++) {
        grey[i] = rgb[3 * i];
        memset(grey_rgb + 3 * i, grey[i], 3);
        memcpy(cmyk + 4 * i, rgb + 3 * i, 3); /* inverted, as Adobe's programs store it: ink 255 - r, no black */
        cmyk[4 * i + 3] = 255;
    }
    struct fscnn_picture picture = decode_ok(make_jpeg(rgb, TJPF_RGB, TJSAMP_444, 0));
    assert_near(&picture, rgb, 6);
    fscnn_picture_free(&picture);
    picture = decode_ok(make_jpeg(rgb, TJPF_RGB, TJSAMP_420, TJFLAG_PROGRESSIVE));
    assert_near(&picture, rgb, 12);
    fscnn_picture_free(&picture);
    picture = decode_ok(make_jpeg(grey, TJPF_GRAY, TJSAMP_GRAY, 0));
    assert_near(&picture, grey_rgb, 4);
    fscnn_picture_free(&picture);
    picture = decode_ok(make_jpeg(cmyk, TJPF_CMYK, TJSAMP_444, 0)); /* YCCK with an Adobe segment */
    assert_near(&picture, rgb, 8);
    fscnn_picture_free(&picture);
}

/* `segment` [length] put behind the first two bytes of a JPEG; takes `file` over. */
static struct blob insert_segment(struct blob file, const uint8_t *segment, size_t length) {
    struct blob out = {.data = malloc(file.size + length), .size = file.size + length};
    memcpy(out.data, file.data, 2);
    memcpy(out.data + 2, segment, length);
    memcpy(out.data + 2 + length, file.data + 2, file.size - 2);
    free(file.data);
    return out;
}

/* More than the machine has at the moment is refused, though the system would promise it. */
static void test_memory(void **state) {
    (void)state;
    struct fscnn_error error = {""};
    const uint64_t all = fscnn_memory_available();
    const size_t available = all < SIZE_MAX / 2 ? (size_t)all : 0;
    void *data = picture_memory("a.png", 1000, 0, &error);
    assert_non_null(data);
    free(data);
    if (available == 0) {
        skip();
    }
    assert_null(picture_memory("a.png", available + available / 4, 0, &error));
    assert_non_null(strstr(error.text, "a.png: the picture needs "));
    assert_non_null(strstr(error.text, " MB are available"));
    assert_null(picture_memory("a.png", 1000, available + available / 4, &error));
}

/* Of which JPEG files the decoder keeps more than a few rows. */
static void test_jpeg_scans(void **state) {
    (void)state;
    uint8_t rgb[3 * W * H];
    make_smooth(rgb);
    for (int flags = 0; flags <= TJFLAG_PROGRESSIVE; flags += TJFLAG_PROGRESSIVE) {
        struct blob file = make_jpeg(rgb, TJPF_RGB, TJSAMP_420, flags);
        assert_int_equal(jpeg_read_markers(file.data, file.size).several_scans, flags != 0);
        free(file.data);
    }
    /* Three components, of which the first scan has one. */
    static const uint8_t apart[] =
        "\xff\xd8\xff\xc0\0\x11\x08\0\x08\0\x08\3\1\x11\0\2\x11\0\3\x11\0\xff\xda\0\x08\1\1\0";
    assert_true(jpeg_read_markers(apart, sizeof(apart) - 1).several_scans);
}

static struct blob insert_exif(struct blob file, int orientation, int big) {
    static const uint8_t little_endian[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1,
                                            0,    0x12, 1, 3,  0,   1,   0,   0,   0, 0, 0,   0,   0,  0, 0, 0, 0};
    static const uint8_t big_endian[] = {0xff, 0xe1, 0, 34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
                                         0,    1,    1, 0x12, 0,   3,   0,   0,   0, 1, 0,   0,   0, 0,  0, 0, 0, 0};
    uint8_t segment[sizeof(little_endian)];
    memcpy(segment, big ? big_endian : little_endian, sizeof(segment));
    segment[big ? 29 : 28] = (uint8_t)orientation;
    return insert_segment(file, segment, sizeof(segment));
}

/* Where EXIF says the first stored pixel and the last one of the first row are seen: corner 0 top left, 1 top right,
 * 2 bottom right, 3 bottom left. */
static const int corner_of_first[9] = {0, 0, 1, 2, 3, 0, 1, 2, 3};
static const int corner_of_row_end[9] = {0, 1, 0, 3, 2, 3, 2, 1, 0};

static const uint8_t *corner(const struct fscnn_picture *p, int which) {
    int x = which == 1 || which == 2 ? p->width - 1 : 0, y = which >= 2 ? p->height - 1 : 0;
    return p->rgb + 3 * (y * p->width + x);
}

static void test_jpeg_orientation(void **state) {
    (void)state;
    uint8_t rgb[3 * W * H];
    make_smooth(rgb);
    struct fscnn_picture stored = decode_ok(make_jpeg(rgb, TJPF_RGB, TJSAMP_444, 0));
    for (int orientation = 0; orientation <= 9; orientation++) { /* 0 and 9 are no orientations */
        int o = orientation >= 1 && orientation <= 8 ? orientation : 1;
        for (int big = 0; big < 2; big++) {
            struct blob file = insert_exif(make_jpeg(rgb, TJPF_RGB, TJSAMP_444, 0), orientation, big);
            int width, height;
            assert_int_equal(picture_decode_size(file.data, file.size, "test", &width, &height, NULL), FSCNN_OK);
            struct fscnn_picture seen = decode_ok(file);
            assert_int_equal(seen.width, o >= 5 ? H : W);
            assert_int_equal(seen.height, o >= 5 ? W : H);
            assert_int_equal(seen.width, width);
            assert_int_equal(seen.height, height);
            assert_memory_equal(corner(&seen, corner_of_first[o]), corner(&stored, 0), 3);
            assert_memory_equal(corner(&seen, corner_of_row_end[o]), corner(&stored, 1), 3);
            fscnn_picture_free(&seen);
        }
    }
    fscnn_picture_free(&stored);
}

static const uint8_t end_marker[] = {0xff, 0xd9};

/* Cameras leave bytes between segments; a file that is whole otherwise is read. */
static void test_jpeg_stray_bytes(void **state) {
    (void)state;
    uint8_t rgb[3 * W * H];
    make_smooth(rgb);
    struct blob file = make_jpeg(rgb, TJPF_RGB, TJSAMP_444, 0);
    uint8_t *table = memmem(file.data, file.size, "\xff\xdb", 2);
    assert_non_null(table);
    struct blob with = {.data = malloc(file.size + 3), .size = file.size + 3};
    size_t at = (size_t)(table - file.data);
    memcpy(with.data, file.data, at);
    memset(with.data + at, 0, 3);
    memcpy(with.data + at + 3, table, file.size - at);
    struct fscnn_picture picture, cut;
    struct fscnn_error error;
    assert_int_equal(picture_decode(with.data, with.size - 4, "cut", &cut, &error), FSCNN_ERROR_FORMAT);
    /* They do not hide damage: a scan that ends early, though the end marker is there. */
    const uint8_t *scan = memmem(with.data, with.size, "\xff\xda", 2);
    assert_non_null(scan);
    const size_t head = (size_t)(scan - with.data) + 14;
    uint8_t *hurt = malloc(with.size);
    for (size_t length = 0; length < 8; length++) {
        memcpy(hurt, with.data, head + length);
        memcpy(hurt + head + length, end_marker, sizeof(end_marker));
        assert_int_equal(picture_decode(hurt, head + length + 2, "hurt", &cut, &error), FSCNN_ERROR_FORMAT);
        assert_non_null(strstr(error.text, "remature end"));
    }
    free(hurt);
    picture = decode_ok(with);
    assert_near(&picture, rgb, 6);
    fscnn_picture_free(&picture);
    /* Nor do bytes behind the last pixels do harm. */
    struct blob behind = {.data = malloc(file.size + 3), .size = file.size + 3};
    memcpy(behind.data, file.data, file.size - 2);
    memset(behind.data + file.size - 2, 0, 3);
    memcpy(behind.data + file.size + 1, end_marker, sizeof(end_marker));
    picture = decode_ok(behind);
    assert_near(&picture, rgb, 6);
    fscnn_picture_free(&picture);
    free(file.data);
    /* But where marks of restart stand among the pixels, such bytes may stand for rows that are missing. */
    struct jpeg_markers markers = jpeg_read_markers("\xff\xd8\xff\xdd\0\4\0\2\xff\xda\0\x0c", 12);
    assert_true(markers.restarts && markers.scans == 1 && markers.num_stray == 0);
    assert_false(jpeg_read_markers("\xff\xd8\xff\xdd\0\4\0\0\xff\xda\0\x0c", 12).restarts);
    /* What decoders pass over: 0xff 0 is stray, TEM and marks of restart have no length, 0xff may be repeated. */
    markers = jpeg_read_markers("\xff\xd8\xff\0\7\xff\1\xff\xd3\xff\xff\xff\xdd\0\4\0\2\5\xff\xda", 20);
    assert_true(markers.restarts && markers.scans == 1 && markers.num_stray == 2);
    assert_true(markers.stray[0].at == 2 && markers.stray[0].count == 3);
    assert_true(markers.stray[1].at == 17 && markers.stray[1].count == 1);
}

/* Hundreds of scans of next to nothing over a picture that is large by its head alone. */
static void test_jpeg_many_scans(void **state) {
    (void)state;
    enum { MORE = 300000 };
    uint8_t rgb[3 * W * H];
    struct fscnn_picture picture;
    struct fscnn_error error;
    make_smooth(rgb);
    struct blob file = make_jpeg(rgb, TJPF_RGB, TJSAMP_420, TJFLAG_PROGRESSIVE);
    const size_t scans = jpeg_read_markers(file.data, file.size).scans;
    assert_in_range(scans, 3, 20);
    file.data = realloc(file.data, file.size + MORE);
    for (size_t i = 0; i < MORE; i++) {
        file.data[file.size + i] = "\xff\xda\0\2"[i % 4];
    }
    file.size += MORE;
    assert_int_equal(jpeg_read_markers(file.data, file.size).scans, scans); /* what follows the end is another file */
    uint8_t *end = file.data + file.size - MORE - 2;
    assert_memory_equal(end, end_marker, sizeof(end_marker));
    end[1] = 0; /* as a pixel */
    assert_int_equal(jpeg_read_markers(file.data, file.size).scans, scans + MORE / 4);
    uint8_t *frame = memmem(file.data, file.size, "\xff\xc2", 2);
    assert_non_null(frame);
    static const uint8_t rows_columns[] = {0x10, 0, 0xf0, 0}; /* 4096 of 61440 */
    memcpy(frame + 5, rows_columns, sizeof(rows_columns));
    assert_int_equal(picture_decode(file.data, file.size, "many", &picture, &error), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "many: JPEG: "));
    assert_non_null(strstr(error.text, " scans of 61440x4096 pixels"));
    free(file.data);
}

/* Every shorter file is an error that names the file, and no changed byte does harm. */
static void check_damage(struct blob file, size_t end) {
    struct fscnn_picture picture;
    struct fscnn_labels labels;
    struct fscnn_error error;
    for (size_t size = 0; size < end; size++) {
        uint8_t *copy = malloc(size + 1); /* of the exact size for sanitizers, but never of none */
        memcpy(copy, file.data, size);
        int status = (int)picture_decode(copy, size, "damaged", &picture, &error);
        assert_in_range(status, FSCNN_ERROR_FORMAT, FSCNN_ERROR_UNSUPPORTED);
        assert_non_null(strstr(error.text, "damaged: "));
        assert_null(picture.rgb);
        free(copy);
    }
    for (size_t i = 0; i < file.size; i++) {
        for (int bit = 0; bit < 8; bit += 3) {
            file.data[i] ^= (uint8_t)(1 << bit);
            if (picture_decode(file.data, file.size, "damaged", &picture, &error) == FSCNN_OK) {
                fscnn_picture_free(&picture);
            }
            if (labels_decode(file.data, file.size, "damaged", &labels, &error) == FSCNN_OK) {
                fscnn_labels_free(&labels);
            }
            file.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    free(file.data);
}

static void test_damage(void **state) {
    (void)state;
    uint8_t rgb[3 * W * H], ids[W * H];
    make_smooth(rgb);
    count_up(ids, sizeof(ids), 3);
    struct blob png = make_png(SPNG_COLOR_TYPE_TRUECOLOR, 8, 0, rgb, sizeof(rgb));
    check_damage(png, png.size - 4); /* nobody misses the last checksum, that of an empty end marker */
    png = make_png(SPNG_COLOR_TYPE_INDEXED, 8, 1, ids, sizeof(ids));
    check_damage(png, png.size - 4);
    struct blob jpeg = make_jpeg(rgb, TJPF_RGB, TJSAMP_420, 0);
    check_damage(jpeg, jpeg.size);
    jpeg = insert_exif(make_jpeg(rgb, TJPF_RGB, TJSAMP_420, TJFLAG_PROGRESSIVE), 6, 0);
    check_damage(jpeg, jpeg.size);
}

/* A head that promises much: refused by the limits, or because the file is too short to keep the promise. */
static void test_limits(void **state) {
    (void)state;
    struct {
        uint64_t width, height;
        int bits;
        size_t file_size;
        enum fscnn_status status;
    } cases[] = {
        {2048, 1024, 24, 100000, FSCNN_OK},
        {2048, 1024, 1, 1000, FSCNN_OK},
        {2048, 1024, 8, 1000, FSCNN_ERROR_FORMAT},
        {65536, 4096, 8, 1 << 20, FSCNN_OK},
        {65537, 1, 8, 1 << 20, FSCNN_ERROR_MEMORY},
        {1, 65537, 8, 1 << 20, FSCNN_ERROR_MEMORY},
        {65536, 4097, 8, 1 << 20, FSCNN_ERROR_MEMORY},
        {UINT32_MAX, UINT32_MAX, 64, 1 << 20, FSCNN_ERROR_MEMORY},
        {0, 10, 8, 1 << 20, FSCNN_ERROR_FORMAT},
        {10, 0, 8, 1 << 20, FSCNN_ERROR_FORMAT},
        {65536, 4096, 64, 1 << 20, FSCNN_ERROR_FORMAT},
        {65536, 4096, 8, 1000, FSCNN_ERROR_FORMAT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(
            picture_check_size("x", cases[i].width, cases[i].height, cases[i].bits, cases[i].file_size, NULL),
            cases[i].status);
    }
}

static void test_files(void **state) {
    (void)state;
    uint8_t rgb[3 * W * H], ids[W * H];
    struct fscnn_picture picture = {.width = W, .height = H, .rgb = rgb}, back;
    struct fscnn_labels labels = {.width = W, .height = H, .labels = ids}, labels_back;
    struct fscnn_error error;
    count_up(rgb, sizeof(rgb), 31);
    count_up(ids, sizeof(ids), 1);
    assert_int_equal(fscnn_picture_write_png(in_folder("rgb.png"), &picture, &error), FSCNN_OK);
    assert_int_equal(fscnn_picture_read(in_folder("rgb.png"), &back, &error), FSCNN_OK);
    assert_near(&back, rgb, 0);
    fscnn_picture_free(&back);
    assert_int_equal(fscnn_labels_write_png(in_folder("ids.png"), &labels, FSCNN_STYLE_TRAINIDS, NULL, &error),
                     FSCNN_OK);
    assert_int_equal(fscnn_labels_read(in_folder("ids.png"), &labels_back, &error), FSCNN_OK);
    assert_int_equal(labels_back.width, W);
    assert_memory_equal(labels_back.labels, ids, W * H);
    fscnn_labels_free(&labels_back);

    assert_int_equal(file_write(in_folder("text.png"), "no picture", 10, &error), FSCNN_OK);
    assert_int_equal(fscnn_picture_read(in_folder("text.png"), &back, &error), FSCNN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "text.png: neither a PNG nor a JPEG"));
    assert_int_equal(file_write(in_folder("empty.png"), "", 0, &error), FSCNN_OK);
    assert_int_equal(fscnn_picture_read(in_folder("empty.png"), &back, &error), FSCNN_ERROR_FORMAT);
    assert_int_equal(fscnn_picture_read(in_folder("none.png"), &back, &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "none.png"));
    assert_int_equal(fscnn_picture_write_png(in_folder("no/such/folder.png"), &picture, &error), FSCNN_ERROR_IO);
    picture.width = 0;
    assert_int_equal(fscnn_picture_write_png(in_folder("zero.png"), &picture, &error), FSCNN_ERROR_USAGE);
    assert_int_not_equal(access(in_folder("zero.png"), F_OK), 0);
}

static void test_styles(void **state) {
    (void)state;
    uint8_t rgb[3 * W * H], ids[W * H];
    struct fscnn_labels labels = {.width = W, .height = H, .labels = ids}, label_ids;
    struct fscnn_picture photo = {.width = W, .height = H, .rgb = rgb}, drawn;
    struct fscnn_error error;
    memset(rgb, 100, sizeof(rgb));
    for (size_t i = 0; i < W * H; i++) {
        ids[i] = i % W < 5 ? 13 : 0; /* car beside road */
    }
    char *path = in_folder("style.png");
    assert_int_equal(fscnn_labels_write_png(path, &labels, FSCNN_STYLE_COLOR, NULL, &error), FSCNN_OK);
    assert_int_equal(fscnn_picture_read(path, &drawn, &error), FSCNN_OK);
    assert_memory_equal(drawn.rgb, ((uint8_t[]){0, 0, 142}), 3);
    assert_memory_equal(drawn.rgb + 3 * 5, ((uint8_t[]){128, 64, 128}), 3);
    fscnn_picture_free(&drawn);

    assert_int_equal(fscnn_labels_write_png(path, &labels, FSCNN_STYLE_LABELIDS, NULL, &error), FSCNN_OK);
    assert_int_equal(fscnn_labels_read(path, &label_ids, &error), FSCNN_OK);
    assert_int_equal(label_ids.labels[0], 26);
    assert_int_equal(label_ids.labels[5], 7);
    fscnn_labels_free(&label_ids);

    ids[W * H - 1] = 255; /* ignored: the photograph stays */
    assert_int_equal(fscnn_labels_write_png(path, &labels, FSCNN_STYLE_OVERLAY, &photo, &error), FSCNN_OK);
    assert_int_equal(fscnn_picture_read(path, &drawn, &error), FSCNN_OK);
    assert_int_equal(drawn.width, W);
    assert_int_equal(drawn.height, H);
    assert_in_range(drawn.rgb[0], 40, 50);         /* red of 100 and 0, mixed */
    assert_in_range(drawn.rgb[2], 118, 128);       /* blue of 100 and 142 */
    assert_in_range(drawn.rgb[3 * 4 + 2], 50, 75); /* the last car pixel is a border: darker */
    assert_in_range(drawn.rgb[3 * 6], 112, 118);   /* road beside road is not */
    assert_int_equal(drawn.rgb[3 * (W * H - 1)], 100);
    fscnn_picture_free(&drawn);

    ids[3] = 19;
    assert_int_equal(fscnn_labels_write_png(in_folder("bad.png"), &labels, FSCNN_STYLE_LABELIDS, NULL, &error),
                     FSCNN_ERROR_USAGE);
    assert_non_null(strstr(error.text, "train id 19"));
    assert_int_equal(fscnn_labels_write_png(in_folder("bad.png"), &labels, FSCNN_STYLE_OVERLAY, NULL, &error),
                     FSCNN_ERROR_USAGE);
    photo.height--;
    assert_int_equal(fscnn_labels_write_png(in_folder("bad.png"), &labels, FSCNN_STYLE_OVERLAY, &photo, &error),
                     FSCNN_ERROR_USAGE);
    ids[3] = 0;
    assert_int_equal(fscnn_labels_write_png(in_folder("bad.png"), &labels, (enum fscnn_style)4, &photo, &error),
                     FSCNN_ERROR_USAGE);
    assert_non_null(strstr(error.text, "style 4 is out of range"));
    assert_int_not_equal(access(in_folder("bad.png"), F_OK), 0);
}

static void test_label_table(void **state) {
    (void)state;
    static const int expected[LABEL_TRAIN_CLASSES] = {7,  8,  11, 12, 13, 17, 19, 20, 21, 22,
                                                      23, 24, 25, 26, 27, 28, 31, 32, 33};
    int train_ids = 0;
    for (int id = 0; id < LABEL_CLASSES - 1; id++) {
        assert_int_equal(label_rows[id].what.label_id, id);
        assert_int_equal(fscnn_train_id_of_label_id(id), label_rows[id].what.train_id);
        train_ids += label_rows[id].what.train_id != LABEL_IGNORED;
    }
    assert_int_equal(train_ids, LABEL_TRAIN_CLASSES);
    for (int id = 0; id < LABEL_TRAIN_CLASSES; id++) {
        assert_int_equal(fscnn_class_of_train_id(id).label_id, expected[id]);
        assert_int_equal(fscnn_class_of_train_id(id).train_id, id);
    }
    assert_string_equal(fscnn_class_of_train_id(18).name, "bicycle");
    assert_memory_equal(fscnn_class_of_train_id(18).rgb, ((uint8_t[]){119, 11, 32}), 3);
    assert_string_equal(label_rows[34].what.name, "license plate");
    assert_int_equal(label_rows[34].what.label_id, -1);
    static const int outside[] = {-1, -1000, 34, 255, 1 << 30};
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        assert_int_equal(fscnn_train_id_of_label_id(outside[i]), LABEL_IGNORED);
    }
    assert_string_equal(label_category_name(label_rows[7].category), "flat");
    assert_string_equal(label_category_name(label_rows[16].category), "construction");
    assert_string_equal(label_category_name(label_rows[17].category), "object");
    assert_string_equal(label_category_name(label_rows[25].category), "human");
    assert_string_equal(label_category_name(label_rows[26].category), "vehicle");
}

static void test_made_up_classes(void **state) {
    (void)state;
    assert_string_equal(fscnn_class_of_train_id(19).name, "class 19");
    assert_string_equal(fscnn_class_of_train_id(254).name, "class 254");
    assert_string_equal(fscnn_class_of_train_id(255).name, "ignored");
    assert_int_equal(fscnn_class_of_train_id(-7).train_id, LABEL_IGNORED);
    for (int a = 0; a < 255; a++) {
        struct fscnn_class x = fscnn_class_of_train_id(a);
        assert_int_equal(x.train_id, a);
        assert_true(x.rgb[0] + x.rgb[1] + x.rgb[2] > 0); /* black means ignored */
        for (int b = a + 1; b < 255; b++) {
            struct fscnn_class y = fscnn_class_of_train_id(b);
            assert_memory_not_equal(x.rgb, y.rgb, 3);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_true_colour),  cmocka_unit_test(test_png_grey_and_palette),
        cmocka_unit_test(test_labels),           cmocka_unit_test(test_jpeg_kinds),
        cmocka_unit_test(test_memory),           cmocka_unit_test(test_jpeg_scans),
        cmocka_unit_test(test_jpeg_orientation), cmocka_unit_test(test_jpeg_stray_bytes),
        cmocka_unit_test(test_jpeg_many_scans),  cmocka_unit_test(test_damage),
        cmocka_unit_test(test_limits),           cmocka_unit_test(test_files),
        cmocka_unit_test(test_styles),           cmocka_unit_test(test_label_table),
        cmocka_unit_test(test_made_up_classes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
