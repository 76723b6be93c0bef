/* The Cityscapes layout and preprocessing, over small data sets made here. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "folder.h"
#include "tensor/normalization.h"

enum { W = 24, H = 10 };

/* In place of the C library's: an automounter that refuses new folders does so before it looks whether one is there. */
static bool mkdir_refuses;
int mkdir(const char *path, mode_t mode) {
    errno = EACCES;
    return mkdir_refuses ? -1 : mkdirat(AT_FDCWD, path, mode);
}

/* What the log was told. */
static char log_text[4096];
static void take_line(void *user, const char *text) {
    (void)user;
    strncat(log_text, text, sizeof(log_text) - strlen(log_text) - 2);
    strcat(log_text, "\n");
}

static uint64_t reported, reports;
static void take_report(void *user, uint64_t done, uint64_t total) {
    assert_true(done > reported && done <= total);
    assert_true(pthread_equal(*(pthread_t *)user, pthread_self()));
    reported = done;
    reports++;
}

static uint8_t pixel(int seed, int i) { return (uint8_t)(seed * 37 + i * 11); }
static uint8_t label(int seed, int i) { return (uint8_t)((seed + i) % 40); } /* 34..39: no Cityscapes id */

static void write_image(const char *path, int seed, int height) {
    uint8_t rgb[3 * W * H];
    for (int i = 0; i < 3 * W * H; i++) {
        rgb[i] = pixel(seed, i);
    }
    struct fscnn_picture picture = {.width = W, .height = height, .rgb = rgb};
    assert_int_equal(fscnn_picture_write_png(path, &picture, NULL), FSCNN_OK);
}

static void write_label_file(const char *path, int seed, int height) {
    uint8_t ids[W * H];
    for (int i = 0; i < W * H; i++) {
        ids[i] = label(seed, i);
    }
    struct fscnn_labels labels = {.width = W, .height = height, .labels = ids};
    assert_int_equal(fscnn_labels_write_png(path, &labels, FSCNN_STYLE_TRAINIDS, NULL, NULL), FSCNN_OK);
}

static void add_pair(const char *city, const char *stem, int seed) {
    char path[256];
    snprintf(path, sizeof(path), "data/leftImg8bit/val/%s", city);
    assert_int_equal(folder_make(in_folder(path), NULL), FSCNN_OK);
    snprintf(path, sizeof(path), "data/leftImg8bit/val/%s/%s_leftImg8bit.png", city, stem);
    write_image(in_folder(path), seed, H);
    snprintf(path, sizeof(path), "data/gtFine/val/%s", city);
    assert_int_equal(folder_make(in_folder(path), NULL), FSCNN_OK);
    snprintf(path, sizeof(path), "data/gtFine/val/%s/%s_gtFine_labelIds.png", city, stem);
    write_label_file(in_folder(path), seed, H);
}

/* Two cities with three pictures; around them, everything that is to be passed over. */
static void make_data(void) {
    add_pair("ulm", "ulm_000000_000002", 3);
    add_pair("ulm", "ulm_000000_000001", 2);
    add_pair("aachen", "aachen_000000_000009", 1);
    write_image(in_folder("data/leftImg8bit/val/ulm/ulm_000000_000003_leftImg8bit.png"), 4, H); /* no labels */
    assert_int_equal(
        file_write(in_folder("data/leftImg8bit/val/ulm/._ulm_000000_000001_leftImg8bit.png"), "x", 1, NULL), 0);
    assert_int_equal(file_write(in_folder("data/leftImg8bit/val/._ulm"), "x", 1, NULL), 0);
    assert_int_equal(file_write(in_folder("data/leftImg8bit/val/list.txt"), "x", 1, NULL), 0);
    assert_int_equal(file_write(in_folder("data/leftImg8bit/val/ulm/notes.png"), "x", 1, NULL), 0);
    assert_int_equal(file_write(in_folder("data/leftImg8bit/val/ulm/_leftImg8bit.png"), "x", 1, NULL), 0);
}

static enum fscnn_status open_data(struct fscnn_dataset *out, struct fscnn_error *err) {
    log_text[0] = '\0';
    return fscnn_dataset_open(in_folder("data"), "val", FSCNN_LABEL_TYPE_LABEL_IDS,
                              (struct fscnn_log){.line = take_line}, out, err);
}

