/* .npy headers: written ones are read back; those of several writers are read; damaged ones are refused. */
#include "tensor/npy.h"
#include "testing.h"

/* A file in memory: magic, version, header length, header. */
static size_t make(uint8_t *out, int version, const char *header, const void *data, size_t data_size) {
    size_t length = strlen(header);
    uint8_t *at = out;
    memcpy(at, "\x93NUMPY", 6);
    at[6] = (uint8_t)version;
    at[7] = 0;
    at += 8;
    for (int i = 0; i < (version == 1 ? 2 : 4); i++) {
        *at++ = (uint8_t)(length >> (8 * i));
    }
    memcpy(at, header, length);
    if (data_size) {
        memcpy(at + length, data, data_size);
    }
    return (size_t)(at - out) + length + data_size;
}

static void test_round_trip(void **state) {
    (void)state;
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_F64, DTYPE_I64, DTYPE_I32,
                                        DTYPE_I16, DTYPE_I8,  DTYPE_U8,  DTYPE_BOOL};
    static const int64_t shape[] = {1, 2, 3, 1, 1, 2, 1, 1};
    for (size_t d = 0; d < ARRAY_SIZE(dtypes); d++) {
        for (int rank = 0; rank <= TENSOR_MAX_RANK; rank++) {
            uint8_t data[1024] = {0};
            uint8_t elements[96];
            struct tensor t;
            struct fscnn_error err;
            size_t bytes = dtype_size(dtypes[d]);
            for (int i = 0; i < rank; i++) {
                bytes *= (size_t)shape[i];
            }
            for (size_t i = 0; i < bytes; i++) {
                elements[i] = (uint8_t)(i * 7 + d);
            }
            FILE *f = fmemopen(data, sizeof(data), "wb");
            assert_int_equal(npy_write_header(f, dtypes[d], shape, rank), FSCNN_OK);
            assert_int_equal(ftell(f) % 64, 0);
            fwrite(elements, 1, bytes, f);
            size_t size = (size_t)ftell(f);
            fclose(f);
            assert_true(npy_is(data, size));
            assert_int_equal(npy_parse(data, size, "t.npy", &t, &err), FSCNN_OK);
            assert_int_equal(t.dtype, dtypes[d]);
            assert_int_equal(t.rank, rank);
            assert_memory_equal(t.shape, shape, sizeof(*shape) * (size_t)rank);
            assert_memory_equal(t.data, elements, bytes);
        }
    }
}

/* What numpy.save writes, byte for byte. */
static void test_as_numpy_writes(void **state) {
    (void)state;
    uint8_t data[256] = {0};
    char wanted[129];
    snprintf(wanted, sizeof(wanted), "%-117s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }");
    FILE *f = fmemopen(data, sizeof(data), "wb");
    const int64_t shape[] = {5};
    assert_int_equal(npy_write_header(f, DTYPE_F32, shape, 1), FSCNN_OK);
    assert_int_equal(ftell(f), 128);
    fclose(f);
    assert_memory_equal(data, "\x93NUMPY\x01\x00\x76\x00", 10);
    assert_memory_equal(data + 10, wanted, 118);
}

static void test_write_refused(void **state) {
    (void)state;
    uint8_t data[256];
    const int64_t shape[9] = {-1};
    FILE *f = fmemopen(data, sizeof(data), "wb");
    assert_int_equal(npy_write_header(f, DTYPE_BF16, shape, 0), FSCNN_ERROR_UNSUPPORTED);
    assert_int_equal(npy_write_header(f, DTYPE_F32, shape, 9), FSCNN_ERROR_USAGE);
    assert_int_equal(npy_write_header(f, DTYPE_F32, shape, 1), FSCNN_ERROR_USAGE);
    assert_int_equal(ftell(f), 0);
    fclose(f);
}

static void test_accepted(void **state) {
    (void)state;
    static const struct {
        int version;
        const char *header;
        size_t bytes;
        enum dtype dtype;
        int rank;
    } cases[] = {
        {2, "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }\n", 12, DTYPE_F16, 2},
        {3, "{\"shape\": (), \"descr\": \"<i8\", \"fortran_order\": False}", 8, DTYPE_I64, 0},
        {1, "{'descr':'|u1','fortran_order':False,'shape':(4L, 2L)}", 8, DTYPE_U8, 2},
        {1, "  { 'shape' : ( 7 , ) , 'fortran_order' : False , 'descr' : '<b1' , }  ", 7, DTYPE_BOOL, 1},
        {1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 0, 9), }", 0, DTYPE_F64, 3},
    };
    uint8_t file[512], zeros[16] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tensor t;
        struct fscnn_error err = {""};
        size_t size = make(file, cases[i].version, cases[i].header, zeros, cases[i].bytes);
        assert_int_equal(npy_parse(file, size, "t.npy", &t, &err), FSCNN_OK);
        assert_string_equal(err.text, "");
        assert_int_equal(t.dtype, cases[i].dtype);
        assert_int_equal(t.rank, cases[i].rank);
        assert_string_equal(t.name, "t.npy");
    }
}

