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

/* Nothing is before step 0. */
static void check_line(void *user, const char *text) {
    int *steps = user;
    if (strncmp(text, "  step 0", 8) == 0) {
        assert_null(strstr(text, "together"));
        (*steps)++;
    }
}

static void test_round_trip(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    char *path = in_folder("model.fscnn"), *again = in_folder("again.fscnn");
    struct fscnn_model *made = make_model(path), *loaded;
    struct fscnn_model_info info;
    assert_int_equal(fscnn_model_load(path, &loaded, &err), FSCNN_OK);
    int steps = 0;
    fscnn_model_describe(loaded, (struct fscnn_log){.line = check_line, .user = &steps});
    assert_int_equal(steps, 1);
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

/* What was accepted runs, where it is small (sanitizers watch). */
static void run_small(const struct fscnn_model *model, int threads) {
    struct fscnn_model_info info;
    struct fscnn_session *session;
    const struct fscnn_session_options options = {.threads = threads};
    size_t in = fscnn_model_input_bytes(model, FSCNN_INPUT_F32, 1);
    size_t out = fscnn_model_output_bytes(model, FSCNN_OUTPUT_LABELS, 1);
    fscnn_model_get_info(model, &info);
    if (in + out + info.activation_bytes + info.scratch_bytes > 1 << 22 || info.macs > 1 << 24 ||
        fscnn_session_create(model, &options, &session, NULL) != FSCNN_OK) {
        return;
    }
    void *image = calloc(1, in), *labels = calloc(1, out);
    assert_non_null(image);
    assert_non_null(labels);
    (void)!fscnn_session_run(session, FSCNN_INPUT_F32, image, FSCNN_OUTPUT_LABELS, labels, 1, NULL);
    (void)!fscnn_session_run(session, FSCNN_INPUT_U8, image, FSCNN_OUTPUT_LABELS, labels, 1, NULL);
    free(image);
    free(labels);
    fscnn_session_free(&session);
}

/* Parses `size` bytes and with what was accepted makes a model; runs it on 1 or 2 threads, unless `threads` is 0. */
static enum fscnn_status parse(const uint8_t *data, size_t size, int threads, struct fscnn_error *err) {
    struct plan plan;
    struct fscnn_model *model = NULL;
    enum fscnn_status status = plan_parse(data, size, &plan, err);
    if (status == FSCNN_OK) {
        status = model_create(&plan, (struct file_map){0}, NULL, &model, err);
    }
    if (status == FSCNN_OK && threads > 0) {
        run_small(model, threads);
    }
    fscnn_model_free(&model);
    return status;
}

/* An aligned copy of a file, with `size` bytes. */
static uint8_t *read_copy(const char *path, size_t *size) {
    struct fscnn_error err = {""};
    struct file_map map;
    assert_int_equal(file_map_open(path, &map, &err), FSCNN_OK);
    uint8_t *copy = aligned_alloc(64, (map.size + 63) / 64 * 64);
    assert_non_null(copy);
    memcpy(copy, map.data, map.size);
    *size = map.size;
    file_map_close(&map);
    return copy;
}

static void test_cut_off(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    char *path = in_folder("damaged.fscnn");
    struct fscnn_model *made = make_model(path);
    size_t whole;
    uint8_t *copy = read_copy(path, &whole);
    assert_int_equal(parse(copy, whole, 2, &err), FSCNN_OK);
    for (size_t size = 0; size < whole; size = size < 20000 ? size + 61 : size + 100003) {
        assert_int_not_equal(parse(copy, size, 0, &err), FSCNN_OK);
        assert_true(strlen(err.text) > 10);
    }
    copy[8] = 9;
    assert_int_equal(parse(copy, whole, 0, &err), FSCNN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "version 9"));
    copy[0] = 'X';
    assert_int_equal(parse(copy, whole, 0, &err), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "not an offline model"));
    free(copy);
    free(path);
    fscnn_model_free(&made);
}