static void test_layout(void **state) {
    (void)state;
    struct fscnn_dataset dataset;
    make_data();
    assert_int_equal(open_data(&dataset, NULL), FSCNN_OK);
    assert_int_equal(dataset.count, 3);
    assert_int_equal(dataset.skipped, 1);
    assert_string_equal(dataset.items[0].stem, "aachen_000000_000009");
    assert_string_equal(dataset.items[1].stem, "ulm_000000_000001");
    assert_string_equal(dataset.items[2].stem, "ulm_000000_000002");
    assert_string_equal(dataset.items[1].image_path,
                        in_folder("data/leftImg8bit/val/ulm/ulm_000000_000001_leftImg8bit.png"));
    assert_string_equal(dataset.items[1].label_path,
                        in_folder("data/gtFine/val/ulm/ulm_000000_000001_gtFine_labelIds.png"));
    assert_non_null(strstr(log_text, "ulm_000000_000003_leftImg8bit.png: skipped, no label file"));
    assert_null(strchr(strchr(log_text, '\n') + 1, '\n')); /* one line */
    fscnn_dataset_free(&dataset);
    assert_int_equal(dataset.count, 0);
    assert_int_equal(
        fscnn_dataset_open(in_folder("data"), NULL, FSCNN_LABEL_TYPE_LABEL_IDS, (struct fscnn_log){0}, &dataset, NULL),
        FSCNN_OK); /* val */
    assert_int_equal(dataset.count, 3);
    fscnn_dataset_free(&dataset);
}

static void test_layout_errors(void **state) {
    (void)state;
    struct fscnn_dataset dataset;
    struct fscnn_error error;
    assert_int_equal(fscnn_dataset_open("", "val", FSCNN_LABEL_TYPE_LABEL_IDS, (struct fscnn_log){0}, &dataset, &error),
                     FSCNN_ERROR_USAGE);
    assert_int_equal(
        fscnn_dataset_open(NULL, "val", FSCNN_LABEL_TYPE_LABEL_IDS, (struct fscnn_log){0}, &dataset, &error),
        FSCNN_ERROR_USAGE);
    assert_string_equal(error.text, "no folder of a data set is named");
    assert_int_equal(fscnn_dataset_open("none\033[31m\xc2\x9b", "val", FSCNN_LABEL_TYPE_LABEL_IDS,
                                        (struct fscnn_log){0}, &dataset, &error),
                     FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "none?[31m?\x9b/leftImg8bit/val: ")); /* nothing that terminals obey */
    assert_int_equal(folder_make("", &error), FSCNN_ERROR_USAGE);
    assert_string_equal(error.text, "a folder's name is empty");
    assert_int_equal(open_data(&dataset, &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "data/leftImg8bit/val: there is no such folder; expected: "));
    assert_int_equal(folder_make(in_folder("data/leftImg8bit/val/ulm"), NULL), FSCNN_OK);
    assert_int_equal(open_data(&dataset, &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "data/gtFine/val: there is no such folder"));
    assert_int_equal(folder_make(in_folder("data/gtFine/val"), NULL), FSCNN_OK);
    assert_int_equal(open_data(&dataset, &error), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "no pictures found"));
    write_image(in_folder("data/leftImg8bit/val/ulm/a_leftImg8bit.png"), 1, H);
    assert_int_equal(open_data(&dataset, &error), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "none of the pictures has a label file"));
    add_pair("ulm", "a", 1);
    assert_int_equal(open_data(&dataset, &error), FSCNN_OK);
    fscnn_dataset_free(&dataset);
    add_pair("bonn", "a", 1); /* the results of both would have one name */
    assert_int_equal(open_data(&dataset, &error), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "a_leftImg8bit.png: the name is taken by "));
    assert_null(dataset.items);
}

