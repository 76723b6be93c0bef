/* How many bits of numbers fp32 takes where the processor splits them: few where the logits allow it, else all. */
#include <math.h>

#include "cpu/cpu.h"
#include "folder.h"
#include "kernels/kernels.h"
#include "onnx_model.h"

enum { HEIGHT = 64, WIDTH = 96, MIDDLE = 64, CLASSES = 19 };

static bool splits(void) { return kernels_get(cpu_flags_used()).split_pays; }

static uint32_t random_bits(void) {
    static uint32_t state = 1;
    return state = state * 1664525U + 1013904223U;
}

static void build_conv(struct model *m, const char *name, int in, int out, const char *input, const char *output,
                       float scale) {
    float *weights = malloc((size_t)in * (size_t)out * sizeof(*weights));
    char inputs[32];
    assert_non_null(weights);
    for (int i = 0; i < in * out; i++) {
        weights[i] = scale * ((float)(random_bits() >> 8) / (float)(1 << 23) - 1) * sqrtf(3.0F / (float)in);
    }
    snprintf(inputs, sizeof(inputs), "%s %s", input, name);
    onnx_build_floats(&m->b, name, 4, DIMS(out, in, 1, 1), weights);
    onnx_build_node(&m->b, "Conv", name, inputs, output);
    free(weights);
}

/* Writes a network of two steps that split, whose logits grow with `scale`, and the second step's part in them with
 * `second`. */
static void write_network(const char *path, float scale, float second) {
    struct model m;
    model_start(&m, 11, 3, HEIGHT, WIDTH);
    build_conv(&m, "first", 3, MIDDLE, "x", "a", 1);
    build_conv(&m, "second", MIDDLE, MIDDLE, "a", "b", 1);
    onnx_build_node(&m.b, "Add", "sum", "a b", "c");
    build_conv(&m, "third", MIDDLE, MIDDLE, "c", "d", second);
    onnx_build_node(&m.b, "Add", "sum_again", "c d", "e");
    build_conv(&m, "last", MIDDLE, CLASSES, "e", "y", scale);
    model_must_import(&m);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(m.data, 1, m.size, out), m.size);
    assert_int_equal(fclose(out), 0);
    model_end(&m);
}

/* What the log says about it: steps with few bits, of how many; -1 where it says nothing, -2 where a trial failed. */
struct said {
    int chosen, steps;
};

static void hear(void *user, const char *line) {
    struct said *said = user;
    if (strstr(line, "fp32 with all 24 bits of numbers: with 16")) {
        *said = (struct said){0, 0};
    } else if (strstr(line, "fp32 with all 24 bits")) {
        *said = (struct said){-2, -2};
    } else {
        (void)sscanf(line, "fp32 with 16 bits of numbers in %d of %d", &said->chosen, &said->steps);
    }
}

static void run_model(const struct fscnn_model *model, const uint8_t *rgb, float *logits) {
    struct fscnn_error err = {""};
    struct fscnn_session *session;
    assert_int_equal(fscnn_session_create(model, NULL, &session, &err), FSCNN_OK);
    assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_U8, rgb, FSCNN_OUTPUT_F32, logits, 1, &err), FSCNN_OK);
    fscnn_session_free(&session);
}

/* Through an offline model, too: the same to the bit. */
static void run(const char *path, bool exact, int height, int width, struct said *said, const uint8_t *rgb,
                float *logits) {
    struct fscnn_error err = {""};
    struct fscnn_model *model, *loaded;
    const struct fscnn_compile_options options = {
        .height = height, .width = width, .exact = exact, .log = {hear, said}, .pool = FSCNN_POOL_ADAPTIVE};
    *said = (struct said){-1, -1};
    if (fscnn_compile(path, &options, &model, &err) != FSCNN_OK) {
        fail_msg("%s", err.text);
    }
    run_model(model, rgb, logits);
    const size_t bytes = fscnn_model_output_bytes(model, FSCNN_OUTPUT_F32, 1);
    float *again = malloc(bytes);
    const char *saved = in_folder("saved.fscnn");
    assert_non_null(again);
    assert_int_equal(fscnn_model_save(model, saved, &err), FSCNN_OK);
    assert_int_equal(fscnn_model_load(saved, &loaded, &err), FSCNN_OK);
    run_model(loaded, rgb, again);
    assert_memory_equal(again, logits, bytes);
    free(again);
    fscnn_model_free(&loaded);
    fscnn_model_free(&model);
}

