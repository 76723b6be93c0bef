/* fastscnn: the program. A table of commands; each has its own file. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "files.h"
#include "temporaries.h"

static const struct command *const commands[] = {
    &command_segment,  &command_preprocess, &command_export, &command_compile, &command_infer,
    &command_evaluate, &command_validate,   &command_bench,  &command_info,    NULL,
};

static void print_overview(FILE *out) {
    fprintf(out, "fastscnn %s - real-time semantic segmentation on ordinary processors\n\nCommands:\n",
            fscnn_version());
    for (size_t i = 0; commands[i]; i++) {
        fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    }
    fprintf(out, "\nTry:   fastscnn segment street.jpg --output out\nHelp:  fastscnn COMMAND --help\n");
}

/* What a program that reads this would miss is an error, too. */
static int finish(int code) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "fastscnn: standard output: write failed\n");
        return code == EXIT_OK ? EXIT_BAD_INPUT : code;
    }
    return code;
}

int main(int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_overview(stdout);
        return finish(EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("fastscnn %s\n", fscnn_version());
        return finish(EXIT_OK);
    }
    temporaries_watch();
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            return finish(commands[i]->run(commands[i], argc - 1, argv + 1));
        }
    }
    fprintf(stderr, "fastscnn: no command '%s'; fastscnn alone lists them\n", make_printable(argv[1]));
    return EXIT_BAD_USAGE;
}
