/* Times and what is said about them. */
#ifndef FSCNN_CLI_STATISTICS_H
#define FSCNN_CLI_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* Milliseconds, in the order measured. */
struct samples {
    double *values;
    size_t count, capacity;
};
/* False when out of memory. */
bool samples_add(struct samples *samples, double value);
void samples_free(struct samples *samples);

struct statistics {
    double min, max, mean, median, percentile90, percentile95, percentile99;
    size_t count;
};
/* All 0 for no samples. Percentiles as numpy's default: linear between the two nearest ranks. */
struct statistics statistics_of(const struct samples *samples);

/* Seconds of a clock that only goes forward. */
double seconds_now(void);

#endif
