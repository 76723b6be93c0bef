#include <math.h>
#include <string.h>

#include "eval/report_parts.h"

/* Classes up to which names and numbers fit into the matrix. */
enum {
    MAX_NAMED = 40,
    CELL = 34,
    LABEL_WIDTH = 104,
    PLOT_WIDTH = 1000,
    PLOT_HEIGHT = 260,
    PLOT_LEFT = 44,
    PLOT_TOP = 12
};

static double share_of(const uint64_t *matrix, int classes, int row, int column, uint64_t truth) {
    return truth ? (double)matrix[(size_t)row * (size_t)classes + (size_t)column] / (double)truth : 0;
}

static void svg_cell(FILE *f, const char *truth, const char *predicted, int x, int y, int size, double share,
                     bool correct, bool named) {
    /* the root lets small confusions show */
    int alpha = (int)lround(255 * (correct ? share : sqrt(share)));
    fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s%02x\"><title>", x, y, size - 1, size - 1,
            correct ? "#0f766e" : "#dc2626", (unsigned)alpha);
    html_text(f, truth);
    fputs(correct ? " found: " : " taken for ", f);
    if (!correct) {
        html_text(f, predicted);
        fputs(": ", f);
    }
    fprintf(f, "%.2f %%</title></rect>\n", 100 * share);
    if (named && share >= 0.005) {
        fprintf(f, "<text class=\"%s\" x=\"%d\" y=\"%d\">%.0f</text>\n", alpha > 140 ? "n on" : "n", x + size / 2,
                y + size / 2 + 4, 100 * share);
    }
}

static void svg_names(FILE *f, const struct fscnn_evaluation *evaluation, int classes, int cell, int left, int top) {
    for (int c = 0; c < classes; c++) {
        struct fscnn_class_scores s;
        fscnn_evaluation_get_class(evaluation, c, &s);
        int middle = c * cell + cell / 2;
        fprintf(f, "<text class=\"r\" x=\"%d\" y=\"%d\">", left - 8, top + middle + 4);
        html_text(f, s.name);
        fprintf(f, "</text>\n<text x=\"0\" y=\"0\" transform=\"translate(%d %d) rotate(-50)\">", left + middle + 2,
                top - 8);
        html_text(f, s.name);
        fputs("</text>\n", f);
    }
}

void svg_confusion(FILE *f, const struct fscnn_evaluation *evaluation, int classes) {
    const uint64_t *matrix = fscnn_evaluation_confusion(evaluation);
    bool named = classes <= MAX_NAMED;
    int cell = named ? CELL : 4;
    int left = named ? LABEL_WIDTH + 20 : 24, top = named ? LABEL_WIDTH : 24;
    int width = left + classes * cell + (named ? 64 : 8), height = top + classes * cell + 4;
    fprintf(f,
            "<svg class=\"matrix\" viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"confusion matrix\">\n"
            "<rect class=\"bed\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
            width, height, width, left, top, classes * cell, classes * cell);
    if (named) {
        svg_names(f, evaluation, classes, cell, left, top);
        fprintf(f, "<text class=\"axis\" x=\"14\" y=\"%d\">truth \xe2\x86\x93</text>\n", top - 34);
        fprintf(f, "<text class=\"axis\" x=\"14\" y=\"%d\">predicted \xe2\x86\x92</text>\n", top - 14);
    }
    for (int r = 0; r < classes; r++) {
        struct fscnn_class_scores truth, predicted;
        fscnn_evaluation_get_class(evaluation, r, &truth);
        for (int c = 0; c < classes; c++) {
            double share = share_of(matrix, classes, r, c, truth.truth);
            if (share >= 0.0005) { /* what rounds to 0.0 % stays empty */
                fscnn_evaluation_get_class(evaluation, c, &predicted);
                svg_cell(f, truth.name, predicted.name, left + c * cell, top + r * cell, cell, share, r == c, named);
            }
        }
    }
    fputs("</svg>\n", f);
}

static int plot_y(double fraction, double low) {
    return PLOT_TOP + (int)lround((1 - (fraction - low) / (1 - low)) * (PLOT_HEIGHT - 2 * PLOT_TOP));
}

static void svg_curve(FILE *f, const struct fscnn_evaluation *evaluation, uint64_t images, double low, bool accuracy) {
    enum { MAX_POINTS = 2000 };
    uint64_t step = images / MAX_POINTS + 1;
    fprintf(f, "<polyline class=\"%s\" points=\"", accuracy ? "acc" : "iou");
    for (uint64_t i = 0; i < images; i += step) {
        struct fscnn_image_scores s;
        fscnn_evaluation_get_image(evaluation, i, &s);
        double x = PLOT_LEFT + (double)(PLOT_WIDTH - PLOT_LEFT - 10) * (double)i / (double)(images - 1);
        fprintf(f, "%d,%d ", (int)lround(x), plot_y(accuracy ? s.running_pixel_accuracy : s.running_miou, low));
    }
    fputs("\"/>\n", f);
}

void svg_running(FILE *f, const struct fscnn_evaluation *evaluation, const struct fscnn_scores *scores) {
    double lowest = 1;
    for (uint64_t i = 0; i < scores->images; i++) {
        struct fscnn_image_scores s;
        fscnn_evaluation_get_image(evaluation, i, &s);
        lowest = fmin(lowest, fmin(s.running_miou, s.running_pixel_accuracy));
    }
    double low = fmin(0.8, floor(10 * lowest) / 10);
    fprintf(f, "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"running figures\">\n", PLOT_WIDTH,
            PLOT_HEIGHT);
    for (int tenth = (int)lround(10 * low); tenth <= 10; tenth++) {
        int y = plot_y(tenth / 10.0, low);
        fprintf(f,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/><text class=\"r\" x=\"%d\" "
                "y=\"%d\">%d</text>\n",
                PLOT_LEFT, PLOT_WIDTH - 10, y, y, PLOT_LEFT - 8, y + 4, 10 * tenth);
    }
    const double means[] = {scores->ordered_miou, scores->ordered_pixel_accuracy};
    for (int k = 0; k < 2; k++) {
        int y = plot_y(means[k], low);
        fprintf(f, "<line class=\"%s mean\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", k ? "acc" : "iou", PLOT_LEFT,
                PLOT_WIDTH - 10, y, y);
        svg_curve(f, evaluation, scores->images, low, k == 1);
    }
    fputs("</svg>\n", f);
}
