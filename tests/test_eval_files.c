/* Result and label files: every type and container gives the same figures; what does not fit is named. */
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "eval/result_files.h"
#include "eval/sort_log.h"
#include "folder.h"
#include "tensor/npy.h"

enum { CLASSES = 19, WIDTH = 24, HEIGHT = 10, PIXELS = WIDTH * HEIGHT, IMAGES = 7 };

static void write_file(const char *name, const void *data, size_t size) {
    struct fscnn_error err;
    assert_int_equal(file_write(in_folder(name), data, size, &err), FSCNN_OK);
}

static void write_text(const char *name, const char *text) { write_file(name, text, strlen(text)); }

static uint32_t random_state = 99;
static uint32_t next_random(void) {
    random_state = random_state * 1664525U + 1013904223U;
    return random_state >> 8;
}

/* One image: halves as logits (exact in every type), their arg max, and labels of which a tenth is ignored. */
struct sample {
    float logits[CLASSES * PIXELS];
    uint16_t halves[CLASSES * PIXELS];
    uint8_t predicted[PIXELS];
    uint8_t truth[PIXELS];
};
static struct sample samples[IMAGES];

static void make_samples(void) {
    for (int k = 0; k < IMAGES; k++) {
        struct sample *s = &samples[k];
        for (size_t i = 0; i < CLASSES * PIXELS; i++) {
            s->logits[i] = ((float)(next_random() % 401) - 200) / 16;
            s->halves[i] = float_to_half(s->logits[i]);
        }
        for (size_t p = 0; p < PIXELS; p++) {
            s->predicted[p] = 0;
            for (int c = 1; c < CLASSES; c++) {
                if (s->logits[(size_t)c * PIXELS + p] > s->logits[s->predicted[p] * PIXELS + p]) {
                    s->predicted[p] = (uint8_t)c;
                }
            }
            uint32_t dice = next_random();
            s->truth[p] = dice % 10 == 0 ? 255 : dice % 3 ? s->predicted[p] : (uint8_t)(next_random() % CLASSES);
        }
    }
}

static void write_labels(int k) {
    char name[64];
    float labels[PIXELS];
    for (size_t p = 0; p < PIXELS; p++) {
        labels[p] = samples[k].truth[p] == 255 ? -1 : samples[k].truth[p];
    }
    snprintf(name, sizeof(name), "labels/city_%d_gtFine_labelIds.bin", k);
    write_file(name, labels, sizeof(labels));
}

static int setup(void **state) {
    struct fscnn_error err;
    char log[IMAGES * 32] = "";
    assert_int_equal(make_folder(state), 0);
    assert_int_equal(folder_make(in_folder("labels"), &err), FSCNN_OK);
    make_samples();
    for (int k = 0; k < IMAGES; k++) {
        write_labels(k);
        snprintf(log + strlen(log), sizeof(log) - strlen(log), "city_%d_leftImg8bit.png\n", IMAGES - 1 - k);
    }
    write_text("sort.log", log);
    return 0;
}

enum kind { KIND_F32, KIND_F16, KIND_U8 };
enum container { BIN, NPY, TXT };

static void write_result(const char *root, int k, enum kind kind, enum container container) {
    static const char *const endings[] = {"bin", "npy", "txt"};
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_U8};
    const struct sample *s = &samples[k];
    const void *data[] = {s->logits, s->halves, s->predicted};
    const int64_t shape[] = {1, CLASSES, HEIGHT, WIDTH}, label_shape[] = {1, HEIGHT, WIDTH};
    size_t count = kind == KIND_U8 ? PIXELS : CLASSES * PIXELS;
    char name[96];
    snprintf(name, sizeof(name), "%s/city_%d_leftImg8bit_0.%s", root, k, endings[container]);
    FILE *f = fopen(in_folder(name), "wb");
    if (container == TXT) {
        for (size_t i = 0; i < count; i++) {
            fprintf(f, kind == KIND_U8 ? "%.0f " : "%f ", kind == KIND_U8 ? s->predicted[i] : (double)s->logits[i]);
            fputs((i + 1) % WIDTH ? "" : "\n", f);
        }
    } else {
        if (container == NPY) {
            enum fscnn_status status =
                npy_write_header(f, dtypes[kind], kind == KIND_U8 ? label_shape : shape, kind == KIND_U8 ? 3 : 4);
            assert_int_equal(status, FSCNN_OK);
        }
        fwrite(data[kind], dtype_size(dtypes[kind]), count, f);
    }
    assert_int_equal(fclose(f), 0);
}

