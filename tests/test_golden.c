/* Random checkpoints, compiled and run, against PyTorch's logits of the same ones, which tests/make_golden.py kept: on
 * every instruction set that this processor has, with one thread and with two, from 8-bit and from float input. */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "cpu/cpu.h"
#include "random_model.h"
#include "run/session.h"
#include "testing.h"

#define TOLERANCE 1e-3

struct golden {
    char name[64];
    enum fscnn_pool pool;
    int height, width, classes, seed;
    struct fscnn_array logits; /* f32 [points, classes] */
};

/* ---- what make_golden.py knows by the same formulas ---- */

static void paint(int height, int width, uint8_t *rgb) {
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            for (int c = 0; c < 3; c++) {
                int edges = (y / 16 * 3 + x / 16 * 5 + c) % 7 * 24;
                *rgb++ = (uint8_t)((x * 3 + y * 5) / 4 + edges + x * y % 29 + c * 40);
            }
        }
    }
}

static size_t point_at(size_t point, size_t pixels) {
    return point == 0 ? 0 : point == 1 ? pixels - 1 : (point - 1) * 2654435761U % pixels;
}

static struct fscnn_model *compile_random(const struct golden *golden) {
    const struct random_model random = {.seed = golden->seed, .classes = golden->classes, .dtype = DTYPE_F32};
    const struct fscnn_compile_options options = {
        .height = golden->height, .width = golden->width, .pool = golden->pool};
    struct fscnn_error err = {""};
    struct fscnn_model *model = NULL;
    struct blob file = {0};
    char path[] = "/tmp/fastscnn_golden_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    random_model_write(&random, &file);
    enum fscnn_status status = file_write(path, file.data, file.size, &err);
    if (status == FSCNN_OK) {
        status = fscnn_compile(path, &options, &model, &err);
    }
    unlink(path);
    blob_free(&file);
    if (status != FSCNN_OK) {
        fail_msg("%s: %s", golden->name, err.text);
    }
    return model;
}

/* ---- comparing ---- */

/* The largest difference at the points. */
static double compare_logits(const struct golden *golden, const float *logits) {
    size_t pixels = (size_t)golden->height * (size_t)golden->width;
    const float *expected = golden->logits.data;
    double most = 0;
    for (size_t point = 0; point < (size_t)golden->logits.shape[0]; point++) {
        for (size_t c = 0; c < (size_t)golden->classes; c++) {
            double difference = fabs((double)logits[c * pixels + point_at(point, pixels)] - (double)*expected++);
            most = difference > most || isnan(difference) ? difference : most;
        }
    }
    return most;
}

/* How many points have another label than PyTorch's. */
static int compare_labels(const struct golden *golden, const uint8_t *labels) {
    size_t pixels = (size_t)golden->height * (size_t)golden->width;
    const float *expected = golden->logits.data;
    int wrong = 0;
    for (size_t point = 0; point < (size_t)golden->logits.shape[0]; point++, expected += golden->classes) {
        int best = 0;
        for (int c = 1; c < golden->classes; c++) {
            best = expected[c] > expected[best] ? c : best;
        }
        wrong += labels[point_at(point, pixels)] != best;
    }
    return wrong;
}

struct buffers {
    struct fscnn_picture picture;
    float *image, *logits;
    uint8_t *labels;
};

/* One instruction set and number of threads; the largest difference. */
static double check_session(const struct golden *golden, const struct fscnn_model *model, uint32_t flags, int threads,
                            const struct buffers *b) {
    const struct fscnn_session_options options = {.threads = threads};
    struct fscnn_error err = {""};
    struct fscnn_session *session;
    assert_int_equal(fscnn_session_create(model, &options, &session, &err), FSCNN_OK);
    session->kernels = kernels_get(flags);
    const char *isa = session->kernels.isa;
    assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_F32, b->image, FSCNN_OUTPUT_F32, b->logits, 1, &err),
                     FSCNN_OK);
    assert_int_equal(
        fscnn_session_run(session, FSCNN_INPUT_U8, b->picture.rgb, FSCNN_OUTPUT_LABELS, b->labels, 1, &err), FSCNN_OK);
    fscnn_session_free(&session);
    double difference = compare_logits(golden, b->logits);
    int wrong = compare_labels(golden, b->labels);
    if (!(difference <= TOLERANCE) || wrong) {
        fail_msg("%s, %s, %d threads: largest difference %g of %g, %d labels differ", golden->name, isa, threads,
                 difference, TOLERANCE, wrong);
    }
    return difference;
}

