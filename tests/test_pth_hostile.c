/* Checkpoints that must be refused, each with the place and the cause: damaged ones, and programs in disguise. */
#include "testing.h"

#include <unistd.h>
#include <zip.h>

#include "base/status.h"
#include "formats/pth.h"
#include "pth_writer.h"

static const float numbers[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const struct pth_blob number_storage = {numbers, 12, 4};

/* The file has to be refused with this status and text, after its name. */
static void refuse(const void *data, size_t size, enum fscnn_status expected, const char *text) {
    struct checkpoint checkpoint;
    struct fscnn_error err = {""};
    enum fscnn_status status = checkpoint_parse(data, size, "model.pth", &checkpoint, &err);
    if (status == FSCNN_OK || !strstr(err.text, text) || strncmp(err.text, "model.pth: ", 11) != 0) {
        fail_msg("'%s' does not say '%s'", err.text, text);
    }
    assert_int_equal(status, expected);
    assert_null(checkpoint.tensors);
}

/* Wraps a pickle that needs no storage into an archive. */
static void refuse_zipped(const struct blob *object, enum fscnn_status expected, const char *text) {
    struct pth_parts parts = {.object = *object};
    struct blob file;
    pth_write_zip(&parts, "model", &file);
    refuse(file.data, file.size, expected, text);
    blob_free(&file);
}

/* Wraps a pickle that has tensors into both layouts. */
static void refuse_object(const struct blob *object, enum fscnn_status expected, const char *text) {
    struct pth_parts parts = {.object = *object, .storages = &number_storage, .num_storages = 1};
    struct blob file;
    pth_write_zip(&parts, "model", &file);
    refuse(file.data, file.size, expected, text);
    blob_free(&file);
    pth_write_legacy(&parts, &file);
    refuse(file.data, file.size, expected, text);
    blob_free(&file);
}

/* -------------------------------------------------------------------------------------- programs ---- */

static void runs_nothing(void **state) {
    (void)state;
    static const struct {
        const char *module, *name;
    } globals[] = {
        {"os", "system"},
        {"posix", "system"},
        {"nt", "system"},
        {"builtins", "eval"},
        {"builtins", "exec"},
        {"builtins", "getattr"},
        {"__builtin__", "apply"},
        {"subprocess", "Popen"},
        {"torch", "load"},
        {"torch.hub", "load"},
        {"runpy", "run_path"},
        {"torch.storage", "_load_from_bytes"},
        {"importlib", "import_module"},
        {"collections", "os.system"},
        {"", "system"},
    };
    char marker[] = "/tmp/fastscnn_pickle_XXXXXX", command[64];
    assert_non_null(mkdtemp(marker));
    snprintf(command, sizeof(command), "rmdir %s", marker);
    for (size_t i = 0; i < ARRAY_SIZE(globals); i++) {
        char text[128];
        struct blob lines = {0}, stack = {0};
        snprintf(text, sizeof(text), " +2: global %s.%s refused", globals[i].module, globals[i].name);
        pickle_start(&lines);
        pickle_global(&lines, globals[i].module, globals[i].name);
        blob_u8(&lines, '(');
        pickle_text(&lines, command);
        blob_put(&lines, "tR.", 3);
        refuse_zipped(&lines, FSCNN_ERROR_UNSUPPORTED, text);
        blob_free(&lines);

        snprintf(text, sizeof(text), ": global %s.%s refused", globals[i].module, globals[i].name);
        blob_put(&stack, "\x80\x04", 2);
        pickle_text(&stack, globals[i].module);
        pickle_text(&stack, globals[i].name);
        blob_u8(&stack, 0x93);
        blob_put(&stack, ".", 1);
        refuse_object(&stack, FSCNN_ERROR_UNSUPPORTED, text);
        blob_free(&stack);
    }
    assert_int_equal(rmdir(marker), 0); /* it is still there */
}

#define PICKLE(opcodes) opcodes, sizeof(opcodes) - 1

static void refuses_programs_that_make_no_sense(void **state) {
    (void)state;
    static const struct {
        const char *opcodes;
        size_t size;
        enum fscnn_status status;
        const char *text;
    } cases[] = {
        {PICKLE(""), FSCNN_ERROR_FORMAT, "cut short"},
        {PICKLE("\x80\x02N"), FSCNN_ERROR_FORMAT, "cut short"},
        {PICKLE("\x80\x09N."), FSCNN_ERROR_UNSUPPORTED, "protocol 9 refused"},
        {PICKLE("."), FSCNN_ERROR_FORMAT, "takes a value from an empty stack"},
        {PICKLE("(."), FSCNN_ERROR_FORMAT, "takes a value from an empty stack"},
        {PICKLE("N(0."), FSCNN_ERROR_FORMAT, "takes a value from an empty stack"},
        {PICKLE("N(\x85."), FSCNN_ERROR_FORMAT, "takes a value from an empty stack"},
        {PICKLE("Nt."), FSCNN_ERROR_FORMAT, "no mark to go back to"},
        {PICKLE("1."), FSCNN_ERROR_FORMAT, "no mark to go back to"},
        {PICKLE("u."), FSCNN_ERROR_FORMAT, "no mark to go back to"},
        {PICKLE("e."), FSCNN_ERROR_FORMAT, "no mark to go back to"},
        {PICKLE("\x90."), FSCNN_ERROR_FORMAT, "no mark to go back to"},
        {PICKLE("}(Nu."), FSCNN_ERROR_FORMAT, "a key that has no value"},
        {PICKLE("(Nd."), FSCNN_ERROR_FORMAT, "a key that has no value"},
        {PICKLE("NNNs."), FSCNN_ERROR_FORMAT, "items set in None"},
        {PICKLE("](NNu."), FSCNN_ERROR_FORMAT, "items set in a list"},
        {PICKLE("}Na."), FSCNN_ERROR_FORMAT, "values appended to a dict"},
        {PICKLE("](N\x90."), FSCNN_ERROR_FORMAT, "members added to a list"},
        {PICKLE("NNR."), FSCNN_ERROR_FORMAT, "None called with None"},
        {PICKLE("ccollections\nOrderedDict\nNR."), FSCNN_ERROR_FORMAT, "a global called with None"},
        {PICKLE("K\x01)\x81."), FSCNN_ERROR_FORMAT, "an int called with a tuple"},
        {PICKLE("NNb."), FSCNN_ERROR_FORMAT, "state given to None"},
        {PICKLE("NN\x93."), FSCNN_ERROR_FORMAT, "a global is named by None and None"},
        {PICKLE("h\x05."), FSCNN_ERROR_FORMAT, "memo index 5 is empty"},
        {PICKLE("Nq\x02h\x01."), FSCNN_ERROR_FORMAT, "memo index 1 is empty"},
        {PICKLE("Nr\xff\xff\xff\x7f."), FSCNN_ERROR_MEMORY, "pickle memo of more than 4194304 entries"},
        {PICKLE("Nr\xff\xff\x3f\0."), FSCNN_ERROR_FORMAT, "memo index 4194303 follows 0 entries"},
        {PICKLE("Np99999999999999999999\n."), FSCNN_ERROR_FORMAT, "cut short or damaged"},
        {PICKLE("g-1\n."), FSCNN_ERROR_FORMAT, "cut short or damaged"},
        {PICKLE("I1x\n."), FSCNN_ERROR_FORMAT, "'1x' is not a number"},
        {PICKLE("X\xff\xff\xff\xff..."), FSCNN_ERROR_FORMAT, "cut short or damaged"},
        {PICKLE("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), FSCNN_ERROR_FORMAT, "cut short or damaged"},
        {PICKLE("\x8b\xff\xff\xff\xff."), FSCNN_ERROR_FORMAT, "cut short or damaged"},
        {PICKLE("Pmodule\n."), FSCNN_ERROR_UNSUPPORTED, "opcode PERSID refused"},
        {PICKLE("(ios\nsystem\n."), FSCNN_ERROR_UNSUPPORTED, "opcode INST refused"},
        {PICKLE("\x82\x01."), FSCNN_ERROR_UNSUPPORTED, "opcode EXT1 refused"},
        {PICKLE("\x97."), FSCNN_ERROR_UNSUPPORTED, "opcode NEXT_BUFFER refused"},
        {PICKLE("\xee."), FSCNN_ERROR_FORMAT, "0xee is no pickle opcode"},
        {PICKLE("NQ."), FSCNN_ERROR_FORMAT, "a persistent id is not ('storage', type, key, location"},
        {PICKLE("N."), FSCNN_ERROR_FORMAT, "holds None, not a state_dict"},
        {PICKLE("]."), FSCNN_ERROR_FORMAT, "holds a list, not a state_dict"},
        {PICKLE("}."), FSCNN_ERROR_FORMAT, "no tensors in it"},
        {PICKLE("}q\x00X\x0a\0\0\0state_dicth\x00s."), FSCNN_ERROR_FORMAT, "no tensors in it"}, /* in itself */
        {PICKLE("}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n)Rs."), FSCNN_ERROR_FORMAT,
         "w: a tensor is not (storage, offset, sizes, strides, ...)"},
        {PICKLE("}X\1\0\0\0wctorch._utils\n_rebuild_parameter\n)Rs."), FSCNN_ERROR_FORMAT,
         "w: not a well-formed tensor"},
        {PICKLE("}X\1\0\0\0\nctorch._utils\n_rebuild_parameter\n)Rs."), FSCNN_ERROR_FORMAT, "not printable"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct blob object = {0};
        blob_put(&object, cases[i].opcodes, cases[i].size);
        refuse_zipped(&object, cases[i].status, cases[i].text);
        blob_free(&object);
    }
}

static void repeat(struct blob *blob, const char *opcodes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        blob_put(blob, opcodes, strlen(opcodes));
    }
}

/* What would overflow a recursive reader's stack, or memory. */
static void bounds_depth_and_memory(void **state) {
    (void)state;
    enum { DEEP = 300000, MANY = 3000000 };
    struct blob object = {0};
    repeat(&object, "]", DEEP);
    repeat(&object, "a", DEEP - 1);
    blob_u8(&object, '.');
    refuse_zipped(&object, FSCNN_ERROR_FORMAT, "holds a list, not a state_dict");
    object.size = 0;
    repeat(&object, "(", MANY);
    refuse_zipped(&object, FSCNN_ERROR_MEMORY, "open marks");
    object.size = 0;
    repeat(&object, "N", MANY);
    refuse_zipped(&object, FSCNN_ERROR_MEMORY, "pickle stack deeper than");
    object.size = 0;
    repeat(&object, "]0", 2 * MANY);
    refuse_zipped(&object, FSCNN_ERROR_MEMORY, "pickle needs more than");
    object.size = 0;
    blob_u8(&object, 'N');
    repeat(&object, "\x94", 2 * MANY);
    refuse_zipped(&object, FSCNN_ERROR_MEMORY, "pickle memo of more than 4194304 entries");
    object.size = 0;
    pickle_start(&object); /* one dict, in a dict under many keys */
    repeat(&object, "}q", 1);
    blob_u8(&object, 0);
    blob_u8(&object, '(');
    repeat(&object, "VK\nK\1", 1000);
    repeat(&object, "u0}(", 1);
    for (int i = 0; i < 2000; i++) {
        blob_put(&object, "VK\nh\0", 5);
    }
    blob_put(&object, "u.", 2);
    refuse_zipped(&object, FSCNN_ERROR_UNSUPPORTED, "too many dicts to look for a state_dict in");
    blob_free(&object);
}

/* --------------------------------------------------------------------------------------- tensors ---- */

static void refuse_view(const struct pth_view *view, enum fscnn_status expected, const char *text) {
    struct blob object = {0};
    pickle_start(&object);
    pickle_dict_start(&object, true);
    pickle_text(&object, "w");
    pickle_tensor(&object, view);
    pickle_dict_end(&object);
    pickle_stop(&object);
    refuse_object(&object, expected, text);
    blob_free(&object);
}

static void refuses_views_beyond_their_storage(void **state) {
    (void)state;
    static const char beyond[] = "w: its view reaches beyond storage '0' of 12 elements";
    const struct pth_view good = {.dtype = DTYPE_F32, .storage_count = 12, .rank = 1, .shape = {12}};
    struct pth_view view = good;
    view.offset = 1;
    refuse_view(&view, FSCNN_ERROR_FORMAT, beyond);
    view.offset = INT64_MAX;
    refuse_view(&view, FSCNN_ERROR_FORMAT, beyond);
    view.offset = -1;
    refuse_view(&view, FSCNN_ERROR_FORMAT, "w: offset, size or stride is negative");
    view = good;
    view.shape[0] = -12;
    refuse_view(&view, FSCNN_ERROR_FORMAT, "w: offset, size or stride is negative");
    view = good;
    view.strides = (const int64_t[]){-1};
    refuse_view(&view, FSCNN_ERROR_FORMAT, "w: offset, size or stride is negative");
    view.strides = (const int64_t[]){2};
    refuse_view(&view, FSCNN_ERROR_FORMAT, beyond);
    view.strides = (const int64_t[]){INT64_MAX};
    refuse_view(&view, FSCNN_ERROR_FORMAT, beyond);
    view = (struct pth_view){.dtype = DTYPE_F32,
                             .storage_count = 12,
                             .rank = 3,
                             .shape = {INT64_MAX / 2, INT64_MAX / 2, 4},
                             .strides = (const int64_t[]){0, 0, 0}};
    refuse_view(&view, FSCNN_ERROR_FORMAT, beyond);
    view.shape[2] = 0; /* empty, but its size still overflows */
    refuse_view(&view, FSCNN_ERROR_FORMAT, beyond);
    view = good;
    view.rank = 2;
    view.shape[0] = 1 << 20;
    view.shape[1] = 1 << 20;
    view.strides = (const int64_t[]){0, 0};
    refuse_view(&view, FSCNN_ERROR_MEMORY, "w: 1099511627776 elements need more memory than a file of this size may");
}

static void refuses_storages_of_other_sizes(void **state) {
    (void)state;
    struct blob object = {0};
    struct pth_view view = {.dtype = DTYPE_F32, .storage_count = 13, .rank = 1, .shape = {12}};
    struct checkpoint checkpoint;
    struct fscnn_error err;
    pickle_start(&object);
    pickle_dict_start(&object, true);
    pickle_text(&object, "w");
    pickle_tensor(&object, &view);
    pickle_dict_end(&object);
    pickle_stop(&object);
    struct pth_parts parts = {.object = object, .storages = &number_storage, .num_storages = 1};
    struct blob file;
    pth_write_zip(&parts, "model", &file);
    refuse(file.data, file.size, FSCNN_ERROR_FORMAT, "w: entry model/data/0 is 48 bytes long, 52 expected");
    blob_free(&file);
    pth_write_legacy(&parts, &file);
    refuse(file.data, file.size, FSCNN_ERROR_FORMAT, "has 12 elements, 13 expected");
    assert_int_equal(checkpoint_parse(file.data, file.size, "x", &checkpoint, NULL), FSCNN_ERROR_FORMAT);
    blob_free(&file);
    parts.num_storages = 0;
    pth_write_zip(&parts, "model", &file);
    refuse(file.data, file.size, FSCNN_ERROR_FORMAT, "w: entry model/data/0 is missing");
    blob_free(&file);
    pth_write_legacy(&parts, &file);
    refuse(file.data, file.size, FSCNN_ERROR_FORMAT, "w: storage '0' is not in the file");
    assert_int_equal(checkpoint_parse(file.data, file.size, "x", &checkpoint, &err), FSCNN_ERROR_FORMAT);
    blob_free(&file);
    blob_free(&object);

    view.storage_count = -1;
    refuse_view(&view, FSCNN_ERROR_FORMAT, "storage '0' has an impossible number of elements");
    view.storage_count = INT64_MAX;
    refuse_view(&view, FSCNN_ERROR_FORMAT, "storage '0' has an impossible number of elements");
}

static void refuses_doubtful_names(void **state) {
    (void)state;
    struct pth_view view = {.dtype = DTYPE_F32, .storage_count = 12, .rank = 1, .shape = {12}};
    struct blob object = {0};
    pickle_start(&object);
    pickle_dict_start(&object, true);
    pickle_text(&object, "module.w");
    pickle_tensor(&object, &view);
    pickle_text(&object, "w");
    pickle_tensor(&object, &view);
    pickle_dict_end(&object);
    pickle_stop(&object);
    refuse_object(&object, FSCNN_ERROR_FORMAT, "two tensors are called w");

    object.size = 0; /* two networks, neither under a usual key */
    pickle_start(&object);
    pickle_dict_start(&object, false);
    for (int i = 0; i < 2; i++) {
        pickle_text(&object, i ? "teacher" : "student");
        pickle_dict_start(&object, false);
        pickle_text(&object, "w");
        pickle_tensor(&object, &view);
        pickle_dict_end(&object);
    }
    pickle_dict_end(&object);
    pickle_stop(&object);
    refuse_object(&object, FSCNN_ERROR_FORMAT, "tensors both under 'student' and under 'teacher'");

    object.size = 0; /* one storage, two sizes */
    pickle_start(&object);
    pickle_dict_start(&object, false);
    pickle_text(&object, "w");
    pickle_tensor(&object, &view);
    view.storage_count = 11;
    pickle_text(&object, "v");
    pickle_tensor(&object, &view);
    pickle_dict_end(&object);
    pickle_stop(&object);
    refuse_object(&object, FSCNN_ERROR_FORMAT, "storage '0' is 44 bytes here, 48 bytes at +");
    blob_free(&object);
}

/* ------------------------------------------------------------------------------------ containers ---- */

static void put_good_object(struct blob *object) {
    struct pth_view view = {.dtype = DTYPE_F32, .storage_count = 12, .rank = 1, .shape = {12}};
    pickle_start(object);
    pickle_dict_start(object, true);
    pickle_text(object, "w");
    pickle_tensor(object, &view);
    pickle_dict_end(object);
    pickle_stop(object);
}

/* A zip archive of the good object and one more entry. */
static void refuse_with_entry(const char *name, const char *text_of_it, enum fscnn_status expected, const char *text) {
    struct archive_writer zip = {0};
    struct blob object = {0};
    put_good_object(&object);
    archive_add(&zip, "model/data.pkl", object.data, object.size);
    archive_add(&zip, "model/data/0", numbers, sizeof(numbers));
    archive_add(&zip, name, text_of_it, strlen(text_of_it));
    archive_finish(&zip);
    refuse(zip.out.data, zip.out.size, expected, text);
    blob_free(&zip.out);
    blob_free(&object);
}

static void refuses_doubtful_archives(void **state) {
    (void)state;
    refuse_with_entry("model/byteorder", "big", FSCNN_ERROR_UNSUPPORTED, "byteorder 'big' refused");
    refuse_with_entry("model/data/0", "", FSCNN_ERROR_FORMAT, "entry model/data/0 occurs twice");
    refuse_with_entry("other/data.pkl", "N.", FSCNN_ERROR_FORMAT, "both model/data.pkl and other/data.pkl in it");
    refuse_with_entry("model/constants.pkl", ")", FSCNN_ERROR_UNSUPPORTED, "a TorchScript archive");
    struct archive_writer zip = {0};
    archive_add(&zip, "word/document.xml", "<w/>", 4);
    archive_finish(&zip);
    refuse(zip.out.data, zip.out.size, FSCNN_ERROR_FORMAT, "a zip archive without data.pkl is no PyTorch checkpoint");
    blob_free(&zip.out);
    refuse("PK\3\4", 4, FSCNN_ERROR_FORMAT, "the zip archive is damaged or cut off (");
    refuse("hello", 5, FSCNN_ERROR_FORMAT, "not a PyTorch checkpoint");
    refuse("", 0, FSCNN_ERROR_FORMAT, "not a PyTorch checkpoint");
}

/* An entry's data is changed where its checksum is not. */
static void compares_checksums(void **state) {
    (void)state;
    struct blob object = {0}, file;
    put_good_object(&object);
    struct pth_parts parts = {.object = object, .storages = &number_storage, .num_storages = 1};
    pth_write_zip(&parts, "model", &file);
    uint8_t *at = memmem(file.data, file.size, numbers, sizeof(numbers));
    assert_non_null(at);
    at[5] ^= 1;
    refuse(file.data, file.size, FSCNN_ERROR_FORMAT, "w: entry model/data/0: CRC error");
    blob_free(&file);
    blob_free(&object);
}

/* A storage of zeros that deflates to nothing, but is more than a file of that size may become. */
static void refuses_bombs(void **state) {
    (void)state;
    enum { CLAIMED = 200 << 20 };
    struct blob object = {0};
    struct pth_view view = {.dtype = DTYPE_U8, .storage_count = CLAIMED, .rank = 1, .shape = {CLAIMED}};
    pickle_start(&object);
    pickle_dict_start(&object, true);
    pickle_text(&object, "w");
    pickle_tensor(&object, &view);
    pickle_dict_end(&object);
    pickle_stop(&object);
    void *zeros = calloc(1, CLAIMED);
    zip_error_t error;
    zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, &error);
    assert_non_null(zeros);
    zip_source_keep(target);
    zip_t *zip = zip_open_from_source(target, ZIP_TRUNCATE, &error);
    assert_non_null(zip);
    zip_file_add(zip, "model/data.pkl", zip_source_buffer(zip, object.data, object.size, 0), 0);
    zip_int64_t index = zip_file_add(zip, "model/data/0", zip_source_buffer(zip, zeros, CLAIMED, 0), 0);
    zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_DEFLATE, 1);
    assert_int_equal(zip_close(zip), 0);
    assert_int_equal(zip_source_open(target), 0);
    assert_int_equal(zip_source_seek(target, 0, SEEK_END), 0);
    size_t size = (size_t)zip_source_tell(target);
    uint8_t *file = malloc(size);
    assert_non_null(file);
    zip_source_seek(target, 0, SEEK_SET);
    assert_int_equal(zip_source_read(target, file, size), size);
    zip_source_close(target);
    zip_source_free(target);
    refuse(file, size, FSCNN_ERROR_MEMORY,
           "entry model/data/0 claims 209715200 bytes, too many for a file of this size");
    free(file);
    free(zeros);
    blob_free(&object);
}

/* ------------------------------------------------------------------------------- damage everywhere ---- */

static void *read_fixture(const char *name, size_t *size) {
    char path[128];
    snprintf(path, sizeof(path), "tests/data/pth/%s.pth", name);
    struct file_map map;
    struct fscnn_error err;
    assert_int_equal(file_map_open(source_path(path), &map, &err), FSCNN_OK);
    void *copy = malloc(map.size);
    assert_non_null(copy);
    memcpy(copy, map.data, map.size);
    *size = map.size;
    file_map_close(&map);
    return copy;
}

/* Whatever comes, it is a checkpoint or an error with the file's name; sanitizers see the rest. */
static bool survives(const uint8_t *data, size_t size) {
    struct checkpoint checkpoint;
    struct fscnn_error err = {""};
    uint8_t *copy = malloc(size ? size : 1); /* of the exact size, so that a sanitizer sees its end */
    assert_non_null(copy);
    memcpy(copy, data, size);
    enum fscnn_status status = checkpoint_parse(copy, size, "x.pth", &checkpoint, &err);
    free(copy);
    if (status == FSCNN_OK) {
        for (int i = 0; i < checkpoint.num_tensors; i++) {
            const struct tensor *tensor = &checkpoint.tensors[i];
            size_t count = tensor_count(tensor);
            if (count) {
                tensor_get_double(tensor, 0);
                tensor_get_double(tensor, count - 1);
            }
        }
        checkpoint_close(&checkpoint);
        return true;
    }
    assert_int_equal(strncmp(err.text, "x.pth: ", 7), 0);
    assert_true(status == FSCNN_ERROR_FORMAT || status == FSCNN_ERROR_UNSUPPORTED || status == FSCNN_ERROR_MEMORY);
    return false;
}

static const char *const damaged[] = {"zip_views",     "legacy_views", "zip_plain",
                                      "legacy_nested", "zip_deflated", "legacy_protocol4"};

static void survives_truncation(void **state) {
    (void)state;
    for (size_t f = 0; f < ARRAY_SIZE(damaged); f++) {
        size_t size;
        uint8_t *file = read_fixture(damaged[f], &size);
        assert_true(survives(file, size));
        for (size_t length = 0; length < size; length++) {
            if (survives(file, length)) {
                fail_msg("%s: read although cut to %zu of %zu bytes", damaged[f], length, size);
            }
        }
        free(file);
    }
}

static void survives_changed_bytes(void **state) {
    (void)state;
    static const uint8_t patterns[] = {0x01, 0x80, 0xff, 0x2e};
    for (size_t f = 0; f < ARRAY_SIZE(damaged); f++) {
        size_t size;
        uint8_t *file = read_fixture(damaged[f], &size);
        for (size_t at = 0; at < size; at++) {
            for (size_t p = 0; p < ARRAY_SIZE(patterns); p++) {
                file[at] ^= patterns[p];
                survives(file, size);
                file[at] ^= patterns[p];
            }
        }
        free(file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_nothing),
        cmocka_unit_test(refuses_programs_that_make_no_sense),
        cmocka_unit_test(bounds_depth_and_memory),
        cmocka_unit_test(refuses_views_beyond_their_storage),
        cmocka_unit_test(refuses_storages_of_other_sizes),
        cmocka_unit_test(refuses_doubtful_names),
        cmocka_unit_test(refuses_doubtful_archives),
        cmocka_unit_test(compares_checksums),
        cmocka_unit_test(refuses_bombs),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(survives_changed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
