#include "score_output.h"

#include <stdio.h>
#include <string.h>

#include "files.h"
#include "options.h"

/* "|   text   |" in the width of a column. */
static void print_centred(const char *text, int width) {
    int length = (int)strlen(text);
    int left = length < width ? (width - length) / 2 : 0;
    int right = length + left < width ? width - length - left : 0;
    printf("|%*s%s%*s", left, "", text, right, "");
}

static void print_rule(const int *widths, int columns) {
    for (int i = 0; i < columns; i++) {
        printf("+%.*s", widths[i], "----------------------------------------------------------------");
    }
    puts("+");
}

static void print_row(const char *const *cells, const int *widths, int columns) {
    for (int i = 0; i < columns; i++) {
        print_centred(cells[i], widths[i]);
    }
    puts("|");
}

static void format_percent(char *text, size_t size, double fraction, bool none) {
    if (none) {
        snprintf(text, size, "-");
    } else {
        snprintf(text, size, "%.2f", 100 * fraction);
    }
}

static void print_classes(const struct fscnn_evaluation *evaluation, int classes) {
    const int widths[] = {16, 8, 8};
    const char *const head[] = {"Class", "IoU", "Acc"};
    print_rule(widths, 3);
    print_row(head, widths, 3);
    print_rule(widths, 3);
    for (int c = 0; c < classes; c++) {
        struct fscnn_class_scores s;
        char iou[16], accuracy[16];
        fscnn_evaluation_get_class(evaluation, c, &s);
        format_percent(iou, sizeof(iou), s.iou, s.truth + s.predicted == 0);
        format_percent(accuracy, sizeof(accuracy), s.accuracy, s.truth == 0);
        const char *const cells[] = {s.name, iou, accuracy};
        print_row(cells, widths, 3);
    }
    print_rule(widths, 3);
}

static void print_summary(const struct fscnn_scores *s) {
    const int widths[] = {8, 8, 8};
    const char *const head[] = {"aAcc", "mIoU", "mAcc"};
    char figures[3][16];
    format_percent(figures[0], sizeof(figures[0]), s->pixel_accuracy, false);
    format_percent(figures[1], sizeof(figures[1]), s->miou, false);
    format_percent(figures[2], sizeof(figures[2]), s->mean_accuracy, false);
    const char *const cells[] = {figures[0], figures[1], figures[2]};
    print_rule(widths, 3);
    print_row(head, widths, 3);
    print_rule(widths, 3);
    print_row(cells, widths, 3);
    print_rule(widths, 3);
}

/* Why each was left out has been told when it was. */
static void print_left_out(const struct fscnn_report_options *report, uint64_t images) {
    printf("INCOMPLETE: no figure below counts %zu of the %llu images\n", report->num_left_out,
           (unsigned long long)images + report->num_left_out);
    for (size_t i = 0; i < report->num_left_out; i++) {
        char name[512];
        snprintf(name, sizeof(name), "%s", report->left_out[i].name);
        printf("  left out: %s\n", make_printable(name));
    }
}

static void print_tables(const struct fscnn_evaluation *evaluation, const struct fscnn_report_options *report) {
    struct fscnn_scores s;
    fscnn_evaluation_get_scores(evaluation, &s);
    if (report->num_left_out) {
        print_left_out(report, s.images);
    }
    printf("%llu image%s, %d classes, order: %s; figures in percent\n\n", (unsigned long long)s.images,
           s.images == 1 ? "" : "s", s.classes, report->order);
    print_classes(evaluation, s.classes);
    print_summary(&s);
    puts("\nStandard figures, after the last image (in any order):");
    printf("  mIoU: %.4f  pixAcc: %.4f  mAcc: %.4f\n", 100 * s.miou, 100 * s.pixel_accuracy, 100 * s.mean_accuracy);
    printf("  mIoU over the classes in the ground truth: %.4f\n", 100 * s.miou_present);
    puts("Deployment guide's figures, the means of mIoU and pixAcc after each image (in this order):");
    printf("  AvgmIou: %.4f  AvgpixAcc: %.4f\n", 100 * s.ordered_miou, 100 * s.ordered_pixel_accuracy);
}

int scores_write(const struct fscnn_evaluation *evaluation, const struct score_output *output) {
    struct fscnn_error err = {""};
    enum fscnn_status status = FSCNN_OK;
    /* The figures come first: a report that cannot be written must not take them along. */
    if (output->json) {
        status = fscnn_evaluation_write_json(evaluation, &output->report, stdout, &err);
    } else {
        print_tables(evaluation, &output->report);
    }
    if (output->html && status == FSCNN_OK) {
        status = fscnn_evaluation_write_html(evaluation, &output->report, output->html, &err);
        if (status == FSCNN_OK && !output->json) {
            printf("Report: %s\n", output->html);
        }
    }
    if (ferror(stdout)) {
        return EXIT_BAD_INPUT; /* main tells why */
    }
    return status == FSCNN_OK ? EXIT_OK : status_error(status, &err);
}