/* Compiles both ways and returns by how much the logits of `rgb` differ. */
static double compare(const char *path, int height, int width, struct said *said, const uint8_t *rgb) {
    const size_t count = (size_t)height * (size_t)width * CLASSES;
    float *few = malloc(count * sizeof(*few)), *all = malloc(count * sizeof(*all));
    struct said exactly;
    double largest = 0;
    assert_true(few && all);
    run(path, false, height, width, said, rgb, few);
    run(path, true, height, width, &exactly, rgb, all);
    assert_int_equal(exactly.chosen, -1);
    for (size_t i = 0; i < count; i++) {
        const double off = fabs((double)few[i] - (double)all[i]);
        largest = off <= largest ? largest : isnan(off) ? INFINITY : off;
    }
    free(few);
    free(all);
    return largest;
}

static void fill(uint8_t *rgb, size_t count) {
    for (size_t i = 0; i < count; i++) {
        rgb[i] = (uint8_t)(random_bits() >> 24);
    }
}

/* Of a network (write_network), on a picture of noise. */
static double compare_network(float scale, float second, struct said *said) {
    static uint8_t rgb[HEIGHT * WIDTH * 3];
    fill(rgb, sizeof(rgb));
    write_network(in_folder("network.onnx"), scale, second);
    const double change = compare(in_folder("network.onnx"), HEIGHT, WIDTH, said, rgb);
    print_message("# scale %g: %d of %d steps, %.2g\n", (double)scale, said->chosen, said->steps, change);
    return change;
}

/* The larger the logits, the fewer steps; what is chosen keeps to the limit on another picture, too. */
static void test_limit(void **state) {
    (void)state;
    int before = 2;
    bool some = false;
    for (float scale = 1; scale < 20; scale *= 1.3F) {
        struct said said;
        const double change = compare_network(scale, 1, &said);
        assert_true(change <= 3e-4);
        if (!splits()) {
            assert_int_equal(said.chosen, -1);
            assert_true(change == 0);
            continue;
        }
        assert_true(said.chosen >= 0 && said.chosen <= before);
        assert_true((change > 0) == (said.chosen > 0));
        assert_true(scale > 1 || (said.chosen == 2 && said.steps == 2));
        some = some || said.chosen == 1;
        before = said.chosen;
    }
    assert_true(!splits() || (some && before == 0));
}

/* Where the first step does too much, the second is taken alone. */
static void test_worth(void **state) {
    (void)state;
    int alone = 0;
    for (float scale = 4; scale < 20; scale *= 1.3F) {
        struct said said;
        const double change = compare_network(scale, 0.01F, &said);
        assert_true(said.chosen != 1 || change < 1e-4);
        alone += said.chosen == 1;
    }
    assert_true(!splits() || alone > 1);
}

/* The model that comes along takes few bits everywhere. */
static void test_default_model(void **state) {
    (void)state;
    enum { H = 256, W = 512 };
    const char *path = source_path("models/fast_scnn_street.pth");
    struct said said;
    if (access(path, R_OK) != 0) {
        skip();
    }
    uint8_t *rgb = malloc(H * W * 3);
    assert_non_null(rgb);
    fill(rgb, H * W * 3);
    const double change = compare(path, H, W, &said, rgb);
    print_message("# %d of %d steps, %.2g\n", said.chosen, said.steps, change);
    assert_true(change <= 2e-4 && (change > 0) == splits());
    assert_int_equal(said.chosen, said.steps);
    free(rgb);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limit), cmocka_unit_test(test_worth),
                                       cmocka_unit_test(test_default_model)};
    return cmocka_run_group_tests_name("split_choice", tests, make_folder, remove_folder);
}