static void take_line(void *user, const char *text) { strcpy(user, text); }

static enum fscnn_status evaluate(const char *results, const char *log, int classes, int threads,
                                  struct fscnn_evaluation **out, struct fscnn_error *err) {
    struct fscnn_evaluate_options options = {.result_root = in_folder(results),
                                             .label_root = in_folder("labels"),
                                             .sort_log = in_folder(log),
                                             .classes = classes,
                                             .threads = threads};
    return fscnn_evaluate_files(&options, out, err);
}

/* What the images give when added one by one, in the order of sort.log. */
static struct fscnn_evaluation *expected(void) {
    struct fscnn_evaluation *e = NULL;
    struct fscnn_error err;
    assert_int_equal(fscnn_evaluation_create(CLASSES, &e, &err), FSCNN_OK);
    for (int k = IMAGES - 1; k >= 0; k--) {
        assert_int_equal(fscnn_evaluation_add(e, samples[k].predicted, samples[k].truth, PIXELS, &err), FSCNN_OK);
    }
    return e;
}

/* Equal to the last bit: threads and containers change nothing. (Not memcmp: the struct has padding.) */
static void assert_same_scores(const struct fscnn_scores *a, const struct fscnn_scores *b) {
    assert_int_equal(a->classes, b->classes);
    assert_int_equal(a->images, b->images);
    assert_true(a->ordered_miou == b->ordered_miou && a->ordered_pixel_accuracy == b->ordered_pixel_accuracy);
    assert_true(a->miou == b->miou && a->pixel_accuracy == b->pixel_accuracy);
    assert_true(a->mean_accuracy == b->mean_accuracy && a->miou_present == b->miou_present);
}

static void test_all_kinds(void **state) {
    (void)state;
    struct fscnn_error err;
    struct fscnn_scores wanted, got;
    struct fscnn_evaluation *reference = expected();
    fscnn_evaluation_get_scores(reference, &wanted);
    assert_true(wanted.ordered_miou != wanted.miou);
    for (int kind = KIND_F32; kind <= KIND_U8; kind++) {
        for (int container = BIN; container <= TXT; container++) {
            char root[16];
            snprintf(root, sizeof(root), "all_%d%d", kind, container);
            assert_int_equal(folder_make(in_folder(root), &err), FSCNN_OK);
            for (int k = 0; k < IMAGES; k++) {
                write_result(root, k, (enum kind)kind, (enum container)container);
            }
            for (int threads = 1; threads <= 4; threads += 3) {
                struct fscnn_evaluation *e = NULL;
                struct fscnn_image_scores first;
                assert_int_equal(evaluate(root, "sort.log", threads == 1 ? 0 : CLASSES, threads, &e, &err), FSCNN_OK);
                fscnn_evaluation_get_scores(e, &got);
                assert_same_scores(&got, &wanted);
                assert_memory_equal(fscnn_evaluation_confusion(e), fscnn_evaluation_confusion(reference),
                                    CLASSES * CLASSES * sizeof(uint64_t));
                fscnn_evaluation_get_image(e, 0, &first);
                assert_string_equal(first.name, "city_6");
                fscnn_evaluation_free(&e);
            }
        }
    }
    fscnn_evaluation_free(&reference);
}

/* Each image may come in another form. */
static void test_mixed(void **state) {
    (void)state;
    struct fscnn_error err;
    struct fscnn_scores wanted, got;
    struct fscnn_evaluation *reference = expected(), *e = NULL;
    fscnn_evaluation_get_scores(reference, &wanted);
    assert_int_equal(folder_make(in_folder("mixed"), &err), FSCNN_OK);
    for (int k = 0; k < IMAGES; k++) {
        write_result("mixed", k, (enum kind)(k % 3), (enum container)(k / 3));
    }
    assert_int_equal(evaluate("mixed", "sort.log", 0, 2, &e, &err), FSCNN_OK);
    fscnn_evaluation_get_scores(e, &got);
    assert_same_scores(&got, &wanted);
    fscnn_evaluation_free(&e);
    fscnn_evaluation_free(&reference);
}

