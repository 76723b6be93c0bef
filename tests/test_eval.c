/* Counting, the plain and the ordered figures, arg max, reports - against values worked out by hand and by plain loops.
 */
#include <jansson.h>
#include <math.h>
#include <unistd.h>

#include "eval/argmax.h"
#include "eval/confusion.h"
#include "tensor/tensor.h"
#include "testing.h"

static uint32_t random_state = 12345;
static uint32_t next_random(void) {
    random_state = random_state * 1664525U + 1013904223U;
    return random_state >> 8;
}

static struct fscnn_evaluation *create(int classes) {
    struct fscnn_evaluation *e = NULL;
    struct fscnn_error err;
    assert_int_equal(fscnn_evaluation_create(classes, &e, &err), FSCNN_OK);
    return e;
}

static void add(struct fscnn_evaluation *e, const uint8_t *predicted, const uint8_t *truth, size_t count) {
    struct fscnn_error err;
    assert_int_equal(fscnn_evaluation_add(e, predicted, truth, count, &err), FSCNN_OK);
}

#define NEAR(value, wanted) assert_true(fabs((value) - (wanted)) < 1e-12)

/* Image A: class 0 has I=2 U=4, class 1 I=1 U=4, class 2 I=0 U=1; 3 of 6 right. */
static const uint8_t a_predicted[] = {0, 0, 1, 1, 0, 2};
static const uint8_t a_truth[] = {0, 0, 0, 1, 1, 1};
/* Image B: all right, three of class 1 and one of class 2. */
static const uint8_t b_predicted[] = {1, 1, 1, 2, 0};
static const uint8_t b_truth[] = {1, 1, 1, 2, 255};

static void test_hand_computed(void **state) {
    (void)state;
    struct fscnn_evaluation *e = create(3);
    struct fscnn_scores s;
    add(e, a_predicted, a_truth, 6);
    fscnn_evaluation_get_scores(e, &s);
    NEAR(s.miou, (2.0 / 4 + 1.0 / 4 + 0) / 3);
    NEAR(s.miou_present, (2.0 / 4 + 1.0 / 4) / 2); /* no pixel of class 2 in the truth */
    NEAR(s.pixel_accuracy, 0.5);
    NEAR(s.mean_accuracy, (2.0 / 3 + 1.0 / 3) / 2);
    NEAR(s.ordered_miou, s.miou);
    add(e, b_predicted, b_truth, 5);
    fscnn_evaluation_get_scores(e, &s);
    /* class 0: 2/4, class 1: 4/7, class 2: 1/2 */
    double running_a = 0.25, running_b = (0.5 + 4.0 / 7 + 0.5) / 3;
    assert_int_equal(s.images, 2);
    NEAR(s.miou, running_b);
    NEAR(s.ordered_miou, (running_a + running_b) / 2);
    NEAR(s.pixel_accuracy, 0.7);
    NEAR(s.ordered_pixel_accuracy, (0.5 + 0.7) / 2);
    NEAR(s.mean_accuracy, (2.0 / 3 + 4.0 / 6 + 1) / 3);
    const uint64_t wanted[] = {2, 1, 0, 1, 4, 1, 0, 0, 1};
    assert_memory_equal(fscnn_evaluation_confusion(e), wanted, sizeof(wanted));
    fscnn_evaluation_free(&e);
    assert_null(e);
    fscnn_evaluation_free(&e);
}

