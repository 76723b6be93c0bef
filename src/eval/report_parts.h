/* Pieces of the HTML report. Coordinates and colours are whole numbers, so that no locale's decimal comma breaks them.
 */
#ifndef FSCNN_EVAL_REPORT_PARTS_H
#define FSCNN_EVAL_REPORT_PARTS_H

#include <stdio.h>

#include "base/status.h"

/* Text as HTML shows it: & < > " ' are escaped. */
void html_text(FILE *f, const char *text);
/* The confusion matrix as an SVG picture: rows = ground truth, normalised; hits and misses in two colours. */
void svg_confusion(FILE *f, const struct fscnn_evaluation *evaluation, int classes);
/* The running mIoU and pixel accuracy over the images as an SVG picture, with their means. */
void svg_running(FILE *f, const struct fscnn_evaluation *evaluation, const struct fscnn_scores *scores);

#endif
