/* Pieces of the commands: natural order, percentiles, number formatting, overlapping stages, temporary files
 * and signals, ATC's words. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/compile_request.h"
#include "../cli/files.h"
#include "../cli/infer_inputs.h"
#include "../cli/infer_outputs.h"
#include "../cli/stages.h"
#include "../cli/statistics.h"
#include "../cli/temporaries.h"
#include "testing.h"

static void test_natural_order(void **state) {
    (void)state;
    /* Numbers that are equal go by their bytes: 01 before 1. */
    static const char *const sorted[] = {"",      "01",     "1",      "2",       "10",    "99999999999999999999999",
                                         "a",     "a1b1",   "a1b2",   "a1b10",   "a02b1", "a2b1",
                                         "a10b1", "img1.x", "img2.x", "img10.x", "img10y"};
    int count = sizeof(sorted) / sizeof(sorted[0]);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            int order = natural_compare(sorted[i], sorted[j]);
            if ((order > 0) - (order < 0) != (i > j) - (i < j)) {
                fail_msg("%s and %s: %d", sorted[i], sorted[j], order);
            }
        }
    }
}

/* numpy.percentile of 1 4 9 16 25 by hand: rank p/100 * 4. */
static void test_statistics(void **state) {
    (void)state;
    struct samples samples = {0};
    static const double values[] = {16, 1, 25, 9, 4};
    for (int i = 0; i < 5; i++) {
        assert_true(samples_add(&samples, values[i]));
    }
    struct statistics s = statistics_of(&samples);
    assert_true(s.min == 1 && s.max == 25 && s.mean == 11 && s.median == 9 && s.count == 5);
    assert_true(fabs(s.percentile99 - (16 + 0.96 * 9)) < 1e-12);
    assert_true(fabs(s.percentile95 - (16 + 0.8 * 9)) < 1e-12);
    assert_true(fabs(s.percentile90 - (16 + 0.6 * 9)) < 1e-12);
    assert_true(samples.values[0] == 16); /* the order measured stays */
    samples.count = 2;
    assert_true(statistics_of(&samples).median == 8.5);
    samples.count = 1;
    assert_true(statistics_of(&samples).percentile99 == 16);
    samples_free(&samples);
    assert_true(statistics_of(&samples).count == 0 && statistics_of(&samples).mean == 0);
}

/* The fast formatting is printf's, for edges and for a few hundred thousand floats of every magnitude. */
static void test_format_float(void **state) {
    (void)state;
    static const float edges[] = {0,       -0.0F,     1,        -1,         0.5e-6F, 1.5e-6F,         2.5e-6F,
                                  -1e-9F,  0.999999F, 123456,   8388607.5F, 1e9F,    999999995904.0F, 1e12F,
                                  3.4e38F, -3.4e38F,  INFINITY, NAN};
    uint32_t bits = 12345;
    for (int i = 0; i < 300000; i++) {
        float value;
        bits = bits * 1664525 + 1013904223;
        memcpy(&value, &bits, sizeof(value));
        value = i < 18 ? edges[i] : value;
        char expected[128], got[64];
        int n = snprintf(expected, sizeof(expected), "%f ", (double)value);
        size_t length = format_float(value, got);
        if (length != (size_t)n || memcmp(got, expected, length) != 0) {
            fail_msg("%a: %.*s instead of %s", (double)value, (int)length, got, expected);
        }
    }
}

static void test_stem(void **state) {
    (void)state;
    char text[300];
    assert_string_equal(infer_stem("a/b.c/frankfurt_000_leftImg8bit.bin", text, sizeof(text)),
                        "frankfurt_000_leftImg8bit");
    assert_string_equal(infer_stem("x.1.npy", text, sizeof(text)), "x");
    assert_string_equal(infer_stem("plain", text, sizeof(text)), "plain");
}

/* ---- stages: order, buffers that are not shared, a stop that ends ---- */

enum { ITEMS = 400, AHEAD = 3, BEHIND = 4 };

struct trace {
    pthread_mutex_t mutex;
    int in[AHEAD], out[BEHIND]; /* item + 1 whose buffer it is; 0: free */
    bool in_use_twice;
    size_t finished[ITEMS], num_finished, runs;
    size_t fail_read, fail_run, fail_write; /* ITEMS: never */
};