/* The plain figures do not depend on the order, the guide's do. */
static void test_order(void **state) {
    (void)state;
    struct fscnn_evaluation *e = create(3);
    struct fscnn_scores s;
    struct fscnn_image_scores image;
    add(e, b_predicted, b_truth, 5);
    add(e, a_predicted, a_truth, 6);
    fscnn_evaluation_get_scores(e, &s);
    double running_b = (0 + 1.0 + 1.0) / 3, both = (0.5 + 4.0 / 7 + 0.5) / 3; /* class 0 has U=0 at first */
    NEAR(s.miou, both);
    NEAR(s.pixel_accuracy, 0.7);
    NEAR(s.ordered_miou, (running_b + both) / 2);
    NEAR(s.ordered_pixel_accuracy, (1.0 + 0.7) / 2);
    fscnn_evaluation_get_image(e, 0, &image);
    NEAR(image.running_miou, running_b);
    NEAR(image.miou, 1.0);
    assert_int_equal(image.labelled, 4);
    fscnn_evaluation_get_image(e, 1, &image);
    NEAR(image.running_miou, both);
    NEAR(image.running_pixel_accuracy, 0.7);
    NEAR(image.pixel_accuracy, 0.5);
    fscnn_evaluation_get_image(e, 2, &image);
    assert_string_equal(image.name, "");
    assert_int_equal(image.labelled, 0);
    fscnn_evaluation_free(&e);
}

static void test_class_figures(void **state) {
    (void)state;
    struct fscnn_evaluation *e = create(4);
    struct fscnn_class_scores c;
    add(e, a_predicted, a_truth, 6);
    fscnn_evaluation_get_class(e, 1, &c);
    assert_string_equal(c.name, "class 1");
    NEAR(c.iou, 0.25);
    NEAR(c.accuracy, 1.0 / 3);
    assert_true(c.truth == 3 && c.predicted == 2 && c.correct == 1);
    fscnn_evaluation_get_class(e, 3, &c);
    assert_true(c.iou == 0 && c.accuracy == 0 && c.truth == 0);
    fscnn_evaluation_free(&e);
    e = create(19);
    fscnn_evaluation_get_class(e, 8, &c);
    assert_string_equal(c.name, "vegetation");
    fscnn_evaluation_free(&e);
}

/* Truths that are not classes count nowhere, whatever was predicted there; an image of nothing else is all zeros. */
static void test_ignored(void **state) {
    (void)state;
    struct fscnn_evaluation *e = create(19);
    struct fscnn_scores s;
    const uint8_t predicted[] = {0, 18, 5, 3}, truth[] = {255, 19, 200, 3};
    add(e, predicted, truth, 3);
    fscnn_evaluation_get_scores(e, &s);
    assert_true(s.images == 1 && s.miou == 0 && s.pixel_accuracy == 0 && s.mean_accuracy == 0);
    add(e, predicted, truth, 4);
    fscnn_evaluation_get_scores(e, &s);
    NEAR(s.miou, 1.0 / 19);
    NEAR(s.miou_present, 1);
    NEAR(s.pixel_accuracy, 1);
    NEAR(s.ordered_pixel_accuracy, 0.5);
    fscnn_evaluation_free(&e);
}

static void test_refused(void **state) {
    (void)state;
    struct fscnn_evaluation *e = NULL;
    struct fscnn_scores s;
    struct fscnn_error err;
    assert_int_equal(fscnn_evaluation_create(0, &e, &err), FSCNN_ERROR_USAGE);
    assert_int_equal(fscnn_evaluation_create(256, &e, &err), FSCNN_ERROR_USAGE);
    assert_null(e);
    e = create(3);
    assert_int_equal(fscnn_evaluation_name_last(e, "x", NULL, &err), FSCNN_ERROR_USAGE);
    const uint8_t predicted[] = {0, 1, 3}, truth[] = {0, 1, 255};
    assert_int_equal(fscnn_evaluation_add(e, predicted, truth, 3, &err), FSCNN_ERROR_USAGE);
    assert_non_null(strstr(err.text, "class 3 predicted at pixel 2"));
    fscnn_evaluation_get_scores(e, &s);
    assert_true(s.images == 0 && s.miou == 0);
    assert_int_equal(fscnn_evaluation_confusion(e)[0], 0);
    fscnn_evaluation_free(&e);
}

