/* fastscnn validate: a data set's pictures -> mIoU and pixel accuracy, without files on the way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "default_model.h"
#include "files.h"
#include "score_output.h"
#include "validate_run.h"

struct settings {
    const char *model, *data, *split, *sort_log, *overlays;
    int pool, label_type, threads, limit;
    bool pool_given;
    struct score_output output;
};

static int parse(const struct command *command, int argc, char **argv, struct settings *s) {
    const struct option options[] = {
        {"model", 'm', OPTION_TEXT, &s->model, "FILE",
         "offline model (.fscnn), .onnx or .pth (default: the built-in one)"},
        {"datasets_input_path", 'i', OPTION_TEXT, &s->data, "DIR", "data set with leftImg8bit/ and gtFine/",
         .required = true},
        {"split", 0, OPTION_TEXT, &s->split, "NAME", "folder inside leftImg8bit/ and gtFine/ (default: val)"},
        {"sort_log", 's', OPTION_TEXT, &s->sort_log, "FILE",
         "which pictures, in which order (default: all, by city and name)"},
        {"label_type", 0, OPTION_CHOICE, &s->label_type, "TYPE", LABEL_TYPE_HELP, label_type_choices},
        {"pool", 0, OPTION_CHOICE, &s->pool, "KIND",
         ".pth: pyramid pooling fixed or adaptive (default: fixed; adaptive for small pictures)", pool_choices,
         .given = &s->pool_given},
        {"threads", 't', OPTION_INT, &s->threads, "N", "of the network (default 0: one a core)", .low = 0,
         .high = MOST_THREADS},
        {"limit", 'n', OPTION_INT, &s->limit, "N", "only the first N pictures (default 0: all)", .low = 0,
         .high = 1 << 30},
        {"json", 0, OPTION_FLAG, &s->output.json, NULL, "print one JSON object instead of text"},
        {"html", 0, OPTION_TEXT, &s->output.html, "FILE", "write a report: classes, confusion matrix, images"},
        {"overlays", 0, OPTION_TEXT, &s->overlays, "DIR", "write the labels drawn over each picture there"},
    };
    return options_parse(command, options, sizeof(options) / sizeof(options[0]), argc, argv, NULL);
}

/* Messages go below a progress bar, not into it. */
static void print_line(void *user, const char *text) {
    (void)user;
    fprintf(stderr, "%s\n", text);
}

/* The pictures and their order. */
static enum fscnn_status open_data(const struct settings *s, struct fscnn_dataset *dataset, size_t **order,
                                   size_t *count, struct fscnn_error *err) {
    const struct fscnn_log log = {.line = print_line};
    enum fscnn_status status =
        fscnn_dataset_open(s->data, s->split, (enum fscnn_label_type)s->label_type, log, dataset, err);
    if (status != FSCNN_OK) {
        return status;
    }
    *count = dataset->count;
    if (s->sort_log) {
        status = fscnn_dataset_order(dataset, s->sort_log, order, count, err);
    }
    if (status == FSCNN_OK && *count == 0) {
        status = fail(err, FSCNN_ERROR_FORMAT, "%.300s: no picture of split %.100s has labels", s->data, s->split);
    }
    if (s->limit && *count > (size_t)s->limit) {
        *count = (size_t)s->limit;
    }
    return status;
}

/* The pictures that could not be evaluated. */
struct left_out {
    struct fscnn_left_out *items;
    size_t count, room;
    bool lost; /* no memory to remember them all */
};

static void leave_out(void *user, const struct fscnn_dataset_item *item, const struct fscnn_error *err) {
    struct left_out *l = user;
    fprintf(stderr, "fastscnn: %s\n", err->text);
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 16;
        struct fscnn_left_out *items = realloc(l->items, room * sizeof(*items));
        if (items) {
            l->items = items;
            l->room = room;
        }
    }
    char *why = l->count < l->room ? strdup(err->text) : NULL;
    l->lost |= !why;
    if (why) {
        l->items[l->count++] = (struct fscnn_left_out){.name = item->stem, .why = why};
    }
}

