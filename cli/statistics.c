#include "statistics.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool samples_add(struct samples *samples, double value) {
    if (samples->count == samples->capacity) {
        size_t capacity = samples->capacity ? 2 * samples->capacity : 256;
        double *values = realloc(samples->values, capacity * sizeof(*values));
        if (!values) {
            return false;
        }
        samples->values = values;
        samples->capacity = capacity;
    }
    samples->values[samples->count++] = value;
    return true;
}

void samples_free(struct samples *samples) {
    free(samples->values);
    *samples = (struct samples){0};
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t count, double percent) {
    double rank = percent / 100 * (double)(count - 1);
    size_t below = (size_t)rank;
    double part = rank - (double)below;
    return below + 1 < count ? sorted[below] + part * (sorted[below + 1] - sorted[below]) : sorted[count - 1];
}

struct statistics statistics_of(const struct samples *samples) {
    struct statistics s = {.count = samples->count};
    double *sorted = samples->count ? malloc(samples->count * sizeof(*sorted)) : NULL;
    if (!sorted) {
        return s;
    }
    memcpy(sorted, samples->values, samples->count * sizeof(*sorted));
    qsort(sorted, samples->count, sizeof(*sorted), compare_doubles);
    double sum = 0;
    for (size_t i = 0; i < samples->count; i++) {
        sum += sorted[i];
    }
    s.min = sorted[0];
    s.max = sorted[samples->count - 1];
    s.mean = sum / (double)samples->count;
    s.median = percentile(sorted, samples->count, 50);
    s.percentile90 = percentile(sorted, samples->count, 90);
    s.percentile95 = percentile(sorted, samples->count, 95);
    s.percentile99 = percentile(sorted, samples->count, 99);
    free(sorted);
    return s;
}

double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