/* Against the obvious loop, for few and many classes and lengths around the blocks. */
static void test_counting(void **state) {
    (void)state;
    static const int class_counts[] = {1, 2, 19, 255};
    static const size_t lengths[] = {0, 1, 3, 4095, 4096, 4097, 20001};
    uint8_t *predicted = malloc(20001), *truth = malloc(20001);
    for (size_t k = 0; k < 4; k++) {
        size_t n = (size_t)class_counts[k];
        for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
            uint64_t *wanted = calloc(n * n, sizeof(*wanted));
            for (size_t i = 0; i < lengths[j]; i++) {
                predicted[i] = (uint8_t)(next_random() % n);
                truth[i] = (uint8_t)(next_random() % 256);
                if (truth[i] < n) {
                    wanted[truth[i] * n + predicted[i]]++;
                }
            }
            struct fscnn_evaluation *e = create(class_counts[k]);
            add(e, predicted, truth, lengths[j]);
            assert_memory_equal(fscnn_evaluation_confusion(e), wanted, n * n * sizeof(*wanted));
            fscnn_evaluation_free(&e);
            free(wanted);
        }
    }
    free(predicted);
    free(truth);
}

static uint8_t plain_argmax(const float *logits, int classes, size_t pixels, size_t p) {
    float best = -INFINITY;
    uint8_t label = 0;
    for (int c = 0; c < classes; c++) {
        if (logits[(size_t)c * pixels + p] > best) {
            best = logits[(size_t)c * pixels + p];
            label = (uint8_t)c;
        }
    }
    return label;
}

static void test_argmax_rules(void **state) {
    (void)state;
    const float tie = 2, nan_value = NAN, inf = INFINITY;
    /* pixels: a tie; zeros of both signs; NaN first; all NaN; all -inf; NaN and -inf; an infinity */
    const float logits[3][7] = {{1, -0.0F, nan_value, nan_value, -inf, nan_value, 3},
                                {tie, 0.0F, 1, nan_value, -inf, -inf, inf},
                                {tie, -0.0F, 2, nan_value, -inf, nan_value, inf}};
    const uint8_t wanted[] = {1, 0, 2, 0, 0, 0, 1};
    uint16_t halves[3][7];
    uint8_t labels[7];
    argmax_f32(logits, 3, 7, labels);
    assert_memory_equal(labels, wanted, 7);
    for (int i = 0; i < 21; i++) {
        halves[i / 7][i % 7] = float_to_half(logits[i / 7][i % 7]);
    }
    memset(labels, 99, 7);
    argmax_f16(halves, 3, 7, labels);
    assert_memory_equal(labels, wanted, 7);
}

/* Every bit pattern of halves, many ties, sizes that blocks do not divide, data at an odd address. */
static void test_argmax_agrees(void **state) {
    (void)state;
    enum { CLASSES = 19, PIXELS = 9001 };
    float *logits = malloc(sizeof(float) * CLASSES * PIXELS);
    uint8_t *odd = malloc(1 + sizeof(float) * CLASSES * PIXELS);
    uint8_t labels[PIXELS], labels16[PIXELS];
    for (int round = 0; round < 3; round++) {
        uint16_t half;
        for (size_t i = 0; i < (size_t)CLASSES * PIXELS; i++) {
            half = round == 0 ? (uint16_t)next_random() : (uint16_t)(0x3c00 + next_random() % (round == 1 ? 4 : 3000));
            logits[i] = half_to_float(half);
            memcpy(odd + 1 + 2 * i, &half, 2);
        }
        argmax_f16(odd + 1, CLASSES, PIXELS, labels16);
        memcpy(odd + 1, logits, sizeof(float) * CLASSES * PIXELS);
        argmax_f32(odd + 1, CLASSES, PIXELS, labels);
        for (size_t p = 0; p < PIXELS; p++) {
            assert_int_equal(labels[p], plain_argmax(logits, CLASSES, PIXELS, p));
        }
        assert_memory_equal(labels, labels16, PIXELS);
    }
    free(odd);
    free(logits);
}

