/* Progress of long work: a bar that redraws itself on a terminal, a plain line every ten percent elsewhere (stderr). */
#ifndef FSCNN_CLI_PROGRESS_H
#define FSCNN_CLI_PROGRESS_H

#include "fastscnn/fastscnn.h"

struct progress_bar {
    const char *what; /* "preprocess" */
    bool terminal;
    bool quiet;
    bool tenths; /* `done` and `total` count tenths of what is shown */
    int last_step;
    double started, drawn; /* seconds */
};

void progress_start(struct progress_bar *bar, const char *what, bool quiet);
void progress_update(struct progress_bar *bar, uint64_t done, uint64_t total);
/* Takes a bar away so that a line can be printed; the next update draws it again. */
void progress_clear(struct progress_bar *bar);
void progress_finish(struct progress_bar *bar);
/* The same as a callback for the library; `bar` must outlive it. */
struct fscnn_progress progress_callback(struct progress_bar *bar);

#endif