static void test_sort_log(void **state) {
    (void)state;
    struct sort_log log;
    struct fscnn_error err;
    write_text("windows.log",
               "\xef\xbb\xbf\r\n  a_leftImg8bit.png \r\n\r\n\t\r\nb c_leftImg8bit.png\t\r\n\r\nd_leftImg8bit.png");
    assert_int_equal(sort_log_read(in_folder("windows.log"), &log, &err), FSCNN_OK);
    assert_int_equal(log.count, 3);
    assert_string_equal(log.stems[0], "a");
    assert_string_equal(log.stems[1], "b c");
    assert_string_equal(log.stems[2], "d");
    sort_log_free(&log);
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "no picture is listed"},
        {"\r\n\n  \n", "no picture is listed"},
        {"a_leftImg8bit.png\n\n../../etc/passwd_leftImg8bit.png\n",
         "line 3: '../../etc/passwd_leftImg8bit.png': name with"},
        {"/etc/x_leftImg8bit.png\n", "line 1: '/etc/x_leftImg8bit.png': name with a folder"},
        {"..\\x_leftImg8bit.png\n", "name with a folder"},
        {"a.png\n", "line 1: 'a.png': not a name ending in _leftImg8bit.png"},
        {"_leftImg8bit.png\n", "not a name ending in"},
        {"a\001b_leftImg8bit.png\n", "control character"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        write_text("bad.log", cases[i].text);
        assert_int_equal(sort_log_read(in_folder("bad.log"), &log, &err), FSCNN_ERROR_FORMAT);
        assert_non_null(strstr(err.text, "bad.log"));
        assert_non_null(strstr(err.text, cases[i].message));
        assert_null(log.text);
    }
    write_file("bad.log", "a_left\0Img8bit.png\n", 19);
    assert_int_equal(sort_log_read(in_folder("bad.log"), &log, &err), FSCNN_ERROR_FORMAT);
    assert_int_equal(sort_log_read(in_folder("missing.log"), &log, &err), FSCNN_ERROR_IO);
}

/* One result of every wrong kind; `bytes` of zeros unless `text` is given. */
static void test_bad_results(void **state) {
    (void)state;
    static const struct {
        const char *ending, *text;
        size_t bytes;
        int classes;
        const char *message;
    } cases[] = {
        {"bin", NULL, 0, 0, "0 bytes; for 240 labelled pixels expected a multiple of 480"},
        {"bin", NULL, 76 * PIXELS - 1, 0, "18239 bytes; for 240 labelled pixels"},
        {"bin", NULL, 76 * PIXELS - 4, 19, "expected 18240 (float32 logits), 9120 (float16 logits) or 240 (labels)"},
        {"bin", NULL, 72 * PIXELS, 19, "17280 bytes; for 240 labelled pixels and 19 classes expected 18240"},
        {"bin", NULL, 3 * PIXELS, 0, "720 bytes"},
        {"bin", NULL, 2 * PIXELS, 0, "480 bytes"},
        {"bin", NULL, 40 * PIXELS, 0,
         "40 bytes a pixel: float32 logits of 10 classes or float16 logits of 20; say which"},
        {"bin", NULL, 8 * PIXELS, 0,
         "float32 logits of 2 classes or float16 logits of 4; say which with --num_classes"},
        {"bin", NULL, 4 * PIXELS, 0, "if these are float16 logits of 2 classes, say so with --num_classes 2"},
        {"npy", "\x93NUMPY", 0, 0, "cut short"},
        {"npy", "plain text", 0, 0, "not an .npy file"},
        {"txt", "1 2 3\n", 0, 0, "too few for 240 labelled pixels"},
    };
    struct fscnn_error err;
    struct label_buffer out = {0};
    uint8_t *zeros = calloc(76, PIXELS);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char name[32];
        int classes = cases[i].classes;
        snprintf(name, sizeof(name), "bad_%zu.%s", i, cases[i].ending);
        write_file(name, cases[i].text ? cases[i].text : (char *)zeros,
                   cases[i].text ? strlen(cases[i].text) : cases[i].bytes);
        assert_int_equal(result_file_read(in_folder(name), PIXELS, &classes, &out, &err), FSCNN_ERROR_FORMAT);
        if (!strstr(err.text, name) || !strstr(err.text, cases[i].message)) {
            fail_msg("case %zu: '%s' does not say '%s'", i, err.text, cases[i].message);
        }
    }
    label_buffer_release(&out);
    free(zeros);
}

