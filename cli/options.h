/* Declarative command-line options: a table drives parsing, --help and the checks. */
#ifndef FSCNN_CLI_OPTIONS_H
#define FSCNN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "fastscnn/fastscnn.h"

enum { EXIT_OK = 0, EXIT_BAD_INPUT = 1, EXIT_BAD_USAGE = 2 };
enum { MOST_THREADS = 256 }; /* that --threads takes, as the library does */

/* The words of --pool: enum fscnn_pool. NULL ends the list. */
extern const char *const pool_choices[];
/* The words of --label_type: enum fscnn_label_type. */
extern const char *const label_type_choices[];
#define LABEL_TYPE_HELP "labelIds of Cityscapes, or trainIds: the model's own classes, 255 ignored (default: labelIds)"

enum option_type {
    OPTION_TEXT,   /* const char ** */
    OPTION_INT,    /* int *, between low and high */
    OPTION_FLAG,   /* bool *, no argument */
    OPTION_BOOL,   /* bool *, argument yes/true/t/y/1 or no/false/f/n/0 */
    OPTION_CHOICE, /* int *, index into `choices`, matched without regard to case */
    OPTION_SIZE,   /* int[2]: height, width from "1024x2048" or "1024,2048" */
};

struct option {
    const char *name; /* without "--"; '_' and '-' mean the same */
    char letter;      /* 0: none */
    enum option_type type;
    void *value;                /* preset by the caller: the default */
    const char *argument;       /* "FILE", for --help */
    const char *help;           /* one line; the caller writes the default into it */
    const char *const *choices; /* OPTION_CHOICE: NULL-terminated */
    int low, high;              /* OPTION_INT; both 0: from 0 */
    bool required;
    bool *given; /* set when it is on the command line; may be NULL */
};

struct command {
    const char *name;
    const char *arguments;                                            /* "IN... --output DIR" for the usage line */
    const char *summary;                                              /* one line for the overview */
    const char *example;                                              /* one or more lines for --help */
    int (*run)(const struct command *command, int argc, char **argv); /* argv[0]: the command's name; gives exit code */
};

/* Parses argv[1..]. Positional arguments are moved to the front of argv+1 and counted into *positional (NULL: none are
 * allowed). Returns -1 to go on, or the exit code: EXIT_OK after --help was printed, EXIT_BAD_USAGE after a message. */
int options_parse(const struct command *command, const struct option *options, size_t count, int argc, char **argv,
                  int *positional);

/* "fastscnn COMMAND: text", for wrong usage; returns EXIT_BAD_USAGE. */
int usage_error(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "fastscnn: error text" on stderr; returns EXIT_BAD_USAGE for FSCNN_ERROR_USAGE, else EXIT_BAD_INPUT. */
int status_error(enum fscnn_status status, const struct fscnn_error *err);

#endif
