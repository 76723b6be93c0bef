/* The option parser: every type, both ways of writing, what it refuses, exit codes. */
#include <fcntl.h>
#include <unistd.h>

#include "../cli/options.h"
#include "testing.h"

static const char *const colours[] = {"red", "Green", NULL};

struct values {
    const char *name;
    int count, colour, size[2];
    bool flag, yes, count_given;
};

static char output[8192]; /* what the parser printed */
static char *parsed[16];  /* argv after it */

/* Runs the parser over words (NULL-terminated, argv[0] first), gathering stdout and stderr. */
static int parse_words(struct values *v, const char *const *words, int *positional) {
    const struct option options[] = {
        {"long_name", 'n', OPTION_TEXT, &v->name, "TEXT", "a text"},
        {"count", 'c', OPTION_INT, &v->count, "N", "a number", .low = -2, .high = 9, .given = &v->count_given},
        {"colour", 0, OPTION_CHOICE, &v->colour, "COLOUR", "a choice", colours},
        {"size", 0, OPTION_SIZE, v->size, "HxW", "a size"},
        {"flag", 0, OPTION_FLAG, &v->flag, NULL, "a flag"},
        {"yes", 0, OPTION_BOOL, &v->yes, "BOOL", "a truth"},
    };
    const struct command command = {.name = "try", .arguments = "[OPTIONS]", .summary = "tries", .example = "  try"};
    int argc = 0;
    for (; words[argc]; argc++) {
        parsed[argc] = (char *)words[argc];
    }
    char path[] = "/tmp/test_options.XXXXXX";
    int file = mkstemp(path), out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    assert_true(file >= 0 && out >= 0 && err >= 0);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    int code = options_parse(&command, options, sizeof(options) / sizeof(options[0]), argc, parsed, positional);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    ssize_t n = pread(file, output, sizeof(output) - 1, 0);
    output[n > 0 ? n : 0] = '\0';
    close(out);
    close(err);
    close(file);
    unlink(path);
    return code;
}

#define PARSE(v, ...) parse_words(v, (const char *[]){"try", __VA_ARGS__, NULL}, NULL)

static void test_values(void **state) {
    (void)state;
    struct values v = {.name = "default"};
    assert_int_equal(
        PARSE(&v, "--long_name", "a b", "--count=-2", "--colour", "GREEN", "--size=64x128", "--flag", "--yes", "T"),
        -1);
    assert_string_equal(v.name, "a b");
    assert_int_equal(v.count, -2);
    assert_true(v.count_given && v.flag && v.yes);
    assert_int_equal(v.colour, 1);
    assert_int_equal(v.size[0], 64);
    assert_int_equal(v.size[1], 128);
}

static void test_spellings(void **state) {
    (void)state;
    struct values v = {.yes = true};
    assert_int_equal(PARSE(&v, "--long-name=x=y", "-c", "3", "--yes=no", "--size", "5,6"), -1);
    assert_string_equal(v.name, "x=y"); /* only the first '=' divides */
    assert_int_equal(v.count, 3);
    assert_false(v.yes);
    assert_int_equal(v.size[1], 6);
    assert_int_equal(PARSE(&v, "--long_name="), -1);
    assert_string_equal(v.name, "");
    assert_int_equal(PARSE(&v, "--long_name", "--flag"), -1); /* a value may look like an option */
    assert_string_equal(v.name, "--flag");
    assert_false(v.flag);
}

static void test_defaults_stay(void **state) {
    (void)state;
    struct values v = {.name = "default", .count = 7, .colour = 1, .size = {1, 2}};
    assert_int_equal(parse_words(&v, (const char *[]){"try", NULL}, NULL), -1);
    assert_string_equal(v.name, "default");
    assert_int_equal(v.count, 7);
    assert_int_equal(v.size[1], 2);
    assert_false(v.count_given);
}

static void test_truth_words(void **state) {
    (void)state;
    static const char *const yes[] = {"yes", "true", "t", "y", "1", "YES", "True"};
    static const char *const no[] = {"no", "false", "f", "n", "0", "NO", "False"};
    for (size_t i = 0; i < 7; i++) {
        struct values v = {0};
        assert_int_equal(PARSE(&v, "--yes", yes[i]), -1);
        assert_true(v.yes);
        assert_int_equal(PARSE(&v, "--yes", no[i]), -1);
        assert_false(v.yes);
    }
}

static void test_positional(void **state) {
    (void)state;
    struct values v = {0};
    int count = -1;
    const char *const words[] = {"try", "a", "--count", "1", "b", "-", "--", "--flag", NULL};
    assert_int_equal(parse_words(&v, words, &count), -1);
    assert_int_equal(count, 4);
    assert_string_equal(parsed[1], "a");
    assert_string_equal(parsed[2], "b");
    assert_string_equal(parsed[3], "-");
    assert_string_equal(parsed[4], "--flag");
    assert_false(v.flag);
    assert_int_equal(v.count, 1);
}