static bool take(struct trace *t, int *place, size_t i) {
    pthread_mutex_lock(&t->mutex);
    t->in_use_twice |= *place != 0;
    *place = (int)i + 1;
    pthread_mutex_unlock(&t->mutex);
    return true;
}

static void give(struct trace *t, int *place, size_t i) {
    pthread_mutex_lock(&t->mutex);
    t->in_use_twice |= *place != (int)i + 1;
    *place = 0;
    pthread_mutex_unlock(&t->mutex);
}

static bool trace_read(void *user, size_t i) {
    struct trace *t = user;
    take(t, &t->in[i % AHEAD], i);
    return i != t->fail_read;
}

static bool trace_run(void *user, size_t i) {
    struct trace *t = user;
    t->in_use_twice |= i != t->runs++;
    take(t, &t->out[i % BEHIND], i);
    give(t, &t->in[i % AHEAD], i);
    return i != t->fail_run;
}

static bool trace_write(void *user, size_t i) {
    struct trace *t = user;
    if (i % 7 == 0) {
        usleep(200); /* so that others overtake it */
    }
    give(t, &t->out[i % BEHIND], i);
    return i != t->fail_write;
}

static void trace_finish(void *user, size_t i) {
    struct trace *t = user;
    t->finished[t->num_finished++] = i;
}

static bool run_trace(struct trace *t, size_t fail_read, size_t fail_run, size_t fail_write) {
    *t = (struct trace){
        .mutex = PTHREAD_MUTEX_INITIALIZER, .fail_read = fail_read, .fail_run = fail_run, .fail_write = fail_write};
    const struct stages stages = {.count = ITEMS,
                                  .readers = 2,
                                  .writers = 3,
                                  .read_ahead = AHEAD,
                                  .write_behind = BEHIND,
                                  .read = trace_read,
                                  .run = trace_run,
                                  .write = trace_write,
                                  .finish = trace_finish,
                                  .user = t};
    return stages_run(&stages);
}

static void test_stages(void **state) {
    (void)state;
    static struct trace t;
    assert_true(run_trace(&t, ITEMS, ITEMS, ITEMS));
    assert_false(t.in_use_twice);
    assert_int_equal(t.num_finished, ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        assert_int_equal(t.finished[i], i);
    }
}

static void test_stages_stop(void **state) {
    (void)state;
    static struct trace t;
    for (int stage = 0; stage < 3; stage++) {
        for (size_t at = 0; at < ITEMS; at += 133) {
            assert_false(run_trace(&t, stage == 0 ? at : ITEMS, stage == 1 ? at : ITEMS, stage == 2 ? at : ITEMS));
            assert_false(t.in_use_twice);
            assert_true(t.num_finished <= at + (stage == 0 ? 1 : 0));
        }
    }
}

/* ---- files ---- */

static void test_files(void **state) {
    (void)state;
    char folder[] = "/tmp/test_cli_parts.XXXXXX", path[128];
    static const char *const names[] = {"p10.png", "p9.PNG", "note.txt", "._p1.png", "p1.jpg"};
    static const char *const endings[] = {".png", ".jpg", NULL};
    struct fscnn_error err;
    struct fscnn_output file;
    struct name_list list = {0};
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        assert_int_equal(fscnn_output_open(path, &file, &err), FSCNN_OK);
        assert_int_equal(access(path, F_OK), -1); /* not before it is complete */
        assert_int_equal(fscnn_output_commit(&file, &err), FSCNN_OK);
        assert_int_equal(access(path, R_OK), 0);
    }
    snprintf(path, sizeof(path), "%s/sub.png/deeper", folder); /* a folder, though its name looks like a picture */
    assert_int_equal(create_folder(path, &err), FSCNN_OK);
    assert_int_equal(create_folder(path, &err), FSCNN_OK);
    assert_int_equal(list_folder(folder, endings, &list, &err), FSCNN_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(base_name(list.names[0]), "p1.jpg");
    assert_string_equal(base_name(list.names[1]), "p9.PNG");
    assert_string_equal(base_name(list.names[2]), "p10.png");
    snprintf(path, sizeof(path), "%s/discarded", folder);
    assert_int_equal(fscnn_output_open(path, &file, &err), FSCNN_OK);
    fscnn_output_discard(&file);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof(path), "%s/p9.PNG/x", folder);
    assert_int_equal(create_folder(path, &err), FSCNN_ERROR_IO);
    assert_int_equal(create_folder("", &err), FSCNN_ERROR_USAGE);
    assert_string_equal(err.text, "a folder's name is empty");
    snprintf(path, sizeof(path), "rm -r %s", folder);
    assert_int_equal(system(path), 0);
    name_list_free(&list);
}