static enum fscnn_status preprocess(bool force, int threads, struct fscnn_preprocess_result *result,
                                    struct fscnn_error *err) {
    pthread_t self = pthread_self();
    char input[512], output[512], sort_log[512];
    snprintf(input, sizeof(input), "%s", in_folder("data"));
    snprintf(output, sizeof(output), "%s", in_folder("out"));
    snprintf(sort_log, sizeof(sort_log), "%s", in_folder("sort.log"));
    struct fscnn_preprocess_options options = {.input_path = input,
                                               .output_path = output,
                                               .sort_log_path = sort_log,
                                               .threads = threads,
                                               .force = force,
                                               .progress = {.report = take_report, .user = &self},
                                               .log = {.line = take_line}};
    reported = reports = 0;
    log_text[0] = '\0';
    return fscnn_preprocess(&options, result, err);
}

static void assert_floats(const char *path, const float *expected, size_t count) {
    struct file_map map;
    assert_int_equal(file_map_open(path, &map, NULL), FSCNN_OK);
    assert_int_equal(map.size, count * sizeof(float));
    assert_memory_equal(map.data, expected, map.size);
    file_map_close(&map);
}

static void assert_content(const char *stem, int seed) {
    float table[3][256], image[3 * W * H], labels[W * H];
    char path[256];
    normalization_table(table);
    for (int i = 0; i < W * H; i++) {
        for (int c = 0; c < 3; c++) {
            image[c * W * H + i] = table[c][pixel(seed, 3 * i + c)];
        }
        uint8_t train_id = fscnn_train_id_of_label_id(label(seed, i));
        labels[i] = train_id == 255 ? -1.0F : train_id;
    }
    snprintf(path, sizeof(path), "out/leftImg8bit/%s_leftImg8bit.bin", stem);
    assert_floats(in_folder(path), image, 3 * W * H);
    snprintf(path, sizeof(path), "out/gtFine/%s_gtFine_labelIds.bin", stem);
    assert_floats(in_folder(path), labels, W * H);
}

