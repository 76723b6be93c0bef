/* fastscnn: the program. A table of commands; each has its own file. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "files.h"
#include "suggest.h"
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
    fprintf(out, "\nTry:   fastscnn segment street.jpg --output out\nHelp:  fastscnn help COMMAND, or fastscnn COMMAND "
                 "--help\n");
}

/* Has whoever read the standard output gone away, as head does when it has seen enough? */
static bool reader_left(void) {
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* What a program that reads this would miss is an error, too. */
static int finish(int code) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (!reader_left()) {
            fprintf(stderr, "fastscnn: standard output: write failed\n");
        }
        return code == EXIT_OK ? EXIT_BAD_INPUT : code;
    }
    return code;
}

static bool is_one_of(const char *word, const char *const *words) {
    while (*words && strcmp(word, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

/* NULL after a message where there is no such command. */
static const struct command *find_command(const char *name) {
    struct suggestion suggestion = {.typed = name};
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(name, commands[i]->name) == 0) {
            return commands[i];
        }
        suggestion_consider(&suggestion, commands[i]->name);
    }
    suggestion_consider(&suggestion, "help");
    suggestion_consider(&suggestion, "version");
    char text[256];
    snprintf(text, sizeof(text), "%s", name);
    if (suggestion.nearest) {
        fprintf(stderr, "fastscnn: no command '%s'; did you mean '%s'?\n", make_printable(text), suggestion.nearest);
    } else {
        fprintf(stderr, "fastscnn: no command '%s'; fastscnn alone lists them\n", make_printable(text));
    }
    return NULL;
}

int main(int argc, char **argv) {
    static const char *const help[] = {"help", "--help", "-h", NULL};
    static const char *const version[] = {"version", "--version", "-v", NULL};
    const bool helps = argc < 2 || is_one_of(argv[1], help);
    if (helps && (argc < 3 || is_one_of(argv[2], help))) {
        print_overview(stdout);
        return finish(EXIT_OK);
    }
    if (is_one_of(argv[1], version)) {
        printf("fastscnn %s\n", fscnn_version());
        return finish(EXIT_OK);
    }
    const struct command *command = find_command(argv[helps ? 2 : 1]);
    if (!command) {
        return EXIT_BAD_USAGE;
    }
    if (helps) {
        char option[] = "--help", *words[] = {argv[2], option, NULL};
        return finish(command->run(command, 2, words));
    }
    temporaries_watch();
    return finish(command->run(command, argc - 1, argv + 1));
}
