/* Outputs that appear only when they are complete, in folders made here. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "folder.h"

/* In the place of the C library's: the umask is one for all threads, so nobody may set it, not even for a moment. */
static bool umask_was_set;
mode_t umask(mode_t mode) {
    umask_was_set = true;
    return (mode_t)syscall(SYS_umask, mode);
}

static void test_umask(void **state) {
    (void)state;
    struct stat st;
    const mode_t before = umask(027);
    umask_was_set = false;
    assert_int_equal(file_write(in_folder("a"), "x", 1, NULL), FSCNN_OK);
    assert_false(umask_was_set);
    assert_int_equal(umask(before), 027);
    assert_int_equal(stat(in_folder("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

/* The cause of a failed write is told, not what went wrong after it. */
static void test_first_cause(void **state) {
    (void)state;
    static const char block[100000];
    struct fscnn_output file;
    struct fscnn_error error;
    struct rlimit old, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = (struct rlimit){.rlim_cur = 2000, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(fscnn_output_open(in_folder("a"), &file, &error), FSCNN_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    fwrite(block, 1, sizeof(block), file.stream);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(access(in_folder("none"), F_OK), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(fscnn_output_commit(&file, &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "/a: File too large"));
    assert_int_equal(access(in_folder("a"), F_OK), -1);
    /* What the stream still holds is written by the commit. */
    assert_int_equal(fscnn_output_open(in_folder("a"), &file, &error), FSCNN_OK);
    assert_int_equal(fwrite(block, 1, 3000, file.stream), 3000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    const enum fscnn_status status = fscnn_output_commit(&file, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "/a: File too large"));
}

static int temporaries_made, temporaries_gone;
static char temporary_name[512];
static void count_made(const char *name) {
    temporaries_made++;
    snprintf(temporary_name, sizeof(temporary_name), "%s", name);
    assert_int_not_equal(access(name, F_OK), 0); /* told before it is there: nothing can come in between */
}
static void count_gone(const char *name) {
    temporaries_gone++;
    assert_string_equal(name, temporary_name);
    assert_int_not_equal(access(name, F_OK), 0);
}

static void test_temporaries(void **state) {
    (void)state;
    struct fscnn_output file;
    fscnn_watch_temporaries(count_made, count_gone);
    assert_int_equal(file_write(in_folder("a"), "x", 1, NULL), FSCNN_OK);
    assert_true(temporaries_made == 1 && temporaries_gone == 1);
    assert_int_equal(fscnn_output_open(in_folder("b"), &file, NULL), FSCNN_OK);
    assert_true(temporaries_made == 2 && temporaries_gone == 1);
    fscnn_output_discard(&file);
    assert_true(temporaries_made == 2 && temporaries_gone == 2);
    struct fscnn_error error;
    assert_int_equal(fscnn_output_open(in_folder("none/b"), &file, &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "none/b: No such file or directory"));
    assert_true(temporaries_made == 3 && temporaries_gone == 3);
    assert_int_equal(fscnn_output_open(in_folder("folder"), &file, NULL), FSCNN_OK);
    assert_int_equal(folder_make(in_folder("folder"), NULL), FSCNN_OK);
    assert_int_equal(fscnn_output_commit(&file, &error), FSCNN_ERROR_IO); /* rename fails */
    assert_non_null(strstr(error.text, "folder: Is a directory"));
    assert_int_equal(file_write(in_folder("folder"), "x", 1, &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "folder: Is a directory"));
    assert_true(temporaries_made == 4 && temporaries_gone == 4);
    fscnn_watch_temporaries(NULL, NULL);
    assert_int_equal(file_write(in_folder("a"), "y", 1, NULL), FSCNN_OK);
    assert_int_equal(temporaries_made, 4);
}

static void assert_holds(const char *path, const char *text) {
    char got[16] = "";
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(got, 1, sizeof(got) - 1, file), strlen(text));
    fclose(file);
    assert_string_equal(got, text);
}

/* What is there under an output's name stays what it is. */
static void test_output_over_something(void **state) {
    (void)state;
    struct fscnn_error error;
    struct stat st;
    char got[8] = "", target[512];
    /* a file: its permissions */
    assert_int_equal(file_write(in_folder("file"), "old", 3, NULL), FSCNN_OK);
    assert_int_equal(chmod(in_folder("file"), 0606), 0); /* the usual umask would take one bit away */
    assert_int_equal(file_write(in_folder("file"), "new", 3, NULL), FSCNN_OK);
    assert_int_equal(stat(in_folder("file"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0606);
    /* a link: where it leads to */
    assert_int_equal(symlink("file", in_folder("link")), 0);
    assert_int_equal(file_write(in_folder("link"), "more", 4, NULL), FSCNN_OK);
    assert_int_equal(lstat(in_folder("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_holds(in_folder("file"), "more");
    /* one that leads nowhere yet becomes a file */
    assert_int_equal(symlink("nowhere", in_folder("dangling")), 0);
    assert_int_equal(file_write(in_folder("dangling"), "x", 1, NULL), FSCNN_OK);
    assert_holds(in_folder("dangling"), "x");
    /* a pipe: written to, and a failure does not remove it */
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    const int end = open(in_folder("pipe"), O_RDONLY | O_NONBLOCK);
    assert_true(end >= 0);
    assert_int_equal(file_write(in_folder("pipe"), "piped", 5, NULL), FSCNN_OK);
    assert_int_equal(read(end, got, sizeof(got)), 5);
    assert_string_equal(got, "piped");
    struct fscnn_output file;
    assert_int_equal(fscnn_output_open(in_folder("pipe"), &file, NULL), FSCNN_OK);
    signal(SIGPIPE, SIG_IGN);
    close(end);
    fputs("lost", file.stream);
    assert_int_equal(fscnn_output_commit(&file, &error), FSCNN_ERROR_IO);
    assert_non_null(strstr(error.text, "pipe: Broken pipe"));
    assert_int_equal(stat(in_folder("pipe"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    /* nothing else was left */
    snprintf(target, sizeof(target), "test $(ls %s | wc -l) = 4", folder);
    assert_int_equal(system(target), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_umask, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_first_cause, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_temporaries, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_output_over_something, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