/* Numbers of classes that a .bin's size tells, or that were asked for. */
static void test_sizes_of_logits(void **state) {
    (void)state;
    static const struct {
        size_t each; /* bytes a pixel */
        int asked, classes;
    } cases[] = {{76, 0, 19},  {38, 0, 19},  {6, 0, 3},    {512, 0, 128}, {1020, 0, 255}, {510, 0, 255},
                 {76, 38, 38}, {40, 20, 20}, {40, 10, 10}, {8, 2, 2},     {8, 4, 4},      {4, 2, 2}};
    struct fscnn_error err;
    struct label_buffer out = {0};
    uint8_t *zeros = calloc(1020, PIXELS);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int classes = cases[i].asked;
        write_file("sized.bin", zeros, cases[i].each * PIXELS);
        assert_int_equal(result_file_read(in_folder("sized.bin"), PIXELS, &classes, &out, &err), FSCNN_OK);
        assert_int_equal(classes, cases[i].classes);
    }
    label_buffer_release(&out);
    free(zeros);
}

/* Sizes that do not fit are told before any of the file is in memory. */
static void test_large_files(void **state) {
    (void)state;
    static const char *const names[] = {"large.bin", "large.npy", "large.txt"};
    struct fscnn_error err;
    struct label_buffer out = {0};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct rusage before, after;
        int classes = 0;
        write_text(names[i], "\x93NUMPY\001");
        assert_int_equal(truncate(in_folder(names[i]), (1 << 28) + 1), 0); /* a hole */
        getrusage(RUSAGE_SELF, &before);
        assert_int_equal(result_file_read(in_folder(names[i]), PIXELS, &classes, &out, &err), FSCNN_ERROR_FORMAT);
        assert_int_equal(label_file_read(in_folder(names[i]), 19, &out, &err), FSCNN_ERROR_FORMAT);
        getrusage(RUSAGE_SELF, &after);
        assert_true(after.ru_maxrss - before.ru_maxrss < 1 << 16); /* in kilobytes */
        assert_int_equal(unlink(in_folder(names[i])), 0);
    }
    label_buffer_release(&out);
}

static void write_npy(const char *name, enum dtype dtype, const int64_t *shape, int rank) {
    FILE *f = fopen(in_folder(name), "wb");
    assert_int_equal(npy_write_header(f, dtype, shape, rank), FSCNN_OK);
    size_t bytes = dtype_size(dtype);
    for (int i = 0; i < rank; i++) {
        bytes *= (size_t)shape[i];
    }
    for (size_t i = 0; i < bytes; i++) {
        fputc(0, f);
    }
    fclose(f);
}

