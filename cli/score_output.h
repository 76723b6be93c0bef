/* What evaluate and validate print and write. */
#ifndef FSCNN_CLI_SCORE_OUTPUT_H
#define FSCNN_CLI_SCORE_OUTPUT_H

#include "fastscnn/fastscnn.h"

struct score_output {
    bool json;        /* JSON on stdout instead of tables */
    const char *html; /* a report's path, or NULL */
    struct fscnn_report_options report;
};

/* Prints and writes what was asked for; returns an exit code, after a message where it fails. */
int scores_write(const struct fscnn_evaluation *evaluation, const struct score_output *output);

#endif