static void left_out_free(struct left_out *l) {
    for (size_t i = 0; i < l->count; i++) {
        free((char *)l->items[i].why);
    }
    free(l->items);
}

/* Prints the figures, as far as there are any. */
static int report(const struct settings *s, const struct fscnn_evaluation *evaluation, const struct left_out *left_out,
                  size_t count) {
    if (left_out->lost) {
        fprintf(stderr, "fastscnn: out of memory for a list of the pictures left out\n");
        return EXIT_BAD_INPUT;
    }
    if (!evaluation) {
        fprintf(stderr, "fastscnn: none of %zu picture%s could be evaluated\n", count, count == 1 ? "" : "s");
        return EXIT_BAD_INPUT;
    }
    int code = scores_write(evaluation, &s->output);
    if (left_out->count) {
        fprintf(stderr, "fastscnn: %zu of %zu pictures left out: the figures are incomplete\n", left_out->count, count);
        code = EXIT_BAD_INPUT;
    }
    return code;
}

static int run(const struct command *command, int argc, char **argv) {
    struct settings s = {.split = "val", .output.report.title = "Semantic segmentation: model against labels"};
    struct fscnn_dataset dataset = {0};
    struct fscnn_evaluation *evaluation = NULL;
    struct fscnn_error err = {""};
    struct progress_bar bar;
    struct left_out left_out = {0};
    char *default_model = NULL;
    size_t *order = NULL, count = 0;
    int beyond = -1;
    int code = parse(command, argc, argv, &s);
    if (code >= 0) {
        return code;
    }
    enum fscnn_status status = s.model ? FSCNN_OK : default_model_path(&default_model, &err);
    if (status == FSCNN_OK && s.overlays) {
        status = create_folder(s.overlays, &err);
    }
    if (status == FSCNN_OK) {
        status = open_data(&s, &dataset, &order, &count, &err);
    }
    progress_start(&bar, "validate", s.output.json);
    if (status == FSCNN_OK) {
        const struct validation validation = {.model = s.model ? s.model : default_model,
                                              .pool = {.kind = (enum fscnn_pool)s.pool, .given = s.pool_given},
                                              .label_type = (enum fscnn_label_type)s.label_type,
                                              .threads = s.threads,
                                              .overlays = s.overlays,
                                              .dataset = &dataset,
                                              .order = order,
                                              .count = count,
                                              .bar = &bar,
                                              .beyond = &beyond,
                                              .left_out = leave_out,
                                              .user = &left_out};
        status = validation_run(&validation, &evaluation, &err);
    }
    progress_finish(&bar);
    if (beyond >= 0) {
        fprintf(stderr,
                "fastscnn: some labels (the highest is %d) are none of the model's classes and were ignored; for "
                "Cityscapes' label ids leave --label_type out\n",
                beyond);
    }
    if (status == FSCNN_OK) {
        s.output.report.model = s.model ? s.model : default_model;
        s.output.report.data = s.data;
        s.output.report.order = s.sort_log ? s.sort_log : "by city and name";
        s.output.report.left_out = left_out.items;
        s.output.report.num_left_out = left_out.count;
        code = report(&s, evaluation, &left_out, count);
    } else {
        code = status_error(status, &err);
    }
    fscnn_evaluation_free(&evaluation);
    left_out_free(&left_out);
    fscnn_dataset_free(&dataset);
    free(order);
    free(default_model);
    return code;
}

const struct command command_validate = {
    .name = "validate",
    .arguments = "--datasets_input_path DIR [--model FILE] [options]",
    .summary = "a data set through the network: mIoU and pixel accuracy in one pass",
    .example =
        "  fastscnn validate --model fast_scnn_bs1.fscnn --datasets_input_path /data/cityscapes --html report.html\n"
        "\n"
        "The figures are those of preprocess, infer and evaluate in turn, with nothing written on the way.\n"
        "Pictures of several sizes need a checkpoint or an ONNX file, which is compiled for each size.\n"
        "A picture that cannot be evaluated is left out and named; the figures of the others are marked as\n"
        "incomplete, and the exit code is 1.",
    .run = run,
};
