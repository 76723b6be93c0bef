/* Checkpoints that must be read: those that PyTorch wrote (data/pth), and those that torch versions and training
 * scripts differ in. */
#include "testing.h"

#include "base/status.h"
#include "formats/pth.h"
#include "pth_writer.h"

static uint64_t fnv1a(const void *data, size_t size) {
    const uint8_t *p = data;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ p[i]) * 0x100000001b3u;
    }
    return hash;
}

static void parse(const struct blob *file, struct checkpoint *out) {
    struct fscnn_error err = {""};
    enum fscnn_status status = checkpoint_parse(file->data, file->size, "model.pth", out, &err);
    if (status != FSCNN_OK) {
        fail_msg("%s", err.text);
    }
}

/* ---------------------------------------------------------------------- what PyTorch itself wrote ---- */

/* Compares with the lines "name type [shape] hash" beside the checkpoint. */
static void check_fixture(const char *name) {
    char path[256], line[256], actual[512], shape[128];
    struct checkpoint checkpoint;
    struct fscnn_error err = {""};
    snprintf(path, sizeof(path), "tests/data/pth/%s.pth", name);
    if (checkpoint_open(source_path(path), &checkpoint, &err) != FSCNN_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(strncmp(name, checkpoint.container, strlen(checkpoint.container)), 0);
    snprintf(path, sizeof(path), "tests/data/pth/%s.txt", name);
    FILE *expected = fopen(source_path(path), "r");
    assert_non_null(expected);
    int count = 0;
    for (; fgets(line, sizeof(line), expected); count++) {
        assert_in_range(count, 0, checkpoint.num_tensors - 1);
        const struct tensor *tensor = &checkpoint.tensors[count];
        size_t bytes = tensor_count(tensor) * dtype_size(tensor->dtype);
        snprintf(actual, sizeof(actual), "%s %s %s %016llx\n", tensor->name, dtype_name(tensor->dtype),
                 tensor_shape_text(tensor, shape, sizeof(shape)), (unsigned long long)fnv1a(tensor->data, bytes));
        assert_string_equal(actual, line);
    }
    assert_int_equal(count, checkpoint.num_tensors);
    fclose(expected);
    checkpoint_close(&checkpoint);
}

static void reads_what_torch_writes(void **state) {
    (void)state;
    static const char *const names[] = {"plain", "protocol4", "parameters", "dtypes", "views", "nested", "cuda"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char name[64];
        snprintf(name, sizeof(name), "zip_%s", names[i]);
        check_fixture(name);
        snprintf(name, sizeof(name), "legacy_%s", names[i]);
        check_fixture(name);
    }
    check_fixture("zip_deflated");
}

static void explains_what_is_no_state_dict(void **state) {
    (void)state;
    struct checkpoint checkpoint;
    struct fscnn_error err;
    assert_int_equal(checkpoint_open(source_path("tests/data/pth/zip_whole_model.pth"), &checkpoint, &err),
                     FSCNN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "global torch.nn.modules.container.Sequential refused (a whole model was pickled: "
                                     "save model.state_dict() instead)"));
    assert_int_equal(checkpoint_open(source_path("tests/data/pth/torchscript.pth"), &checkpoint, &err),
                     FSCNN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "a TorchScript archive: save model.state_dict() with torch.save instead"));
    assert_int_equal(checkpoint_open(source_path("tests/no_such.pth"), &checkpoint, &err), FSCNN_ERROR_IO);
}

/* -------------------------------------------------------------------- what scripts and versions vary ---- */