/* Every word before the data, replaced by extreme ones in turn: an error, or something that runs within its bounds. */
static void damage(const char *file) {
    static const uint32_t words[] = {0, 1, 2, 17, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fc00000, 0x00010000};
    struct fscnn_error err = {""};
    char relative[128];
    size_t size, accepted = 0, refused = 0;
    snprintf(relative, sizeof(relative), "fuzz/corpus/plan/%s.fscnn", file);
    uint8_t *copy = read_copy(source_path(relative), &size);
    assert_int_equal(parse(copy, size, 1, &err), FSCNN_OK);
    uint64_t data_size;
    memcpy(&data_size, copy + 32, sizeof(data_size));
    for (size_t at = 8; at + 4 <= size - data_size; at += 4) {
        for (size_t i = at / 4 % 3; i < ARRAY_SIZE(words); i += 3) {
            uint32_t old;
            memcpy(&old, copy + at, 4);
            memcpy(copy + at, &words[i], 4);
            int threads = 1 + (int)accepted % 2;
            *(parse(copy, size, threads, &err) == FSCNN_OK ? &accepted : &refused) += 1;
            memcpy(copy + at, &old, 4);
        }
    }
    print_message("# %s: %zu accepted, %zu refused\n", file, accepted, refused);
    assert_true(accepted > 100 && refused > 100);
    free(copy);
}

static void test_damaged_fp32(void **state) {
    (void)state;
    damage("streamed_fp32");
}

static void test_damaged_bf16(void **state) {
    (void)state;
    damage("torch_17_6_bf16");
}

static void test_damaged_int8(void **state) {
    (void)state;
    damage("quantisable_int8");
}

static void test_damaged_mixed(void **state) {
    (void)state;
    damage("streamed_int8");
}