/* Files in the output folders: nothing temporary may stay behind. */
static int count_outputs(void) {
    char command[256];
    snprintf(command, sizeof(command), "find '%s' -type f | wc -l", in_folder("out"));
    FILE *pipe = popen(command, "r");
    int count = -1;
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void test_preprocess(void **state) {
    (void)state;
    struct fscnn_preprocess_result result;
    make_data();
    for (int threads = 0; threads <= 3; threads++) {
        assert_int_equal(preprocess(true, threads, &result, NULL), FSCNN_OK);
        assert_int_equal(result.written, 3);
        assert_int_equal(result.up_to_date, 0);
        assert_int_equal(result.unlabelled, 1);
        assert_true(reported == 3 && reports >= 1);
        assert_non_null(strstr(log_text, "skipped"));
        assert_content("aachen_000000_000009", 1);
        assert_content("ulm_000000_000001", 2);
        assert_content("ulm_000000_000002", 3);
        assert_int_equal(count_outputs(), 6);
    }
    struct file_map map;
    assert_int_equal(file_map_open(in_folder("sort.log"), &map, NULL), FSCNN_OK);
    static const char expected[] = "aachen_000000_000009_leftImg8bit.png\nulm_000000_000001_leftImg8bit.png\n"
                                   "ulm_000000_000002_leftImg8bit.png\n";
    assert_int_equal(map.size, strlen(expected));
    assert_memory_equal(map.data, expected, map.size);
    file_map_close(&map);
}

/* Names that would read back from the log as others, or not at all. */
static void test_sort_log_names(void **state) {
    (void)state;
    static const char *const stems[] = {
        "a_leftImg8bit.png\nb", "a\rb", " a", "\ta", "a..b", "a\\b", "\357\273\277a",
    };
    for (size_t i = 0; i < ARRAY_SIZE(stems); i++) {
        struct fscnn_preprocess_result result;
        struct fscnn_error error = {""};
        char path[256];
        add_pair("ulm", stems[i], 1);
        assert_int_equal(preprocess(false, 1, &result, &error), FSCNN_ERROR_FORMAT);
        assert_non_null(strstr(error.text, "sort.log: name "));
        assert_null(strchr(error.text, '\n'));
        assert_int_not_equal(access(in_folder("out"), F_OK), 0); /* nothing was begun */
        assert_int_not_equal(access(in_folder("sort.log"), F_OK), 0);
        snprintf(path, sizeof(path), "data/leftImg8bit/val/ulm/%s_leftImg8bit.png", stems[i]);
        assert_int_equal(unlink(in_folder(path)), 0);
    }
}

static void set_age(const char *path, int seconds) {
    struct timespec now, times[2];
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    times[0] = times[1] = now;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void assert_second_run(size_t written) {
    struct fscnn_preprocess_result result;
    assert_int_equal(preprocess(false, 2, &result, NULL), FSCNN_OK);
    assert_int_equal(result.written, written);
    assert_int_equal(result.up_to_date, 3 - written);
    assert_content("aachen_000000_000009", 1);
    assert_content("ulm_000000_000001", 2);
}

static void test_second_run(void **state) {
    (void)state;
    make_data();
    assert_second_run(3);
    assert_second_run(0);
    /* Newer than what came of it, or older: another file. */
    for (int age = -100; age <= 100; age += 200) {
        set_age(in_folder("data/gtFine/val/ulm/ulm_000000_000001_gtFine_labelIds.png"), age);
        assert_second_run(1);
        assert_second_run(0);
        set_age(in_folder("data/leftImg8bit/val/aachen/aachen_000000_000009_leftImg8bit.png"), age);
        assert_second_run(1);
        assert_second_run(0);
    }
    assert_int_equal(truncate(in_folder("out/leftImg8bit/ulm_000000_000001_leftImg8bit.bin"), 100), 0);
    assert_second_run(1);
    assert_int_equal(unlink(in_folder("out/gtFine/aachen_000000_000009_gtFine_labelIds.bin")), 0);
    assert_second_run(1);
    assert_second_run(0);
}

/* Another data set of the same names and sizes, as old as an archive makes it, is not the one that was there before. */
static void test_other_data(void **state) {
    (void)state;
    struct fscnn_preprocess_result result;
    make_data();
    assert_second_run(3);
    add_pair("ulm", "ulm_000000_000002", 7);
    set_age(in_folder("data/leftImg8bit/val/ulm/ulm_000000_000002_leftImg8bit.png"), 5000);
    set_age(in_folder("data/gtFine/val/ulm/ulm_000000_000002_gtFine_labelIds.png"), 5000);
    assert_int_equal(preprocess(false, 1, &result, NULL), FSCNN_OK);
    assert_int_equal(result.written, 1);
    assert_content("ulm_000000_000002", 7);
}

static void assert_labels_as_they_are(const char *stem, int seed) {
    float labels[W * H];
    char path[256];
    for (int i = 0; i < W * H; i++) {
        labels[i] = label(seed, i);
    }
    labels[0] = -1; /* 255 there */
    snprintf(path, sizeof(path), "out/gtFine/%s_gtFine_labelIds.bin", stem);
    assert_floats(in_folder(path), labels, W * H);
}

/* The network's own classes: files of them come first, label id files may hold them, too. */
static void test_train_ids(void **state) {
    (void)state;
    struct fscnn_dataset dataset;
    struct fscnn_preprocess_result result;
    struct fscnn_log silent = {0};
    uint8_t ids[W * H];
    char input[512], output[512];
    add_pair("ulm", "a", 1);
    add_pair("ulm", "b", 2);
    for (int i = 0; i < W * H; i++) {
        ids[i] = i ? label(3, i) : 255;
    }
    struct fscnn_labels labels = {.width = W, .height = H, .labels = ids};
    assert_int_equal(fscnn_labels_write_png(in_folder("data/gtFine/val/ulm/b_gtFine_labelTrainIds.png"), &labels,
                                            FSCNN_STYLE_TRAINIDS, NULL, NULL),
                     FSCNN_OK);
    assert_int_equal(fscnn_dataset_open(in_folder("data"), "val", 2, silent, &dataset, NULL), FSCNN_ERROR_USAGE);
    assert_int_equal(fscnn_dataset_open(in_folder("data"), "val", FSCNN_LABEL_TYPE_TRAIN_IDS, silent, &dataset, NULL),
                     FSCNN_OK);
    assert_int_equal(dataset.count, 2);
    assert_non_null(strstr(dataset.items[0].label_path, "/a_gtFine_labelIds.png"));
    assert_non_null(strstr(dataset.items[1].label_path, "/b_gtFine_labelTrainIds.png"));
    fscnn_dataset_free(&dataset);
    snprintf(input, sizeof(input), "%s", in_folder("data"));
    snprintf(output, sizeof(output), "%s", in_folder("out"));
    struct fscnn_preprocess_options options = {
        .input_path = input, .output_path = output, .label_type = FSCNN_LABEL_TYPE_TRAIN_IDS, .threads = 1};
    /* In turns with the other type: neither takes the other's files for its own. */
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(fscnn_preprocess(&options, &result, NULL), FSCNN_OK);
        assert_int_equal(result.written, 2);
        assert_labels_as_they_are("b", 3);
        assert_int_equal(fscnn_preprocess(&options, &result, NULL), FSCNN_OK);
        assert_int_equal(result.up_to_date, 2);
        assert_int_equal(preprocess(false, 1, &result, NULL), FSCNN_OK);
        assert_int_equal(result.written, 2);
        assert_content("a", 1);
        assert_content("b", 2);
    }
}

static void test_bad_pictures(void **state) {
    (void)state;
    struct fscnn_preprocess_result result;
    struct fscnn_error error;
    make_data();
    write_label_file(in_folder("data/gtFine/val/ulm/ulm_000000_000002_gtFine_labelIds.png"), 3, H - 1);
    assert_int_equal(preprocess(false, 1, &result, &error), FSCNN_ERROR_FORMAT);
    assert_non_null(
        strstr(error.text, "ulm_000000_000002_gtFine_labelIds.png: the labels are 9x24, their picture 10x24"));
    assert_int_equal(result.written, 2);
    assert_int_equal(count_outputs(), 4); /* nothing of the bad pair */
    assert_int_not_equal(access(in_folder("sort.log"), F_OK), 0);
    write_label_file(in_folder("data/gtFine/val/ulm/ulm_000000_000002_gtFine_labelIds.png"), 3, H);
    assert_second_run(1);
    assert_int_equal(truncate(in_folder("data/leftImg8bit/val/ulm/ulm_000000_000001_leftImg8bit.png"), 80), 0);
    assert_int_equal(preprocess(true, 2, &result, &error), FSCNN_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "ulm_000000_000001_leftImg8bit.png: "));
    assert_int_equal(preprocess(true, -1, &result, &error), FSCNN_ERROR_USAGE);
}