static void test_npy_shapes(void **state) {
    (void)state;
    static const struct {
        enum dtype dtype;
        int rank;
        int64_t shape[5];
        int classes; /* asked for */
        bool good;
        int found;
    } cases[] = {
        {DTYPE_F32, 4, {1, 19, HEIGHT, WIDTH}, 0, true, 19},
        {DTYPE_F16, 3, {7, HEIGHT, WIDTH}, 0, true, 7},
        {DTYPE_F32, 3, {7, HEIGHT, WIDTH}, 19, false, 0},
        {DTYPE_F32, 3, {7, WIDTH, HEIGHT}, 7, true, 7}, /* the labels do not tell height from width */
        {DTYPE_F32, 4, {7, 1, HEIGHT, WIDTH}, 0, false, 0},
        {DTYPE_F32, 3, {HEIGHT, WIDTH, 19}, 0, false, 0},
        {DTYPE_F32, 2, {HEIGHT, WIDTH}, 0, false, 0},
        {DTYPE_F64, 3, {7, HEIGHT, WIDTH}, 0, false, 0},
        {DTYPE_F32, 5, {1, 1, 19, HEIGHT, WIDTH}, 0, false, 0},
        {DTYPE_I64, 2, {HEIGHT, WIDTH}, 19, true, 19},
        {DTYPE_U8, 4, {1, 1, HEIGHT, WIDTH}, 0, true, 0},
        {DTYPE_I32, 3, {2, HEIGHT, WIDTH}, 0, false, 0},
        {DTYPE_U8, 1, {PIXELS}, 0, false, 0},
    };
    struct label_buffer out = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fscnn_error err = {""};
        int classes = cases[i].classes;
        write_npy("shape.npy", cases[i].dtype, cases[i].shape, cases[i].rank);
        enum fscnn_status status = result_file_read(in_folder("shape.npy"), PIXELS, &classes, &out, &err);
        if ((status == FSCNN_OK) != cases[i].good) {
            fail_msg("case %zu: status %d, '%s'", i, (int)status, err.text);
        }
        if (cases[i].good) {
            assert_int_equal(classes, cases[i].found);
            assert_int_equal(out.count, PIXELS);
        } else {
            assert_non_null(strstr(err.text, "shape.npy: "));
        }
    }
    label_buffer_release(&out);
}

static void test_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int classes;
        bool good;
        uint8_t labels[2];
        const char *message;
    } cases[] = {
        {"0 7 ", 0, true, {0, 7}, NULL},
        {"0\n7", 19, true, {0, 7}, NULL},
        {"1.000000 -0.500000 \n0.999999 -0.400000 ", 0, true, {0, 1}, NULL},
        {"-1.5e-3 2 \r\n nan +0.001 \n 1e-9 3.0", 3, true, {2, 2}, NULL},
        {"-inf nan -inf nan", 0, true, {0, 0}, NULL},
        {"123456789012345678901234567890 .5 1 1.", 0, true, {0, 1}, NULL},
        {"1.000000000000000000e+00 -5.000000000000000000e-01\n", 1, false, {0}, "value -0.5 at pixel 1"}, /* savetxt */
        {"0                                                             1", 1, true, {0, 1}, NULL},
        {"0                                                                                                1",
         1,
         false,
         {0},
         "98 bytes of text are too many for 1 classes x 2 labelled pixels: at most 32 a number"},
        {"1 22222222222222222222222222222222222222222222222222222222222222222", 3, false, {0}, "is not a number"},
        {"1 2 3 4", 3, false, {0}, "4 numbers; expected 2 (labels) or 6 (logits)"},
        {"1 2 3", 0, false, {0}, "3 numbers; expected 2 (labels) or a multiple of 2"},
        {"1 2 3 4 5 6 7", 3, false, {0}, "more numbers than 3 classes"},
        {"1 x2", 0, false, {0}, "+2: 'x2' is not a number"},
        {"1 0x10", 0, false, {0}, "'0x10' is not a number"},
        {"1 --2", 0, false, {0}, "is not a number"},
        {"1 .", 0, false, {0}, "is not a number"},
        {"1 0.5", 0, false, {0}, "value 0.5 at pixel 1 is not a class"},
        {"1 -1", 0, false, {0}, "is not a class"},
        {"1 256", 0, false, {0}, "is not a class"},
        {"1 nan", 0, false, {0}, "is not a class"},
    };
    struct label_buffer out = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fscnn_error err = {""};
        int classes = cases[i].classes;
        size_t size = strlen(cases[i].text);
        char *exact = malloc(size); /* without an end, as a mapping has none */
        memcpy(exact, cases[i].text, size);
        enum fscnn_status status = result_text_parse(exact, size, "r.txt", 2, &classes, &out, &err);
        free(exact);
        if ((status == FSCNN_OK) != cases[i].good || (cases[i].message && !strstr(err.text, cases[i].message))) {
            fail_msg("case %zu: status %d, '%s'", i, (int)status, err.text);
        }
        if (cases[i].good) {
            assert_memory_equal(out.labels, cases[i].labels, 2);
        }
    }
    label_buffer_release(&out);
}

