#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "files.h"
#include "suggest.h"

const char *const pool_choices[] = {"fixed", "adaptive", NULL};
const char *const label_type_choices[] = {"labelIds", "trainIds", NULL};

int usage_error(const struct command *command, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "fastscnn %s: %s (see: fastscnn %s --help)\n", command->name, make_printable(text), command->name);
    return EXIT_BAD_USAGE;
}

int status_error(enum fscnn_status status, const struct fscnn_error *err) {
    fprintf(stderr, "fastscnn: %s\n", err->text);
    return status == FSCNN_ERROR_USAGE ? EXIT_BAD_USAGE : EXIT_BAD_INPUT;
}

static void print_help(const struct command *command, const struct option *options, size_t count) {
    printf("Usage: fastscnn %s %s\n\n%s\n\nOptions:\n", command->name, command->arguments, command->summary);
    for (size_t i = 0; i < count; i++) {
        const struct option *o = &options[i];
        char left[80];
        int n = o->letter ? snprintf(left, sizeof(left), "-%c, --%s", o->letter, o->name)
                          : snprintf(left, sizeof(left), "    --%s", o->name);
        if (o->argument) {
            snprintf(left + n, sizeof(left) - (size_t)n, " %s", o->argument);
        }
        printf("  %-34s %s%s\n", left, o->help, o->required ? " (required)" : "");
    }
    printf("  %-34s %s\n\nExample:\n%s\n", "-h, --help", "this text", command->example);
}

/* Compares an option's name with the first `length` characters of `text`; '_' and '-' are the same. */
static bool name_is(const char *name, const char *text, size_t length) {
    if (strlen(name) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((name[i] == '_' ? '-' : name[i]) != (text[i] == '_' ? '-' : text[i])) {
            return false;
        }
    }
    return true;
}

static const struct option *find_option(const struct option *options, size_t count, const char *arg) {
    const char *name = arg[1] == '-' ? arg + 2 : NULL;
    for (size_t i = 0; i < count; i++) {
        if (name ? name_is(options[i].name, name, strcspn(name, "="))
                 : options[i].letter && arg[1] == options[i].letter && arg[2] == '\0') {
            return &options[i];
        }
    }
    return NULL;
}

/* "unknown option '--ouput'; did you mean --output?" */
static int unknown_option(const struct command *command, const struct option *options, size_t count, const char *arg) {
    char name[64];
    struct suggestion suggestion = {.typed = name};
    snprintf(name, sizeof(name), "%s", arg + strspn(arg, "-"));
    name[strcspn(name, "=")] = '\0';
    for (size_t i = 0; i < count; i++) {
        suggestion_consider(&suggestion, options[i].name);
    }
    suggestion_consider(&suggestion, "help");
    return suggestion.nearest ? usage_error(command, "unknown option '%s'; did you mean --%s?", arg, suggestion.nearest)
                              : usage_error(command, "unknown option '%s'", arg);
}

static bool parse_int(const char *text, int *out) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return end != text && *end == '\0' && errno == 0 && value >= INT_MIN && value <= INT_MAX;
}

static bool parse_bool(const char *text, bool *out) {
    static const char *const words[] = {"yes", "true", "t", "y", "1", "no", "false", "f", "n", "0"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = i < 5;
            return true;
        }
    }
    return false;
}

static int parse_choice(const struct command *command, const struct option *o, const char *text) {
    char all[256] = "";
    for (int i = 0; o->choices[i]; i++) {
        if (strcasecmp(o->choices[i], text) == 0) {
            *(int *)o->value = i;
            return -1;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", o->choices[i]);
    }
    return usage_error(command, "--%s: '%s' is none of: %s", o->name, text, all);
}

enum { MOST_SIDE = 1 << 16 }; /* of the networks' pictures */

static int parse_value(const struct command *command, const struct option *o, const char *text) {
    int high = o->low == 0 && o->high == 0 ? INT_MAX : o->high;
    int size[2], used = 0;
    switch (o->type) {
    case OPTION_TEXT: *(const char **)o->value = text; return -1;
    case OPTION_INT:
        if (!parse_int(text, &size[0])) {
            return usage_error(command, "--%s: '%s' is not a whole number", o->name, text);
        }
        if (size[0] < o->low || size[0] > high) {
            return usage_error(command, "--%s: %d is not between %d and %d", o->name, size[0], o->low, high);
        }
        *(int *)o->value = size[0];
        return -1;
    case OPTION_BOOL:
        if (!parse_bool(text, o->value)) {
            return usage_error(command, "--%s: '%s' is neither yes/true/t/y/1 nor no/false/f/n/0", o->name, text);
        }
        return -1;
    case OPTION_SIZE:
        if (sscanf(text, "%9d%*[x,]%9d%n", &size[0], &size[1], &used) != 2 || text[used] != '\0' || size[0] < 1 ||
            size[1] < 1) {
            return usage_error(command, "--%s: '%s' is not a size like 1024x2048 (height x width)", o->name, text);
        }
        if (size[0] > MOST_SIDE || size[1] > MOST_SIDE) {
            return usage_error(command, "--%s: '%s': sides have at most %d pixels", o->name, text, MOST_SIDE);
        }
        memcpy(o->value, size, sizeof(size));
        return -1;
    case OPTION_CHOICE: return parse_choice(command, o, text);
    case OPTION_FLAG: break;
    }
    return -1;
}

/* Parses the option at argv[*i], stepping over a value in the next argument. */
static int parse_option(const struct command *command, const struct option *options, size_t count, int argc,
                        char **argv, int *i) {
    const char *arg = argv[*i];
    const struct option *o = find_option(options, count, arg);
    if (!o) {
        return unknown_option(command, options, count, arg);
    }
    if (o->given) {
        *o->given = true;
    }
    const char *value = arg[1] == '-' ? strchr(arg, '=') : NULL;
    if (o->type == OPTION_FLAG) {
        if (value) {
            return usage_error(command, "--%s takes no value", o->name);
        }
        *(bool *)o->value = true;
        return -1;
    }
    if (!value && *i + 1 >= argc) {
        return usage_error(command, "--%s needs a value%s%s", o->name, o->argument ? ": " : "",
                           o->argument ? o->argument : "");
    }
    return parse_value(command, o, value ? value + 1 : argv[++*i]);
}

int options_parse(const struct command *command, const struct option *options, size_t count, int argc, char **argv,
                  int *positional) {
    bool seen[128] = {false};
    int num_positional = 0;
    bool only_positional = false;
    for (int i = 1; i < argc; i++) {
        if (only_positional || argv[i][0] != '-' || argv[i][1] == '\0') {
            if (!positional) {
                return usage_error(command, "unexpected argument '%s'", argv[i]);
            }
            argv[1 + num_positional++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_positional = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(command, options, count);
            return EXIT_OK;
        } else {
            const struct option *o = find_option(options, count, argv[i]);
            int code = parse_option(command, options, count, argc, argv, &i);
            if (code >= 0) {
                return code;
            }
            seen[o - options] = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (options[i].required && !seen[i]) {
            return usage_error(command, "--%s is missing", options[i].name);
        }
    }
    if (positional) {
        *positional = num_positional;
    }
    return -1;
}