/* C0, DEL, and C1 as UTF-8; other characters stay. */
static void test_printable(void **state) {
    (void)state;
    struct fscnn_error err; /* (fail): cmocka has a macro of that name */
    char text[] = "a\033[1m\n\x7f\xc2\x9b \xc3\xa9\xc2\xa0";
    assert_string_equal(make_printable(text), "a?[1m???\x9b \xc3\xa9\xc2\xa0");
    assert_int_equal((fail)(&err, FSCNN_ERROR_IO, "%s: \r", "\033]0;"), FSCNN_ERROR_IO);
    assert_string_equal(err.text, "?]0;: ?");
}

/* What a child does: files in the works, one complete, a folder; then it waits for the signal. */
static void write_until_killed(const char *folder, int ready) {
    struct fscnn_output open_files[3], done;
    struct fscnn_error err;
    char path[300];
    temporaries_watch();
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/file%d", folder, i);
        if (fscnn_output_open(path, &open_files[i], &err) != FSCNN_OK) {
            _exit(1);
        }
    }
    fscnn_output_discard(&open_files[1]);
    snprintf(path, sizeof(path), "%s/done", folder);
    if (fscnn_output_open(path, &done, &err) != FSCNN_OK || fscnn_output_commit(&done, &err) != FSCNN_OK) {
        _exit(1);
    }
    snprintf(path, sizeof(path), "%s/sub", folder);
    if (mkdir(path, 0777) != 0) {
        _exit(1);
    }
    temporary_add(path);
    snprintf(path, sizeof(path), "%s/sub/file", folder);
    if (fscnn_output_open(path, &open_files[1], &err) != FSCNN_OK || write(ready, "", 1) != 1) {
        _exit(1);
    }
    pause();
    _exit(0); /* a signal that is ignored does not get here */
}

/* Another child: a file that the library writes, which takes its time over a picture of noise. */
static void write_picture(const char *folder) {
    enum { SIZE = 4096 };
    struct fscnn_picture picture = {.width = SIZE, .height = SIZE, .rgb = malloc((size_t)3 * SIZE * SIZE)};
    struct fscnn_error err;
    char path[300];
    uint32_t random = 1;
    for (size_t i = 0; picture.rgb && i < (size_t)3 * SIZE * SIZE; i++) {
        random = random * 1664525U + 1013904223U;
        picture.rgb[i] = (uint8_t)(random >> 24);
    }
    temporaries_watch();
    snprintf(path, sizeof(path), "%s/noise.png", folder);
    _exit(picture.rgb && fscnn_picture_write_png(path, &picture, &err) == FSCNN_OK ? 0 : 1);
}