static void test_labels(void **state) {
    (void)state;
    static const struct {
        float values[3];
        int classes;
        const char *message; /* NULL: fine */
    } cases[] = {
        {{0, 18, -1}, 19, NULL},
        {{0, 255, 18}, 19, NULL},
        {{0, 254, 18}, 0, NULL},
        {{7, 33, -1},
         19,
         "class 33 among the labels, but there are 19 classes (0..18; -1 or 255 for ignored pixels); are "
         "these label ids"},
        {{0, 5, 1}, 5, "class 5 among the labels"},
        {{0, 1.5F, 1}, 19, "value 1.5 at pixel 1"},
        {{0, 1, -2}, 19, "value -2 at pixel 2"},
        {{256, 1, 1}, 0, "value 256 at pixel 0"},
        {{0, 1, 0.0F / 0.0F}, 0, "at pixel 2"},
        {{0, 1e30F, 1}, 0, "value 1e+30 at pixel 1"},
    };
    struct label_buffer out = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fscnn_error err = {""};
        write_file("l.bin", cases[i].values, sizeof(cases[i].values));
        enum fscnn_status status = label_file_read(in_folder("l.bin"), cases[i].classes, &out, &err);
        if ((status == FSCNN_OK) != !cases[i].message || (cases[i].message && !strstr(err.text, cases[i].message))) {
            fail_msg("case %zu: status %d, '%s'", i, (int)status, err.text);
        }
        for (size_t p = 0; !cases[i].message && p < 3; p++) {
            assert_int_equal(out.labels[p], cases[i].values[p] == -1 ? 255 : (int)cases[i].values[p]);
        }
    }
    struct fscnn_error err;
    write_text("odd.bin", "12345");
    assert_int_equal(label_file_read(in_folder("odd.bin"), 19, &out, &err), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "5 bytes; expected float32 train ids"));
    write_text("empty.bin", "");
    assert_int_equal(label_file_read(in_folder("empty.bin"), 19, &out, &err), FSCNN_ERROR_FORMAT);
    assert_int_equal(label_file_read(in_folder("none.bin"), 19, &out, &err), FSCNN_ERROR_IO);
    write_npy("i.npy", DTYPE_I16, (const int64_t[]){3, 5}, 2);
    assert_int_equal(label_file_read(in_folder("i.npy"), 19, &out, &err), FSCNN_OK);
    assert_int_equal(out.count, 15);
    label_buffer_release(&out);
}

/* Errors of the whole job: the first image in the order of sort.log is the one named. */
static void test_job_errors(void **state) {
    (void)state;
    struct fscnn_error err;
    struct fscnn_evaluation *e = NULL;
    uint8_t wrong[PIXELS];
    assert_int_equal(folder_make(in_folder("job"), &err), FSCNN_OK);
    for (int k = 3; k < IMAGES; k++) {
        write_result("job", k, KIND_F32, BIN);
    }
    assert_int_equal(evaluate("job", "sort.log", 0, 2, &e, &err), FSCNN_ERROR_IO);
    assert_non_null(strstr(err.text, "job/city_2_leftImg8bit_0.bin: no such result"));
    assert_non_null(strstr(err.text, "(and 2 more files of the 7 images are missing)"));
    write_text("lone.log", "lone_leftImg8bit.png\n");
    assert_int_equal(evaluate("job", "lone.log", 0, 1, &e, &err), FSCNN_ERROR_IO);
    assert_non_null(strstr(err.text, "(and 1 more file of the 1 image is missing)"));
    for (int k = 0; k < 3; k++) {
        write_result("job", k, KIND_U8, BIN);
    }
    memset(wrong, 21, sizeof(wrong));
    write_file("job/city_1_leftImg8bit_0.bin", wrong, sizeof(wrong));
    write_file("job/city_0_leftImg8bit_0.bin", wrong, 17);
    for (int threads = 1; threads <= 4; threads++) {
        assert_int_equal(evaluate("job", "sort.log", 0, threads, &e, &err), FSCNN_ERROR_FORMAT);
        assert_non_null(strstr(err.text, "job/city_1_leftImg8bit_0.bin: class 21 predicted at pixel 0"));
        assert_null(e);
    }
    assert_int_equal(evaluate("job", "sort.log", 18, 1, &e, &err), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "labels/city_6_gtFine_labelIds.bin: class 18 among the labels"));
    assert_int_equal(evaluate("job", "none.log", 0, 1, &e, &err), FSCNN_ERROR_IO);
    assert_non_null(strstr(err.text, "preprocess --sort_log writes"));
    write_result("job", 2, KIND_F32, NPY); /* of another run, perhaps */
    assert_int_equal(evaluate("job", "sort.log", 0, 1, &e, &err), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "job/city_2_leftImg8bit_0.npy: there is _leftImg8bit_0.bin, too: remove"));
    assert_int_equal(evaluate("job", "sort.log", 256, 1, &e, &err), FSCNN_ERROR_USAGE);
}

