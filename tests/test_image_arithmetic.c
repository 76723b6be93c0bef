/* Normalisation bit for bit, resizing against small cases worked out by hand. */
#include "base/status.h"
#include "tensor/normalization.h"
#include "testing.h"

static const double means[3] = {0.485F, 0.456F, 0.406F};
static const double deviations[3] = {0.229F, 0.224F, 0.225F};

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* What PyTorch 1.13 gives for values 0, 1, 127, 200 and 255 of each channel. */
static void test_normalize_golden(void **state) {
    (void)state;
    static const int values[5] = {0, 1, 127, 200, 255};
    static const uint32_t golden[3][5] = {
        {0xc0078bbd, 0xc006732b, 0x3d6939a6, 0x3fa74d4f, 0x400fee1d},
        {0xc0024924, 0xc0012a4f, 0x3e402de4, 0x3fbb9b9c, 0x401b6db7},
        {0xbfe6f809, 0xbfe4bcea, 0x3ed170bd, 0x3fd737ef, 0x4028f5c3},
    };
    float table[3][256];
    normalization_table(table);
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 5; i++) {
            assert_int_equal(bits_of(table[c][values[i]]), golden[c][i]);
        }
    }
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a over PyTorch's whole table, little-endian */
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 256; i++) {
            for (int byte = 0; byte < 4; byte++) {
                hash = (hash ^ (bits_of(table[c][i]) >> 8 * byte & 255)) * 0x100000001b3u;
            }
        }
    }
    assert_true(hash == 0xe24d709a66de7cc0u);
}

/* Each step in double, then rounded: the same as rounding in float32, because double has more than twice the bits. */
static void test_normalize_all(void **state) {
    (void)state;
    enum { COUNT = 256 };
    uint8_t rgb[3 * COUNT];
    float out[3 * COUNT];
    struct fscnn_picture picture = {.width = 64, .height = COUNT / 64, .rgb = rgb};
    for (int i = 0; i < COUNT; i++) {
        rgb[3 * i] = (uint8_t)i;
        rgb[3 * i + 1] = (uint8_t)(255 - i);
        rgb[3 * i + 2] = (uint8_t)(i * 7);
    }
    fscnn_normalize(&picture, out);
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < COUNT; i++) {
            float unit = (float)(rgb[3 * i + c] / 255.0);
            float centred = (float)(unit - means[c]);
            float expected = (float)(centred / deviations[c]);
            assert_int_equal(bits_of(out[c * COUNT + i]), bits_of(expected));
        }
    }
}

/* One row of grey, resized. */
static void assert_row(const uint8_t *in, int in_width, const uint8_t *expected, int width) {
    uint8_t rgb[64 * 3];
    for (int i = 0; i < in_width; i++) {
        rgb[3 * i] = in[i];
        rgb[3 * i + 1] = (uint8_t)(255 - in[i]);
        rgb[3 * i + 2] = 77;
    }
    struct fscnn_picture picture = {.width = in_width, .height = 1, .rgb = rgb}, out;
    assert_int_equal(fscnn_picture_resize(&picture, width, 1, &out, NULL), FSCNN_OK);
    assert_int_equal(out.width, width);
    for (int i = 0; i < width; i++) {
        assert_int_equal(out.rgb[3 * i], expected[i]);
        assert_in_range(out.rgb[3 * i + 1], 254 - expected[i], 256 - expected[i]); /* halves may go either way */
        assert_int_equal(out.rgb[3 * i + 2], 77);
    }
    fscnn_picture_free(&out);
    /* The same as a column. */
    picture = (struct fscnn_picture){.width = 1, .height = in_width, .rgb = rgb};
    assert_int_equal(fscnn_picture_resize(&picture, 1, width, &out, NULL), FSCNN_OK);
    assert_int_equal(out.height, width);
    for (int i = 0; i < width; i++) {
        assert_int_equal(out.rgb[3 * i], expected[i]);
    }
    fscnn_picture_free(&out);
}

static void test_resize_by_hand(void **state) {
    (void)state;
    const uint8_t two[] = {0, 200}, four[] = {10, 20, 40, 80}, six[] = {0, 0, 240, 240, 0, 0};
    assert_row(two, 2, (uint8_t[]){0, 200}, 2);
    assert_row(two, 2, (uint8_t[]){0, 50, 150, 200}, 4);      /* quarters */
    assert_row(two, 2, (uint8_t[]){0, 20, 100, 180, 200}, 5); /* -0.3 0.1 0.5 0.9 1.3 */
    assert_row(two, 2, (uint8_t[]){100}, 1);                  /* both alike */
    assert_row(four, 4, (uint8_t[]){19, 54}, 2);              /* weights 3 3 1 / 7: 130/7, 1 3 3 / 7: 380/7 */
    assert_row(six, 6, (uint8_t[]){34, 180, 34}, 3);          /* 3 3 1 / 7, and 1 3 3 1 / 8 in the middle */
}

static void test_resize_flat(void **state) {
    (void)state;
    enum { SIDE = 97 };
    uint8_t *rgb = malloc(3 * SIDE * SIDE);
    memset(rgb, 201, 3 * SIDE * SIDE);
    struct fscnn_picture picture = {.width = SIDE, .height = SIDE, .rgb = rgb}, out;
    static const int sizes[][2] = {{1, 1}, {13, 200}, {96, 98}, {300, 7}};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_int_equal(fscnn_picture_resize(&picture, sizes[i][0], sizes[i][1], &out, NULL), FSCNN_OK);
        for (int k = 0; k < 3 * sizes[i][0] * sizes[i][1]; k++) {
            assert_int_equal(out.rgb[k], 201);
        }
        fscnn_picture_free(&out);
    }
    free(rgb);
}

static void test_resize_labels(void **state) {
    (void)state;
    uint8_t ids[] = {1, 2, 3, 4, 5, 6};
    struct fscnn_labels in = {.width = 3, .height = 2, .labels = ids}, out;
    assert_int_equal(fscnn_labels_resize(&in, 6, 4, &out, NULL), FSCNN_OK);
    assert_memory_equal(out.labels,
                        ((uint8_t[]){1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 4, 4, 5, 5, 6, 6}), 24);
    fscnn_labels_free(&out);
    assert_int_equal(fscnn_labels_resize(&in, 1, 1, &out, NULL), FSCNN_OK);
    assert_int_equal(out.labels[0], 5); /* the middle column; half-pixel centres end below the middle row */
    fscnn_labels_free(&out);
    assert_int_equal(fscnn_labels_resize(&in, 2, 2, &out, NULL), FSCNN_OK);
    assert_memory_equal(out.labels, ((uint8_t[]){1, 3, 4, 6}), 4);
    fscnn_labels_free(&out);
}

static void test_resize_refuses(void **state) {
    (void)state;
    uint8_t rgb[3] = {0};
    struct fscnn_picture in = {.width = 1, .height = 1, .rgb = rgb}, out;
    struct fscnn_error error;
    static const int sizes[][2] = {{0, 4}, {4, 0}, {-1, 4}, {65537, 1}, {65536, 65536}};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_int_equal(fscnn_picture_resize(&in, sizes[i][0], sizes[i][1], &out, &error), FSCNN_ERROR_USAGE);
        assert_null(out.rgb);
    }
    in.width = 0;
    assert_int_equal(fscnn_picture_resize(&in, 4, 4, &out, &error), FSCNN_ERROR_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalize_golden), cmocka_unit_test(test_normalize_all),
        cmocka_unit_test(test_resize_by_hand),   cmocka_unit_test(test_resize_flat),
        cmocka_unit_test(test_resize_labels),    cmocka_unit_test(test_resize_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