/* Starts the child, which gets the signal; returns what waitpid says. Where it is to live on, SIGKILL ends it. */
static int kill_writer(const char *folder, int signal_number, bool ignored) {
    int ends[2], status = 0;
    char byte;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(signal_number, ignored ? SIG_IGN : SIG_DFL);
        write_until_killed(folder, ends[1]);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    kill(child, signal_number);
    if (ignored) {
        kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int count_entries(const char *folder) {
    DIR *dir = opendir(folder);
    int count = -2; /* . and .. */
    assert_non_null(dir);
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

/* A third: two threads that make files and remove them, as often as they can. */
static void *make_and_remove(void *path) {
    struct fscnn_output file;
    struct fscnn_error err;
    for (;;) {
        if (fscnn_output_open(path, &file, &err) != FSCNN_OK) {
            _exit(1);
        }
        fscnn_output_discard(&file);
    }
    return NULL;
}

/* Wherever the signal comes, nothing stays. */
static void test_signals_at_any_moment(void **state) {
    (void)state;
    char folder[] = "/tmp/fastscnn_cli_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    for (int round = 0; round < 100; round++) {
        int status;
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            pthread_t thread;
            temporaries_watch();
            if (pthread_create(&thread, NULL, make_and_remove, path) != 0) {
                _exit(1);
            }
            make_and_remove(path);
        }
        usleep(2000 + 37 * (unsigned)round);
        assert_int_equal(kill(child, SIGTERM), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
        assert_int_equal(count_entries(folder), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void test_signals(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    char folder[] = "/tmp/fastscnn_cli_XXXXXX", command[64], done[64];
    assert_non_null(mkdtemp(folder));
    snprintf(done, sizeof(done), "%s/done", folder);
    for (int i = 0; i < 3; i++) {
        const int status = kill_writer(folder, signals[i], false);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
        assert_int_equal(count_entries(folder), 1);
        assert_int_equal(unlink(done), 0);
    }
    const pid_t child = fork();
    int status = 0;
    assert_true(child >= 0);
    if (child == 0) {
        write_picture(folder);
    }
    while (count_entries(folder) == 0 && waitpid(child, &status, WNOHANG) == 0) {
        usleep(1000);
    }
    assert_int_equal(kill(child, SIGTERM), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(count_entries(folder), 0);
    status = kill_writer(folder, SIGHUP, true); /* as nohup has it */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(count_entries(folder), 4);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* ---- ATC's words ---- */

static void test_compile_words(void **state) {
    (void)state;
    struct compile_request request = {.options.pool = FSCNN_POOL_ADAPTIVE};
    struct coded_error why;
    struct compile_words words = {.model = "m.onnx",
                                  .output = "m",
                                  .framework = "5",
                                  .input_format = "NCHW",
                                  .input_shape = "image:-1,3,1024,2048",
                                  .batches = "8,1,4,2",
                                  .log = "error",
                                  .soc_version = "native",
                                  .precision_mode = "force_fp32"};
    assert_true(compile_request_parse(&words, &request, &why));
    assert_string_equal(request.input_name, "image");
    assert_int_equal(request.channels, 3);
    assert_int_equal(request.options.height, 1024);
    assert_int_equal(request.options.width, 2048);
    assert_int_equal(request.options.num_batch_sizes, 4);
    assert_int_equal(request.options.batch_sizes[0], 1);
    assert_int_equal(request.options.batch_sizes[3], 8);
    assert_int_equal(request.options.pool, FSCNN_POOL_ADAPTIVE);
    assert_int_equal(request.log, LOG_ERROR);
    assert_false(request.bf16_for_fp16);
    assert_int_equal(request.options.precision, FSCNN_FP32);
}

static void test_compile_refusals(void **state) {
    (void)state;
    static const struct {
        struct compile_words words;
        const char *code;
    } table[] = {
        {{.output = "m"}, "E10007"},
        {{.model = "m.onnx"}, "E10007"},
        {{.model = "m.onnx", .output = "m", .framework = "3"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .soc_version = "Ascend310P3"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .mode = "2"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .input_format = "NHWC"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .input_shape = "1,3,64,64"}, "E10002"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:1,3,64"}, "E10002"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:1,3,64,64,1"}, "E10002"},
        {{.model = "m.onnx", .output = "m", .input_shape = ":1,3,64,64"}, "E10002"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:1,3,64,99999999999"}, "E10002"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:1,3,64,0"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:0,3,64,64"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:257,3,64,64"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:-1,3,64,64"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:1,3,64,64;mask:1"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .input_shape = "image:1,3,64,64", .batches = "1,2"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .batches = "1,1"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .batches = ""}, "E10001"},
        {{.model = "m.onnx", .output = "m", .batches = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .image_sizes = "64,64;32,32"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .insert_op_conf = "aipp.cfg"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .precision = "int4"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .precision = "bf16", .precision_mode = "force_fp32"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .precision_mode = "fast"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .precision = "fp32", .precision_mode = "force_fp16"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .precision = "int8", .calibration_method = "guess"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .precision = "int8", .accuracy_budget = "-1"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .precision = "bf16", .accuracy_budget = "1"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .calibrate = "pictures"}, "E10001"},
        {{.model = "m.onnx", .output = "folder/"}, "E10001"},
        {{.model = "m.onnx", .output = ""}, "E10001"},
        {{.om = "x.fscnn", .mode = "1", .json_file = "folder/"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .log = "loud"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .json_file = "x.json"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .om = "x.fscnn"}, "E10001"},
        {{.om = "x.fscnn", .mode = "1"}, "E10007"},
        {{.om = "x.fscnn", .mode = "6", .input_shape = "image:1,3,64,64"}, "E10001"},
        {{.om = "x.fscnn", .mode = "6", .pool = "fixed"}, "E10001"},
        {{.model = "m.onnx", .output = "m", .calibrate_limit = "5"}, "E10001"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct compile_request request = {0};
        struct coded_error why = {.code = "none"};
        bool accepted = compile_request_parse(&table[i].words, &request, &why);
        if (accepted || strcmp(why.code, table[i].code) != 0 || !why.text[0] || !why.solution[0]) {
            fail_msg("row %zu: %s %s %s", i, accepted ? "accepted" : "refused", why.code, why.text);
        }
    }
}

static void test_precision_modes(void **state) {
    (void)state;
    static const struct {
        const char *mode;
        enum fscnn_precision precision;
        bool told;
    } table[] = {
        {"force_fp32", FSCNN_FP32, false},
        {"must_keep_origin_dtype", FSCNN_FP32, false},
        {"allow_mix_precision_bf16", FSCNN_BF16, false},
        {"allow_mix_precision", FSCNN_BF16, true},
        {"FORCE_FP16", FSCNN_BF16, true},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct compile_words words = {.model = "m.onnx", .output = "m", .precision_mode = table[i].mode};
        struct compile_request request = {0};
        struct coded_error why;
        assert_true(compile_request_parse(&words, &request, &why));
        assert_int_equal(request.options.precision, table[i].precision);
        assert_int_equal(request.bf16_for_fp16, table[i].told);
    }
}

/* Codes follow what the library says, not what the file is called. */
static void test_failure_codes(void **state) {
    (void)state;
    static const struct {
        enum fscnn_status status;
        const char *text, *code, *option;
    } table[] = {
        {FSCNN_ERROR_UNSUPPORTED, "m.onnx: node a: operator Gelu (opset 18) is not supported; supported: Conv",
         "E19010", "Gelu"},
        {FSCNN_ERROR_UNSUPPORTED, "net_opset18.onnx: arg max over 300 classes: labels have 8 bits", "EZ3003", "300"},
        {FSCNN_ERROR_UNSUPPORTED, "m.onnx: opset 9 is not supported (11 to 18 are)", "EZ3003", "opset 9"},
        {FSCNN_ERROR_IO, "shots: No such file or directory", "E10001", "[--calibrate]"},
        {FSCNN_ERROR_IO, "m.onnx: No such file or directory", "E10001", "[--model]"},
        {FSCNN_ERROR_IO, "/full: No space left on device", "E10001", "/full: No space"},
    };
    const struct compile_words words = {.model = "m.onnx", .output = "m", .precision = "int8", .calibrate = "shots"};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct fscnn_error err;
        struct coded_error why;
        snprintf(err.text, sizeof(err.text), "%s", table[i].text);
        compile_failure_code(&words, table[i].status, &err, &why);
        if (strcmp(why.code, table[i].code) != 0 || !strstr(why.text, table[i].option)) {
            fail_msg("row %zu: %s %s", i, why.code, why.text);
        }
    }
    const struct compile_words shown = {.om = "x.fscnn", .mode = "6"};
    const struct fscnn_error missing = {.text = "x.fscnn: No such file or directory"};
    struct coded_error why;
    compile_failure_code(&shown, FSCNN_ERROR_IO, &missing, &why);
    assert_non_null(strstr(why.text, "Value [x.fscnn] for parameter [--om]"));
    assert_string_equal(why.solution, "Name a file that is there and can be read");
    const struct fscnn_error older = {.text = "x.fscnn: version 2"};
    compile_failure_code(&shown, FSCNN_ERROR_UNSUPPORTED, &older, &why);
    assert_string_equal(why.code, "EZ3003");
    assert_string_equal(why.solution, "Compile it again from its ONNX file or checkpoint");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_natural_order),   cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_format_float),    cmocka_unit_test(test_stem),
        cmocka_unit_test(test_stages),          cmocka_unit_test(test_stages_stop),
        cmocka_unit_test(test_files),           cmocka_unit_test(test_printable),
        cmocka_unit_test(test_signals),         cmocka_unit_test(test_signals_at_any_moment),
        cmocka_unit_test(test_compile_words),   cmocka_unit_test(test_compile_refusals),
        cmocka_unit_test(test_precision_modes), cmocka_unit_test(test_failure_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