/* Label maps do not tell of how many classes they are: mIoU over 19 would be too low for a model of five. */
static void test_classes_assumed(void **state) {
    (void)state;
    static char said[512], few[512], log[512];
    struct fscnn_error err;
    struct fscnn_evaluation *e = NULL;
    snprintf(few, sizeof(few), "%s", in_folder("few"));
    snprintf(log, sizeof(log), "%s", in_folder("few.log"));
    struct fscnn_evaluate_options options = {
        .result_root = few, .label_root = few, .sort_log = log, .log = {.line = take_line, .user = said}};
    float truth[PIXELS] = {4, -1, 3};
    uint8_t predicted[PIXELS] = {4, 4, 2};
    assert_int_equal(folder_make(in_folder("few"), &err), FSCNN_OK);
    write_text("few.log", "a_leftImg8bit.png\n");
    write_file("few/a_gtFine_labelIds.bin", truth, sizeof(truth));
    write_file("few/a_leftImg8bit_0.bin", predicted, sizeof(predicted));
    for (int top = 4; top <= 18; top += 14) { /* with the last of all classes there is no doubt */
        predicted[7] = (uint8_t)top;
        write_file("few/a_leftImg8bit_0.bin", predicted, sizeof(predicted));
        for (options.classes = 0; options.classes <= 19; options.classes += 19) {
            said[0] = '\0';
            assert_int_equal(fscnn_evaluate_files(&options, &e, &err), FSCNN_OK);
            assert_string_equal(said, top == 4 && options.classes == 0
                                          ? "19 classes are counted, but no label is above 4: "
                                            "for a model of fewer classes say how many"
                                          : "");
            fscnn_evaluation_free(&e);
        }
    }
}

static void test_dataset_order(void **state) {
    (void)state;
    char stems[][8] = {"a", "b", "c"};
    struct fscnn_dataset_item items[] = {{.stem = stems[2]}, {.stem = stems[0]}, {.stem = stems[1]}};
    const struct fscnn_dataset dataset = {.items = items, .count = 3};
    struct fscnn_error err;
    size_t *order = NULL, count = 0;
    write_text("order.log", "b_leftImg8bit.png\nc_leftImg8bit.png\nb_leftImg8bit.png\n");
    assert_int_equal(fscnn_dataset_order(&dataset, in_folder("order.log"), &order, &count, &err), FSCNN_OK);
    assert_int_equal(count, 3);
    assert_true(order[0] == 2 && order[1] == 0 && order[2] == 2);
    free(order);
    write_text("order.log", "b_leftImg8bit.png\nd_leftImg8bit.png\n");
    assert_int_equal(fscnn_dataset_order(&dataset, in_folder("order.log"), &order, &count, &err), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "d_leftImg8bit.png is not in the data set"));
    assert_null(order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds),       cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_sort_log),        cmocka_unit_test(test_large_files),
        cmocka_unit_test(test_bad_results),     cmocka_unit_test(test_sizes_of_logits),
        cmocka_unit_test(test_npy_shapes),      cmocka_unit_test(test_text),
        cmocka_unit_test(test_job_errors),      cmocka_unit_test(test_labels),
        cmocka_unit_test(test_classes_assumed), cmocka_unit_test(test_dataset_order),
    };
    return cmocka_run_group_tests(tests, setup, remove_folder);
}