static void check_golden(const struct golden *golden) {
    static const uint32_t isas[] = {0, CPU_AVX2, CPU_AVX2 | CPU_AVX512, CPU_NEON,
                                    CPU_AVX2 | CPU_AVX512 | CPU_AVX512_VNNI | CPU_AVX512_BF16 | CPU_AMX};
    struct fscnn_model *model = compile_random(golden);
    size_t pixels = (size_t)golden->height * (size_t)golden->width;
    struct buffers b = {.picture = {golden->width, golden->height, malloc(3 * pixels)},
                        .image = malloc(3 * pixels * sizeof(float)),
                        .logits = malloc((size_t)golden->classes * pixels * sizeof(float)),
                        .labels = malloc(pixels)};
    assert_true(b.picture.rgb && b.image && b.logits && b.labels);
    paint(golden->height, golden->width, b.picture.rgb);
    fscnn_normalize(&b.picture, b.image);
    double most = 0;
    for (size_t i = 0; i < ARRAY_SIZE(isas); i++) {
        for (int threads = 1; threads <= 2 && (isas[i] & cpu_flags_found()) == isas[i]; threads++) {
            most = fmax(most, check_session(golden, model, isas[i], threads, &b));
        }
    }
    print_message("# %s, %d classes: largest difference %.2g\n", golden->name, golden->classes, most);
    free(b.picture.rgb);
    free(b.image);
    free(b.logits);
    free(b.labels);
    fscnn_model_free(&model);
}

/* ---- the cases ---- */

static bool read_case(FILE *list, struct golden *golden) {
    struct fscnn_error err = {""};
    char pool[16], path[128];
    if (fscanf(list, "%63s %15s %d %d %d %d", golden->name, pool, &golden->height, &golden->width, &golden->classes,
               &golden->seed) != 6) {
        return false;
    }
    golden->pool = strcmp(pool, "fixed") == 0 ? FSCNN_POOL_FIXED : FSCNN_POOL_ADAPTIVE;
    snprintf(path, sizeof(path), "tests/data/golden/%s.npy", golden->name);
    assert_int_equal(fscnn_npy_read(source_path(path), &golden->logits, &err), FSCNN_OK);
    assert_int_equal(golden->logits.dtype, FSCNN_DTYPE_F32);
    assert_int_equal(golden->logits.rank, 2);
    assert_true(golden->logits.shape[0] >= 100);
    assert_int_equal(golden->logits.shape[1], golden->classes);
    assert_int_equal((uintptr_t)golden->logits.data % sizeof(float), 0);
    return true;
}

static void check_pool(enum fscnn_pool pool) {
    FILE *list = fopen(source_path("tests/data/golden/cases.txt"), "r");
    assert_non_null(list);
    int cases = 0;
    for (struct golden golden; read_case(list, &golden);) {
        if (golden.pool == pool) {
            check_golden(&golden);
            cases++;
        }
        fscnn_array_free(&golden.logits);
    }
    fclose(list);
    assert_true(cases >= 4);
}

static void fixed_pooling(void **state) {
    (void)state;
    check_pool(FSCNN_POOL_FIXED);
}

static void adaptive_pooling(void **state) {
    (void)state;
    check_pool(FSCNN_POOL_ADAPTIVE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_pooling),
        cmocka_unit_test(adaptive_pooling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