/* A limit on the size of files stands in for a full disk: the write fails half-way. */
static void test_disk_full(void **state) {
    (void)state;
    struct fscnn_preprocess_result result;
    struct fscnn_error error;
    struct rlimit old, tight = {.rlim_cur = 2000, .rlim_max = RLIM_INFINITY};
    make_data();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum fscnn_status status = preprocess(false, 2, &result, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "_leftImg8bit.bin: File too large"));
    assert_int_equal(result.written, 0);
    assert_int_equal(count_outputs(), 0);
    assert_second_run(3);
}

static void test_output_in_the_way(void **state) {
    (void)state;
    struct fscnn_preprocess_result result;
    struct fscnn_error error;
    make_data();
    assert_int_equal(file_write(in_folder("out"), "x", 1, NULL), FSCNN_OK);
    assert_int_equal(preprocess(false, 2, &result, &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "out"));
}

static void test_folders(void **state) {
    (void)state;
    struct fscnn_error error;
    assert_int_equal(folder_make(in_folder("a/b"), &error), FSCNN_OK);
    mkdir_refuses = true;
    enum fscnn_status there = folder_make(in_folder("a/b/"), &error), new = folder_make(in_folder("a/c"), &error);
    mkdir_refuses = false;
    assert_int_equal(there, FSCNN_OK);
    assert_int_equal(new, FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "/a/c: Permission denied"));
    assert_int_equal(file_write(in_folder("a/file"), "x", 1, &error), FSCNN_OK);
    assert_int_equal(folder_make(in_folder("a/file"), &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "/a/file: there, but not a folder"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_layout, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_layout_errors, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_preprocess, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_sort_log_names, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_second_run, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_other_data, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_train_ids, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_bad_pictures, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_disk_full, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_output_in_the_way, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_folders, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