/* A change of the records must come with another version: this length belongs to version 3. */
static void test_version(void **state) {
    (void)state;
    enum { HEADER = 40 + 6 * 4 + 16 * 4 + 8, TENSOR = 16, STEP = 16, STAGE = 200 };
    static float data[16] __attribute__((aligned(64)));
    struct stage stages[2] = {{.op = STAGE_LOAD, .name = "a"}, {.op = STAGE_OUTPUT, .name = "b"}};
    struct step step = {0, 2, 1, 3};
    struct tensor_desc tensor = {0};
    const struct plan plan = {.stages = stages,
                              .num_stages = 2,
                              .steps = &step,
                              .num_steps = 1,
                              .tensors = &tensor,
                              .num_tensors = 1,
                              .data = (const uint8_t *)data,
                              .data_size = sizeof(data),
                              .name = "n",
                              .input_name = "i",
                              .output_name = "o"};
    char *bytes = NULL;
    size_t size = 0, records = HEADER + TENSOR + STEP + 2 * STAGE + 5 * 2;
    FILE *out = open_memstream(&bytes, &size);
    assert_non_null(out);
    plan_write(&plan, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(PLAN_VERSION, 3);
    assert_int_equal(bytes[8], 3);
    assert_string_equal(bytes + records - 10, "n");
    assert_string_equal(bytes + records - 2, "b");
    assert_int_equal(size, (records + 63) / 64 * 64 + sizeof(data));
    free(bytes);
}

static void check_compile_refused(const struct fscnn_compile_options *options) {
    struct fscnn_error err = {""};
    struct fscnn_model *model;
    assert_int_equal(fscnn_compile("none.pth", options, &model, &err), FSCNN_ERROR_USAGE);
    assert_non_null(strstr(err.text, "out of range"));
    assert_null(model);
}

/* Bindings pass integers, and these can be anything. */
static void test_enums(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    char *path = in_folder("enums.fscnn"), input[64] = "", output[64] = "";
    struct fscnn_model *model = make_model(path);
    struct fscnn_session *session;
    assert_int_equal(fscnn_session_create(model, NULL, &session, &err), FSCNN_OK);
    assert_int_equal(fscnn_session_run(session, (enum fscnn_input_type)2, input, FSCNN_OUTPUT_LABELS, output, 1, &err),
                     FSCNN_ERROR_USAGE);
    assert_string_equal(err.text, "input type 2, output type 2: out of range");
    assert_int_equal(fscnn_session_run(session, FSCNN_INPUT_U8, input, (enum fscnn_output_type) - 1, output, 1, &err),
                     FSCNN_ERROR_USAGE);
    assert_int_equal(fscnn_model_input_bytes(model, (enum fscnn_input_type)2, 1), 0);
    assert_int_equal(fscnn_model_output_bytes(model, (enum fscnn_output_type)3, 1), 0);
    fscnn_session_free(&session);
    fscnn_model_free(&model);
    check_compile_refused(&(struct fscnn_compile_options){.precision = (enum fscnn_precision)3});
    check_compile_refused(&(struct fscnn_compile_options){.pool = (enum fscnn_pool)2});
    check_compile_refused(
        &(struct fscnn_compile_options){.calibration_method = (enum fscnn_calibration_method)4, .calibration = "x"});
    const struct fscnn_export_options export = {.pool = (enum fscnn_pool)2};
    assert_int_equal(fscnn_export_onnx("none.pth", path, &export, &err), FSCNN_ERROR_USAGE);
    assert_string_equal(err.text, "pooling 2 is out of range");
    const int64_t shape[] = {1};
    assert_int_equal(fscnn_npy_write(path, FSCNN_DTYPE_OTHER, shape, 1, input, &err), FSCNN_ERROR_USAGE);
    assert_int_equal(fscnn_npy_write(path, (enum fscnn_dtype) - 1, shape, 1, input, &err), FSCNN_ERROR_USAGE);
    free(path);
}

/* Numbers are split in two or three parts. */
static void test_split_parts(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    char *path = in_folder("parts.fscnn");
    struct fscnn_model *model = make_model(path);
    for (int parts = -1; parts <= 5; parts++) {
        model->plan.steps[1].split_parts = parts;
        const bool right = parts == 2 || parts == 3;
        assert_int_equal(plan_check(&model->plan, &err), right ? FSCNN_OK : FSCNN_ERROR_FORMAT);
        assert_true(right || strstr(err.text, "step 1: numbers in "));
    }
    fscnn_model_free(&model);
    free(path);
}

/* Rows of the image have the pixels that loaders write: 3 channels of float32, 4 of the other types. */
static void test_image_rows(void **state) {
    (void)state;
    for (int type = 0; type < ELEM_COUNT; type++) {
        for (int channels = 3; channels <= 6; channels++) {
            struct fscnn_error err = {""};
            struct stage stages[] = {
                {.op = STAGE_LOAD, .name = "load", .type = type, .h = 4, .w = 8, .c = channels, .tensor = -1},
                {.op = STAGE_COPY, .name = "copy", .type = ELEM_F32, .h = 4, .w = 8, .c = channels, .tensor = -1},
                {.op = STAGE_OUTPUT, .name = "logits", .type = ELEM_F32, .h = 4, .w = 8, .c = channels, .tensor = -1},
            };
            for (int i = 1; i < 3; i++) {
                stages[i].num_inputs = 1;
                stages[i].inputs[0] = (struct source){SOURCE_STAGE, i - 1};
            }
            struct step step = {0, 3, 1, 3};
            const struct plan plan = {.stages = stages,
                                      .num_stages = 3,
                                      .steps = &step,
                                      .num_steps = 1,
                                      .channels = 3,
                                      .height = 4,
                                      .width = 8,
                                      .num_batch_sizes = 1,
                                      .batch_sizes = {1}};
            const bool fits = channels == (type == ELEM_F32 ? 3 : 4);
            assert_int_equal(plan_check(&plan, &err), fits ? FSCNN_OK : FSCNN_ERROR_FORMAT);
            assert_true(fits || strstr(err.text, "stage 0 (load): not the image"));
        }
    }
}

/* More than there is: refused before anything is allocated. */
static void test_too_large(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    struct fscnn_session *session;
    char *path = in_folder("large.fscnn");
    struct fscnn_model *model = make_model(path);
    const size_t arena = model->layout.arena_bytes, scratch = model->layout.scratch_bytes;
    const struct fscnn_session_options options = {.threads = 2};
    model->layout.arena_bytes = (size_t)1 << 50;
    assert_int_equal(fscnn_session_create(model, &options, &session, &err), FSCNN_ERROR_MEMORY);
    assert_null(session);
    assert_non_null(strstr(err.text, "random.pth: a session needs "));
    assert_non_null(strstr(err.text, " MB are available"));
    model->layout.arena_bytes = arena;
    model->layout.scratch_bytes = (size_t)1 << 49;
    assert_int_equal(fscnn_session_create(model, &options, &session, &err), FSCNN_ERROR_MEMORY);
    model->layout.scratch_bytes = scratch;
    assert_int_equal(fscnn_session_create(model, &options, &session, &err), FSCNN_OK);
    fscnn_session_free(&session);
    assert_int_equal(setenv("FASTSCNN_CPU", "pentium", 1), 0);
    assert_int_equal(fscnn_session_create(model, &options, &session, &err), FSCNN_ERROR_USAGE);
    assert_string_equal(err.text, "FASTSCNN_CPU=pentium is none of c, avx2, avxvnni, avx512, amx, neon");
    assert_int_equal(unsetenv("FASTSCNN_CPU"), 0);
    fscnn_model_free(&model);
    free(path);
}

/* A file that is changed in place after it was checked: results are wrong, but nothing beyond the picture is read. */
static void test_bins_changed(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    struct fscnn_model *model;
    char *path = in_folder("changed.fscnn");
    int pools = 0;
    fscnn_model_free(&(struct fscnn_model *){make_model(path)});
    assert_int_equal(fscnn_model_load(path, &model, &err), FSCNN_OK);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    for (int i = 0; i < model->plan.num_stages; i++) {
        const struct stage *s = &model->plan.stages[i];
        static const struct pool_bin wild[] = {{-100000000, 100000000, 1}, {100000000, -100000000, 1}};
        if (s->op == STAGE_POOL) {
            const long at = (long)(model->plan.data - model->file.data) + (long)s->weights;
            assert_int_equal(fseek(file, at, SEEK_SET), 0);
            for (int k = 0; k < s->h + s->w; k++) {
                assert_int_equal(fwrite(&wild[(pools + k) % 2], sizeof(wild[0]), 1, file), 1);
            }
            pools++;
        }
    }
    assert_int_equal(fclose(file), 0);
    assert_true(pools > 0);
    float *image = calloc(1, fscnn_model_input_bytes(model, FSCNN_INPUT_F32, 1));
    float *logits = calloc(1, fscnn_model_output_bytes(model, FSCNN_OUTPUT_F32, 1));
    assert_non_null(image);
    assert_non_null(logits);
    run_model(model, image, logits);
    free(image);
    free(logits);
    fscnn_model_free(&model);
    free(path);
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
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_cut_off),      cmocka_unit_test(test_damaged_fp32),
        cmocka_unit_test(test_damaged_bf16), cmocka_unit_test(test_damaged_int8), cmocka_unit_test(test_damaged_mixed),
        cmocka_unit_test(test_version),      cmocka_unit_test(test_too_large),    cmocka_unit_test(test_bins_changed),
        cmocka_unit_test(test_load_errors),  cmocka_unit_test(test_split_parts),  cmocka_unit_test(test_image_rows),
        cmocka_unit_test(test_enums),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