static const float numbers[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const struct pth_blob number_storage = {numbers, 12, 4};

static struct pth_view number_view(bool legacy) {
    return (struct pth_view){.dtype = DTYPE_F32, .storage_count = 12, .rank = 1, .shape = {12}, .legacy = legacy};
}

static void write_file(struct blob *object, bool legacy, struct blob *out) {
    struct pth_parts parts = {.object = *object, .storages = &number_storage, .num_storages = 1};
    if (legacy) {
        pth_write_legacy(&parts, out);
    } else {
        pth_write_zip(&parts, "any name", out);
    }
    blob_free(object);
}

/* Parses a file that holds the object in both layouts, and checks that tensor "w" is elements from..from+count. */
static void check_object(void (*put)(struct blob *object, bool legacy), int from, int count) {
    for (int legacy = 0; legacy < 2; legacy++) {
        struct blob object = {0}, file;
        struct checkpoint checkpoint;
        pickle_start(&object);
        put(&object, legacy);
        pickle_stop(&object);
        write_file(&object, legacy, &file);
        parse(&file, &checkpoint);
        blob_free(&file);
        const struct tensor *w = checkpoint_find(&checkpoint, "w");
        assert_non_null(w);
        assert_int_equal(tensor_count(w), count);
        for (int i = 0; i < count; i++) {
            assert_true(tensor_get_double(w, (size_t)i) == from + i);
        }
        assert_null(checkpoint_find(&checkpoint, "v"));
        checkpoint_close(&checkpoint);
    }
}

static void put_named(struct blob *object, const char *name, bool legacy) {
    struct pth_view view = number_view(legacy);
    pickle_dict_start(object, true);
    pickle_text(object, name);
    pickle_tensor(object, &view);
    pickle_dict_end(object);
}

static void put_prefixed(struct blob *object, bool legacy) { put_named(object, "module.model._orig_mod.w", legacy); }

static void put_nested_twice(struct blob *object, bool legacy) {
    pickle_dict_start(object, false);
    pickle_text(object, "epoch");
    pickle_int(object, 90000);
    pickle_text(object, "model");
    pickle_dict_start(object, false);
    pickle_text(object, "state_dict");
    put_named(object, "w", legacy);
    pickle_dict_end(object);
    pickle_dict_end(object);
}

static void put_unusual_key(struct blob *object, bool legacy) {
    pickle_dict_start(object, false);
    pickle_text(object, "student");
    put_named(object, "w", legacy);
    pickle_text(object, "meta");
    pickle_dict_start(object, false);
    pickle_text(object, "v");
    pickle_int(object, 1);
    pickle_dict_end(object);
    pickle_dict_end(object);
}

static void put_metadata(struct blob *object, bool legacy) {
    put_named(object, "w", legacy);
    pickle_dict_start(object, false);
    pickle_text(object, "_metadata");
    pickle_dict_start(object, true);
    pickle_dict_end(object);
    pickle_dict_end(object);
    blob_u8(object, 'b');
}

/* Python 2: OrderedDict([[key, value]]). */
static void put_pair_list(struct blob *object, bool legacy) {
    struct pth_view view = number_view(legacy);
    pickle_global(object, "collections", "OrderedDict");
    blob_put(object, "(](](", 5);
    pickle_text(object, "w");
    pickle_tensor(object, &view);
    blob_put(object, "e", 1);   /* the pair is complete, */
    blob_put(object, "etR", 3); /* and so is the list of pairs: call */
}

/* An entry that is no tensor, and an integer for a key, beside the tensor. */
static void put_with_others(struct blob *object, bool legacy) {
    struct pth_view view = number_view(legacy);
    pickle_dict_start(object, false);
    pickle_text(object, "v");
    pickle_text(object, "text");
    pickle_int(object, 3);
    pickle_tensor(object, &view);
    pickle_text(object, "w");
    pickle_tensor(object, &view);
    pickle_dict_end(object);
}

/* torch 0.3: _rebuild_tensor(storage, offset, torch.Size, stride). */
static void put_version1(struct blob *object, bool legacy) {
    struct pth_view view = number_view(legacy);
    int64_t shape[] = {2, 3}, strides[] = {3, 1};
    pickle_dict_start(object, false);
    pickle_text(object, "w");
    pickle_global(object, "torch._utils", "_rebuild_tensor");
    blob_u8(object, '(');
    pickle_storage(object, &view);
    pickle_int(object, 4);
    pickle_global(object, "torch", "Size");
    pickle_ints(object, shape, 2);
    blob_put(object, "\x85R", 2);
    pickle_ints(object, strides, 2);
    blob_put(object, "tR", 2);
    pickle_dict_end(object);
}

/* torch 2: an element type of its own over a storage without one. */
static void put_version3(struct blob *object) {
    int64_t shape[] = {3}, strides[] = {1};
    pickle_dict_start(object, false);
    pickle_text(object, "w");
    pickle_global(object, "torch._utils", "_rebuild_tensor_v3");
    blob_u8(object, '(');
    blob_u8(object, '(');
    pickle_text(object, "storage");
    pickle_global(object, "torch.storage", "UntypedStorage");
    pickle_text(object, "0");
    pickle_text(object, "cpu");
    pickle_int(object, 48); /* bytes */
    blob_put(object, "tQ", 2);
    pickle_int(object, 8);
    pickle_ints(object, shape, 1);
    pickle_ints(object, strides, 1);
    pickle_bool(object, false);
    pickle_none(object);
    pickle_global(object, "torch", "float32");
    blob_put(object, "tR", 2);
    pickle_dict_end(object);
}

/* Parameter(tensor, True) and _rebuild_from_type_v2(function, type, arguments, state), one in the other. */
static void put_wrapped(struct blob *object, bool legacy) {
    struct pth_view view = number_view(legacy);
    pickle_dict_start(object, false);
    pickle_text(object, "w");
    pickle_global(object, "torch._tensor", "_rebuild_from_type_v2");
    blob_u8(object, '(');
    pickle_global(object, "torch.nn.parameter", "Parameter");
    pickle_global(object, "torch.nn.parameter", "Parameter");
    blob_u8(object, '(');
    pickle_tensor(object, &view);
    pickle_bool(object, true);
    blob_u8(object, 't');
    pickle_dict_start(object, false);
    pickle_dict_end(object);
    blob_put(object, "tR", 2);
    pickle_dict_end(object);
}

static void reads_what_scripts_vary(void **state) {
    (void)state;
    check_object(put_prefixed, 0, 12);
    check_object(put_nested_twice, 0, 12);
    check_object(put_unusual_key, 0, 12);
    check_object(put_metadata, 0, 12);
    check_object(put_pair_list, 0, 12);
    check_object(put_with_others, 0, 12);
}

static void reads_what_versions_vary(void **state) {
    (void)state;
    check_object(put_version1, 4, 6);
    check_object(put_wrapped, 0, 12);
    struct blob object = {0}, file;
    struct checkpoint checkpoint;
    pickle_start(&object);
    put_version3(&object);
    pickle_stop(&object);
    write_file(&object, false, &file);
    parse(&file, &checkpoint);
    assert_int_equal(tensor_count(&checkpoint.tensors[0]), 3);
    assert_true(tensor_get_double(&checkpoint.tensors[0], 0) == 8);
    blob_free(&file);
    checkpoint_close(&checkpoint);
}

static void counts_what_is_no_tensor(void **state) {
    (void)state;
    struct blob object = {0}, file;
    struct checkpoint checkpoint;
    pickle_start(&object);
    put_with_others(&object, false);
    pickle_stop(&object);
    write_file(&object, false, &file);
    parse(&file, &checkpoint);
    assert_int_equal(checkpoint.num_tensors, 1);
    assert_int_equal(checkpoint.num_others, 2);
    blob_free(&file);
    checkpoint_close(&checkpoint);
}

/* The sixth field of old files: (key, first element, elements) of the storage. */
static void reads_views_of_storages(void **state) {
    (void)state;
    struct blob object = {0}, file;
    struct checkpoint checkpoint;
    int64_t shape[] = {2}, strides[] = {3};
    pickle_start(&object);
    pickle_dict_start(&object, false);
    pickle_text(&object, "w");
    pickle_global(&object, "torch._utils", "_rebuild_tensor_v2");
    blob_put(&object, "((", 2);
    pickle_text(&object, "storage");
    pickle_global(&object, "torch", "FloatStorage");
    pickle_text(&object, "0");
    pickle_text(&object, "cuda:1");
    pickle_int(&object, 12);
    blob_u8(&object, '(');
    pickle_text(&object, "view");
    pickle_int(&object, 5);
    pickle_int(&object, 5);
    blob_put(&object, "ttQ", 3);
    pickle_int(&object, 1);
    pickle_ints(&object, shape, 1);
    pickle_ints(&object, strides, 1);
    pickle_bool(&object, false);
    pickle_none(&object);
    blob_put(&object, "tR", 2);
    pickle_dict_end(&object);
    pickle_stop(&object);
    write_file(&object, true, &file);
    parse(&file, &checkpoint);
    assert_true(tensor_get_double(&checkpoint.tensors[0], 0) == 6);
    assert_true(tensor_get_double(&checkpoint.tensors[0], 1) == 9);
    blob_free(&file);
    checkpoint_close(&checkpoint);
}

static void sniffs(void **state) {
    (void)state;
    struct blob object = {0}, legacy;
    pickle_start(&object);
    put_prefixed(&object, true);
    pickle_stop(&object);
    write_file(&object, true, &legacy);
    assert_true(file_is_checkpoint(legacy.data, legacy.size));
    assert_true(file_is_checkpoint("PK\3\4....", 8));
    assert_false(file_is_checkpoint("PK\3", 3));
    assert_false(file_is_checkpoint(NULL, 0));
    assert_false(file_is_checkpoint("\x08\x06\x12\x07pytorch", 11)); /* ONNX */
    blob_free(&legacy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_torch_writes),
        cmocka_unit_test(explains_what_is_no_state_dict),
        cmocka_unit_test(reads_what_scripts_vary),
        cmocka_unit_test(reads_what_versions_vary),
        cmocka_unit_test(counts_what_is_no_tensor),
        cmocka_unit_test(reads_views_of_storages),
        cmocka_unit_test(sniffs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