/* Each of these is refused with exit code 2 and a message that says what was wrong. */
static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *words[4];
        const char *message;
    } table[] = {
        {{"try", "--unknown"}, "unknown option '--unknown'"},
        {{"try", "-x"}, "unknown option '-x'"},
        {{"try", "--cou", "1"}, "unknown option '--cou'"},
        {{"try", "--counts", "1"}, "unknown option '--counts'; did you mean --count? ("},
        {{"try", "--coutn=1"}, "unknown option '--coutn=1'; did you mean --count? ("},
        {{"try", "--long-nam", "1"}, "did you mean --long_name? ("},
        {{"try", "-count", "1"}, "unknown option '-count'; did you mean --count? ("},
        {{"try", "--Flag"}, "did you mean --flag? ("},
        {{"try", "--hlep"}, "did you mean --help? ("},
        {{"try", "--ye"}, "unknown option '--ye' ("}, /* half of so short a word */
        {{"try", "--shape"}, "unknown option '--shape' ("},
        {{"try", "---"}, "unknown option '---' ("},
        {{"try", "stray"}, "unexpected argument 'stray'"},
        {{"try", "--count"}, "--count needs a value: N"},
        {{"try", "--count", "1x"}, "'1x' is not a whole number"},
        {{"try", "--count", ""}, "'' is not a whole number"},
        {{"try", "--count", "99999999999999999999"}, "is not a whole number"},
        {{"try", "--count", "10"}, "10 is not between -2 and 9"},
        {{"try", "--count=-3"}, "-3 is not between -2 and 9"},
        {{"try", "--colour", "blue"}, "'blue' is none of: red, Green"},
        {{"try", "--flag=yes"}, "--flag takes no value"},
        {{"try", "--yes", "maybe"}, "'maybe' is neither yes/true/t/y/1 nor no/false/f/n/0"},
        {{"try", "--size", "64"}, "'64' is not a size"},
        {{"try", "--size", "64x"}, "'64x' is not a size"},
        {{"try", "--size", "64x128x3"}, "is not a size"},
        {{"try", "--size", "0x128"}, "is not a size"},
        {{"try", "--size", "4294967297x64"}, "is not a size"},
        {{"try", "--size", "70000x64"}, "'70000x64': sides have at most 65536 pixels"},
        {{"try", "--size=-64x128"}, "is not a size"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct values v = {0};
        assert_int_equal(parse_words(&v, table[i].words, NULL), EXIT_BAD_USAGE);
        if (!strstr(output, table[i].message) || !strstr(output, "fastscnn try: ")) {
            fail_msg("row %zu: \"%s\" instead of \"%s\"", i, output, table[i].message);
        }
    }
}

static void test_required(void **state) {
    (void)state;
    const char *value = NULL;
    const struct option options[] = {{"must", 0, OPTION_TEXT, &value, "X", "needed", .required = true}};
    const struct command command = {.name = "try", .arguments = "", .summary = "", .example = ""};
    char name[] = "try", must[] = "--must", x[] = "x";
    char *with[] = {name, must, x, NULL}, *without[] = {name, NULL};
    assert_int_equal(options_parse(&command, options, 1, 3, with, NULL), -1);
    assert_string_equal(value, "x");
    assert_int_equal(options_parse(&command, options, 1, 1, without, NULL), EXIT_BAD_USAGE);
}

static void test_help(void **state) {
    (void)state;
    struct values v = {0};
    static const char *const spellings[] = {"--help", "-h"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(PARSE(&v, "--count", "1", spellings[i], "--unknown"), EXIT_OK);
        assert_non_null(strstr(output, "Usage: fastscnn try [OPTIONS]"));
        assert_non_null(strstr(output, "-n, --long_name TEXT"));
        assert_non_null(strstr(output, "a choice"));
    }
}

static void test_status(void **state) {
    (void)state;
    const struct fscnn_error err = {.text = "some file: some cause"};
    assert_int_equal(status_error(FSCNN_ERROR_USAGE, &err), EXIT_BAD_USAGE);
    assert_int_equal(status_error(FSCNN_ERROR_IO, &err), EXIT_BAD_INPUT);
    assert_int_equal(status_error(FSCNN_ERROR_MEMORY, &err), EXIT_BAD_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),      cmocka_unit_test(test_spellings),  cmocka_unit_test(test_defaults_stay),
        cmocka_unit_test(test_truth_words), cmocka_unit_test(test_positional), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_required),    cmocka_unit_test(test_help),       cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
