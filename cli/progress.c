#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

static double now_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_start(struct progress_bar *bar, const char *what, bool quiet) {
    double now = now_seconds();
    *bar = (struct progress_bar){
        .what = what, .terminal = isatty(STDERR_FILENO), .quiet = quiet, .last_step = -1, .started = now};
}

/* "3/20", or "0.3/2.0". */
static const char *format_share(const struct progress_bar *bar, uint64_t done, uint64_t total, char *text,
                                size_t size) {
    if (bar->tenths) {
        snprintf(text, size, "%.1f/%.1f", (double)done / 10, (double)total / 10);
    } else {
        snprintf(text, size, "%llu/%llu", (unsigned long long)done, (unsigned long long)total);
    }
    return text;
}

void progress_update(struct progress_bar *bar, uint64_t done, uint64_t total) {
    double now = now_seconds();
    if (bar->quiet || total == 0) {
        return;
    }
    double elapsed = now - bar->started;
    char share[64];
    double rest = done ? elapsed * (double)(total - done) / (double)done : 0;
    if (bar->terminal) {
        if (done < total && now - bar->drawn < 0.1) {
            return;
        }
        int filled = (int)(BAR_WIDTH * done / total);
        fprintf(stderr, "\r%s [%.*s%*s] %s  %.0f s left \033[K", bar->what, filled, "##############################",
                BAR_WIDTH - filled, "", format_share(bar, done, total, share, sizeof(share)), rest);
        fflush(stderr);
    } else {
        int step = (int)(10 * done / total);
        if (step == bar->last_step) {
            return;
        }
        fprintf(stderr, "%s: %s, %.0f s\n", bar->what, format_share(bar, done, total, share, sizeof(share)), elapsed);
        bar->last_step = step;
    }
    bar->drawn = now;
}

void progress_clear(struct progress_bar *bar) {
    if (bar->terminal && !bar->quiet && bar->drawn > 0) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        bar->drawn = 0;
    }
}

void progress_finish(struct progress_bar *bar) {
    if (bar->terminal && !bar->quiet && bar->drawn > 0) {
        fputc('\n', stderr);
    }
    bar->quiet = true;
}

static void report(void *user, uint64_t done, uint64_t total) { progress_update(user, done, total); }

struct fscnn_progress progress_callback(struct progress_bar *bar) {
    return (struct fscnn_progress){.report = report, .user = bar};
}