static char *read_text(FILE *f) {
    long size = ftell(f);
    char *text = calloc((size_t)size + 1, 1);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)size, f), size);
    return text;
}

static void test_json(void **state) {
    (void)state;
    struct fscnn_evaluation *e = create(3);
    struct fscnn_error err;
    const struct fscnn_report_options options = {.order = "sort.log", .model = "bad \xff name"};
    add(e, a_predicted, a_truth, 6);
    assert_int_equal(fscnn_evaluation_name_last(e, "first", NULL, &err), FSCNN_OK);
    add(e, b_predicted, b_truth, 5);
    assert_int_equal(fscnn_evaluation_name_last(e, "second", "second.png", &err), FSCNN_OK);
    FILE *f = tmpfile();
    assert_int_equal(fscnn_evaluation_write_json(e, &options, f, &err), FSCNN_OK);
    char *text = read_text(f);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    double ordered = 0, plain = 0, iou = 0;
    const char *name = NULL, *order = NULL;
    json_int_t cell = 0;
    assert_int_equal(json_unpack(root, "{s:F, s:F, s:s, s:[{}, {s:F}], s:[[],[i, I]], s:[{},{s:s}]}", "AvgmIou",
                                 &ordered, "mIoU", &plain, "order", &order, "classes", "IoU", &iou, "confusion_matrix",
                                 &(int){0}, &cell, "images", "name", &name),
                     0);
    NEAR(plain, 100 * (0.5 + 4.0 / 7 + 0.5) / 3);
    NEAR(ordered, 100 * (0.25 + (0.5 + 4.0 / 7 + 0.5) / 3) / 2);
    NEAR(iou, 400.0 / 7);
    assert_int_equal(cell, 4);
    assert_string_equal(name, "second");
    assert_string_equal(order, "sort.log");
    json_decref(root);
    free(text);
    fclose(f);
    fscnn_evaluation_free(&e);
}

static void test_html(void **state) {
    (void)state;
    char path[] = "/tmp/fscnn-report-XXXXXX";
    struct fscnn_evaluation *e = create(3);
    struct fscnn_error err;
    const struct fscnn_report_options options = {.title = "<b>&\"'", .order = "sort.log"};
    add(e, a_predicted, a_truth, 6);
    assert_int_equal(fscnn_evaluation_name_last(e, "<script>", "over lay\".png", &err), FSCNN_OK);
    add(e, b_predicted, b_truth, 5);
    assert_true(close(mkstemp(path)) == 0);
    assert_int_equal(fscnn_evaluation_write_html(e, &options, path, &err), FSCNN_OK);
    FILE *f = fopen(path, "rb");
    fseek(f, 0, SEEK_END);
    char *text = read_text(f);
    assert_null(strstr(text, "<script"));
    assert_non_null(strstr(text, "&lt;script&gt;"));
    assert_non_null(strstr(text, "&lt;b&gt;&amp;&quot;&#39;"));
    assert_non_null(strstr(text, "href=\"over%20lay%22.png\""));
    assert_non_null(strstr(text, "<span>AvgmIou</span><b>38.6905</b>"));
    assert_non_null(strstr(text, "<span>mIoU</span><b>52.38</b>"));
    assert_null(strstr(text, "http")); /* nothing is fetched */
    free(text);
    fclose(f);
    unlink(path);
    assert_int_equal(fscnn_evaluation_write_html(e, NULL, "/nonexistent/report.html", &err), FSCNN_ERROR_IO);
    fscnn_evaluation_free(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hand_computed), cmocka_unit_test(test_order),
        cmocka_unit_test(test_class_figures), cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_counting),
        cmocka_unit_test(test_argmax_rules),  cmocka_unit_test(test_argmax_agrees),
        cmocka_unit_test(test_json),          cmocka_unit_test(test_html),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
