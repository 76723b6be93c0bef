/* The offline model file: written, read back, damaged. */
#include <unistd.h>

#include "base/file.h"
#include "import/import.h"
#include "plan/model.h"
#include "random_model.h"
#include "testing.h"

static char folder[] = "/tmp/fastscnn-plan-XXXXXX";

static char *in_folder(const char *name) {
    char *path = path_join(folder, name);
    assert_non_null(path);
    return path;
}

/* A random checkpoint compiled at 64x96 (adaptive pooling: the low resolution is 2x3) and saved. */
static struct fscnn_model *make_model(const char *save_as) {
    const struct random_model random = {.seed = 5, .classes = 19, .dtype = DTYPE_F32};
    const struct fscnn_compile_options options = {
        .height = 64, .width = 96, .pool = FSCNN_POOL_ADAPTIVE, .num_batch_sizes = 3, .batch_sizes = {4, 1, 2}};
    struct fscnn_error err = {""};
    struct blob blob = {0};
    struct fscnn_model *model = NULL;
    char *pth = in_folder("random.pth");
    random_model_write(&random, &blob);
    assert_int_equal(file_write(pth, blob.data, blob.size, &err), FSCNN_OK);
    blob_free(&blob);
    assert_int_equal(fscnn_compile(pth, &options, &model, &err), FSCNN_OK);
    assert_int_equal(fscnn_model_save(model, save_as, &err), FSCNN_OK);
    free(pth);
    return model;
}

static void run_model(const struct fscnn_model *model, const float *image, float *logits) {
    struct fscnn_error err = {""};
    struct fscnn_session *session;
    assert_int_equal(fscnn_session_create(model, NULL, &session, &err), FSCNN_OK);
    assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_F32, image, FSCNN_OUTPUT_F32, logits, 1, &err), FSCNN_OK);
    fscnn_session_free(&session);
}

static void test_round_trip(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    char *path = in_folder("model.fscnn"), *again = in_folder("again.fscnn");
    struct fscnn_model *made = make_model(path), *loaded;
    struct fscnn_model_info info;
    assert_int_equal(fscnn_model_load(path, &loaded, &err), FSCNN_OK);
    fscnn_model_get_info(loaded, &info);
    assert_string_equal(info.name, "random.pth");
    assert_string_equal(info.input_name, "image");
    assert_string_equal(info.output_name, "output1");
    assert_int_equal(info.classes, 19);
    assert_int_equal(info.height, 64);
    assert_int_equal(info.width, 96);
    assert_int_equal(info.num_batch_sizes, 3);
    assert_int_equal(info.batch_sizes[2], 4);
    size_t in = fscnn_model_input_bytes(loaded, FSCNN_INPUT_F32, 1),
           out = fscnn_model_output_bytes(loaded, FSCNN_OUTPUT_F32, 1);
    assert_int_equal(in, 64 * 96 * 3 * 4);
    assert_int_equal(out, 64 * 96 * 19 * 4);
    float *image = malloc(in), *a = malloc(out), *b = malloc(out);
    for (size_t i = 0; i < in / 4; i++) {
        image[i] = (float)(i % 101) / 50.0F - 1.0F;
    }
    run_model(made, image, a);
    run_model(loaded, image, b);
    assert_memory_equal(a, b, out);
    assert_int_equal(fscnn_model_save(loaded, again, &err), FSCNN_OK);
    struct file_map first, second;
    assert_int_equal(file_map_open(path, &first, &err), FSCNN_OK);
    assert_int_equal(file_map_open(again, &second, &err), FSCNN_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    file_map_close(&first);
    file_map_close(&second);
    fscnn_model_free(&made);
    fscnn_model_free(&loaded);
    free(image);
    free(a);
    free(b);
    free(path);
    free(again);
}

/* Parses `size` bytes; what parses must also lay out and run within its bounds (sanitizers watch). */
static enum fscnn_status parse(const uint8_t *data, size_t size, struct fscnn_error *err) {
    struct plan plan;
    struct fscnn_model *model = NULL;
    enum fscnn_status status = plan_parse(data, size, &plan, err);
    if (status == FSCNN_OK) {
        status = model_create(&plan, (struct file_map){0}, NULL, &model, err);
        fscnn_model_free(&model);
    }
    return status;
}

static void test_damaged(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    struct file_map map;
    char *path = in_folder("damaged.fscnn");
    struct fscnn_model *made = make_model(path);
    assert_int_equal(file_map_open(path, &map, &err), FSCNN_OK);
    uint8_t *copy = aligned_alloc(64, (map.size + 63) / 64 * 64);
    memcpy(copy, map.data, map.size);
    assert_int_equal(parse(copy, map.size, &err), FSCNN_OK);
    for (size_t size = 0; size < map.size; size = size < 20000 ? size + 61 : size + 100003) {
        assert_int_not_equal(parse(copy, size, &err), FSCNN_OK);
        assert_true(strlen(err.text) > 10);
    }
    /* Every word of the records, replaced by extreme ones: an error, or something harmless. */
    static const uint32_t words[] = {0, 1, 2, 17, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fc00000, 0x00010000};
    for (size_t at = 8; at < 14000; at += 4) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            uint32_t old;
            memcpy(&old, copy + at, 4);
            memcpy(copy + at, &words[i], 4);
            (void)!parse(copy, map.size, &err);
            memcpy(copy + at, &old, 4);
        }
    }
    copy[8] = 9;
    assert_int_equal(parse(copy, map.size, &err), FSCNN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "version 9"));
    copy[0] = 'X';
    assert_int_equal(parse(copy, map.size, &err), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "not an offline model"));
    free(copy);
    free(path);
    file_map_close(&map);
    fscnn_model_free(&made);
}

static void test_load_errors(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    struct fscnn_model *model;
    assert_int_equal(fscnn_model_load("/nonexistent.fscnn", &model, &err), FSCNN_ERROR_IO);
    assert_non_null(strstr(err.text, "/nonexistent.fscnn: No such file"));
    assert_null(model);
    assert_int_equal(fscnn_model_load("/tmp", &model, &err), FSCNN_ERROR_IO);
    assert_non_null(strstr(err.text, "not a regular file"));
    char *path = in_folder("empty.fscnn");
    assert_int_equal(file_write(path, "", 0, &err), FSCNN_OK);
    assert_int_equal(fscnn_model_load(path, &model, &err), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "empty.fscnn"));
    free(path);
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_load_errors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
