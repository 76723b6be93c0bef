/* fastscnn preprocess: a data set in the Cityscapes layout -> .bin files of the network's input and of labels. */
#include <stdio.h>
#include <time.h>

#include "commands.h"
#include "json_output.h"
#include "progress.h"

static double now_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Messages go below a progress bar, not into it. */
static void print_line(void *user, const char *text) {
    progress_clear(user);
    fprintf(stderr, "%s\n", text);
}

static int print_json(const struct fscnn_preprocess_options *options, const struct fscnn_preprocess_result *result,
                      double seconds) {
    return json_print(json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:f}", "input", json_text(options->input_path),
                                "output", json_text(options->output_path), "split", json_text(options->split),
                                "written", (json_int_t)result->written, "up_to_date", (json_int_t)result->up_to_date,
                                "without_labels", (json_int_t)result->unlabelled, "seconds", seconds));
}

static int run(const struct command *command, int argc, char **argv) {
    struct fscnn_preprocess_options options = {.split = "val"};
    struct fscnn_preprocess_result result;
    struct fscnn_error error;
    struct progress_bar bar;
    bool json = false;
    int label_type = FSCNN_LABEL_TYPE_LABEL_IDS;
    const struct option table[] = {
        {.name = "datasets_input_path",
         .letter = 'i',
         .type = OPTION_TEXT,
         .value = &options.input_path,
         .argument = "DIR",
         .help = "data set with leftImg8bit/ and gtFine/",
         .required = true},
        {.name = "datasets_output_path",
         .letter = 'o',
         .type = OPTION_TEXT,
         .value = &options.output_path,
         .argument = "DIR",
         .help = "gets leftImg8bit/*.bin and gtFine/*.bin",
         .required = true},
        {.name = "split",
         .type = OPTION_TEXT,
         .value = &options.split,
         .argument = "NAME",
         .help = "folder inside leftImg8bit/ and gtFine/ (default: val)"},
        {.name = "label_type",
         .type = OPTION_CHOICE,
         .value = &label_type,
         .argument = "TYPE",
         .help = LABEL_TYPE_HELP,
         .choices = label_type_choices},
        {.name = "sort_log",
         .type = OPTION_TEXT,
         .value = &options.sort_log_path,
         .argument = "FILE",
         .help = "write the order of the pictures there, as evaluate reads it"},
        {.name = "threads",
         .letter = 't',
         .type = OPTION_INT,
         .value = &options.threads,
         .argument = "N",
         .help = "pictures at a time (default 0: one a core)",
         .low = 0,
         .high = MOST_THREADS},
        {.name = "force",
         .type = OPTION_FLAG,
         .value = &options.force,
         .help = "write also files that are there and up to date"},
        {.name = "json", .type = OPTION_FLAG, .value = &json, .help = "print one JSON object instead of text"},
    };
    int code = options_parse(command, table, sizeof(table) / sizeof(table[0]), argc, argv, NULL);
    if (code >= 0) {
        return code;
    }
    options.label_type = (enum fscnn_label_type)label_type;
    progress_start(&bar, "preprocess", json);
    options.progress = progress_callback(&bar);
    options.log = (struct fscnn_log){.line = print_line, .user = &bar};
    double started = now_seconds();
    enum fscnn_status status = fscnn_preprocess(&options, &result, &error);
    double seconds = now_seconds() - started;
    progress_finish(&bar);
    if (status != FSCNN_OK) {
        return status_error(status, &error);
    }
    if (json) {
        return print_json(&options, &result, seconds);
    }
    printf("preprocess: %zu written, %zu up to date, %zu skipped without labels, %.1f s -> %s\n", result.written,
           result.up_to_date, result.unlabelled, seconds, options.output_path);
    return EXIT_OK;
}

const struct command command_preprocess = {
    .name = "preprocess",
    .arguments = "--datasets_input_path DIR --datasets_output_path DIR [options]",
    .summary = "turn a data set into .bin files of pictures and labels",
    .example =
        "  fastscnn preprocess --datasets_input_path ./cityscapes --datasets_output_path ./prep_datasets \\\n"
        "      --sort_log ./sort.log\n"
        "\n"
        "Files that are finished already are left alone, so an interrupted run goes on where it stopped: they have\n"
        "the times of the files they were made of. On file systems with coarser times than those all are made again.",
    .run = run,
};
