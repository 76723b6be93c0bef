/* fastscnn evaluate: result files and label files -> mIoU and pixel accuracy, as Fast_SCNN_postprocess.py. */
#include <stdio.h>

#include "commands.h"
#include "progress.h"
#include "score_output.h"

static void print_doubt(void *user, const char *text) {
    progress_clear(user);
    fprintf(stderr, "fastscnn: %s (--num_classes)\n", text);
}

static int run(const struct command *command, int argc, char **argv) {
    struct fscnn_evaluate_options options = {0};
    struct score_output output = {.report = {.title = "Semantic segmentation: results against labels"}};
    struct fscnn_evaluation *evaluation = NULL;
    struct fscnn_error err = {""};
    struct progress_bar bar;
    const struct option table[] = {
        {.name = "result_bin_root",
         .letter = 'r',
         .type = OPTION_TEXT,
         .value = &options.result_root,
         .argument = "DIR",
         .help = "STEM_leftImg8bit_0.bin, .npy or .txt: logits or labels",
         .required = true},
        {.name = "label_bin_root",
         .letter = 'l',
         .type = OPTION_TEXT,
         .value = &options.label_root,
         .argument = "DIR",
         .help = "STEM_gtFine_labelIds.bin: float32 train ids",
         .required = true},
        {.name = "sort_log",
         .letter = 's',
         .type = OPTION_TEXT,
         .value = &options.sort_log,
         .argument = "FILE",
         .help = "STEM_leftImg8bit.png a line: which, and in which order",
         .required = true},
        {.name = "num_classes",
         .letter = 'n',
         .type = OPTION_INT,
         .value = &options.classes,
         .argument = "N",
         .help = "default: as the first result's size says, where it can mean one thing only; 19 for labels",
         .low = 1,
         .high = FSCNN_MAX_CLASSES},
        {.name = "threads",
         .letter = 't',
         .type = OPTION_INT,
         .value = &options.threads,
         .argument = "N",
         .help = "images at a time (default 0: one a core)",
         .low = 0,
         .high = MOST_THREADS},
        {.name = "json", .type = OPTION_FLAG, .value = &output.json, .help = "print one JSON object instead of text"},
        {.name = "html",
         .type = OPTION_TEXT,
         .value = &output.html,
         .argument = "FILE",
         .help = "write a report: classes, confusion matrix, images"},
    };
    int code = options_parse(command, table, sizeof(table) / sizeof(table[0]), argc, argv, NULL);
    if (code >= 0) {
        return code;
    }
    progress_start(&bar, "evaluate", output.json);
    options.progress = progress_callback(&bar);
    options.log = (struct fscnn_log){.line = print_doubt, .user = &bar};
    enum fscnn_status status = fscnn_evaluate_files(&options, &evaluation, &err);
    progress_finish(&bar);
    if (status != FSCNN_OK) {
        return status_error(status, &err);
    }
    output.report.data = options.result_root;
    output.report.order = options.sort_log;
    code = scores_write(evaluation, &output);
    fscnn_evaluation_free(&evaluation);
    return code;
}

const struct command command_evaluate = {
    .name = "evaluate",
    .arguments = "--result_bin_root DIR --label_bin_root DIR --sort_log FILE [options]",
    .summary = "result files against labels: mIoU and pixel accuracy",
    .example = "  fastscnn evaluate --result_bin_root ./result/bs1/ --label_bin_root ./prep_datasets/gtFine/ \\\n"
               "      --sort_log ./sort.log --html report.html\n"
               "\n"
               "AvgmIou and AvgpixAcc are the deployment guide's means of running figures, which depend on the order;\n"
               "mIoU, pixAcc (aAcc) and mAcc are the standard ones.",
    .run = run,
};