#define DICT(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t bytes;
        enum fscnn_status status;
        const char *text;
    } cases[] = {
        {DICT("'<f4'", "False", "(2, 3)"), 23, FSCNN_ERROR_FORMAT, "float32 [2, 3] has 23 bytes of data, too few"},
        {DICT("'<f4'", "False", "(2, 3)"), 25, FSCNN_ERROR_FORMAT, "too many"},
        {DICT("'>f4'", "False", "(2,)"), 8, FSCNN_ERROR_UNSUPPORTED, "element type '>f4'"},
        {DICT("'<c8'", "False", "(1,)"), 8, FSCNN_ERROR_UNSUPPORTED, "element type '<c8'"},
        {DICT("'|O'", "False", "(1,)"), 8, FSCNN_ERROR_UNSUPPORTED, "element type '|O'"},
        {DICT("[('x', '<f4')]", "False", "(1,)"), 4, FSCNN_ERROR_UNSUPPORTED, "structured"},
        {DICT("'<f4'", "True", "(2,)"), 8, FSCNN_ERROR_UNSUPPORTED, "Fortran"},
        {DICT("'<f4'", "Maybe", "(2,)"), 8, FSCNN_ERROR_FORMAT, "damaged"},
        {DICT("'<f4'", "False", "2"), 8, FSCNN_ERROR_FORMAT, "not a tuple"},
        {DICT("'<f4'", "False", "(2"), 8, FSCNN_ERROR_FORMAT, "damaged"},
        {DICT("'<f4'", "False", "(-2,)"), 8, FSCNN_ERROR_FORMAT, "damaged"},
        {DICT("'<f4'", "False", "(1,1,1,1,1,1,1,1,1)"), 4, FSCNN_ERROR_UNSUPPORTED, "more than 8"},
        {DICT("'<f4'", "False", "(99999999999999999999,)"), 4, FSCNN_ERROR_FORMAT, "damaged"},
        {DICT("'<f4'", "False", "(4294967296, 4294967296)"), 0, FSCNN_ERROR_FORMAT, "too few"},
        {DICT("'<f4'", "False", "(0, 99999999999999, 99999999999999)"), 0, FSCNN_ERROR_FORMAT, "too few"},
        {"{'descr': '<f4', 'shape': (2,), }", 8, FSCNN_ERROR_FORMAT, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8, FSCNN_ERROR_FORMAT, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", 8, FSCNN_ERROR_FORMAT, "damaged"},
        {"{'descr': '<f4", 8, FSCNN_ERROR_UNSUPPORTED, "structured"},
        {"", 8, FSCNN_ERROR_FORMAT, "damaged"},
    };
    uint8_t file[512], zeros[64] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tensor t;
        struct fscnn_error err = {""};
        size_t size = make(file, 1, cases[i].header, zeros, cases[i].bytes);
        assert_int_equal(npy_parse(file, size, "t.npy", &t, &err), cases[i].status);
        assert_non_null(strstr(err.text, "t.npy: "));
        if (!strstr(err.text, cases[i].text)) {
            fail_msg("case %zu: '%s' does not say '%s'", i, err.text, cases[i].text);
        }
        assert_null(t.data);
    }
}

/* Every prefix of a good file, an unknown version, a header said to be larger than anything. */
static void test_cut_short(void **state) {
    (void)state;
    uint8_t file[512], zeros[24] = {0};
    struct tensor t;
    struct fscnn_error err;
    size_t size = make(file, 1, DICT("'<f4'", "False", "(2, 3)"), zeros, 24);
    for (size_t i = 0; i < size; i++) {
        uint8_t *exact = malloc(i ? i : 1);
        memcpy(exact, file, i);
        assert_int_equal(npy_parse(exact, i, "t.npy", &t, &err), FSCNN_ERROR_FORMAT);
        free(exact);
    }
    file[6] = 4;
    assert_int_equal(npy_parse(file, size, "t.npy", &t, &err), FSCNN_ERROR_UNSUPPORTED);
    size = make(file, 2, DICT("'<f4'", "False", "(2, 3)"), zeros, 24);
    memset(file + 8, 255, 4);
    assert_int_not_equal(npy_parse(file, size, "t.npy", &t, &err), FSCNN_OK);
    assert_false(npy_is("PK\3\4..", 6));
    assert_int_equal(npy_parse("PK\3\4..", 6, "t.npy", &t, &err), FSCNN_ERROR_FORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_as_numpy_writes), cmocka_unit_test(test_write_refused),
        cmocka_unit_test(test_accepted),   cmocka_unit_test(test_refused),         cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
