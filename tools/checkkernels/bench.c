/* Times every kernel on the network's shapes, against what this processor can do at most. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "checkkernels.h"

/* Each figure is the median of several repetitions of at least so many microseconds. The peaks are measured beside
 * every repetition, because what a processor can do changes from one moment to the next: clocks, temperature,
 * neighbours. */
enum { REPETITIONS = 7, REPETITION_US = 2000, PEAK_US = 200 };
/* What the cache is measured with: more than first-level caches hold, less than the second. */
enum { CACHE_BYTES = 256 << 10 };

struct timing {
    double seconds; /* of a call */
    double share;   /* of the roofline */
    double peak;    /* operations or bytes a second, of what limits the call */
};

static double now_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double time_rounds(const struct kernels *k, const struct call *c, int rounds) {
    const double start = now_seconds();
    for (int i = 0; i < rounds; i++) {
        c->kernel->operation->run(k, c);
    }
    return now_seconds() - start;
}

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[REPETITIONS]) {
    qsort(values, REPETITIONS, sizeof(values[0]), compare_doubles);
    return values[REPETITIONS / 2];
}

/* Operations a second at most. Narrow types can also be computed in float32, which is faster on some processors. */
static double peak_compute(const struct kernels *k, int type) {
    double best = 0;
    for (int i = 0; i < 2; i++) {
        uint64_t rounds = 1000;
        double seconds, rate;
        do {
            const double start = now_seconds();
            const uint64_t operations = k->peak[i == 0 ? type : ELEM_F32](rounds *= 2);
            seconds = now_seconds() - start;
            rate = (double)operations / seconds;
        } while (seconds < 1e-6 * PEAK_US);
        best = rate > best ? rate : best;
    }
    return best;
}

/* Bytes a second at most, read from the second-level cache. */
static double peak_cache(const struct kernels *k) {
    static char data[CACHE_BYTES] __attribute__((aligned(64)));
    const double start = now_seconds();
    double seconds;
    int reads = 0;
    do {
        k->peak_read(data, sizeof(data));
        reads++;
        seconds = now_seconds() - start;
    } while (seconds < 1e-6 * PEAK_US);
    return (double)reads * sizeof(data) / seconds;
}

/* Whether its arithmetic needs longer at least than its bytes do, by one measurement of both peaks. */
static bool limited_by_compute(const struct kernels *k, const struct call *c) {
    return c->operations > 0 && c->operations / peak_compute(k, c->arithmetic) > c->bytes / peak_cache(k);
}

static struct timing time_call(const struct kernels *k, const struct call *c, bool compute) {
    double seconds[REPETITIONS], shares[REPETITIONS], peaks[REPETITIONS];
    int rounds = 1; /* finding out how many also warms up */
    for (double t; (t = time_rounds(k, c, rounds)) < 1e-6 * REPETITION_US && rounds < 1 << 28;) {
        rounds *= t < 1e-7 * REPETITION_US ? 8 : 2;
    }
    for (int i = 0; i < REPETITIONS; i++) {
        peaks[i] = compute ? peak_compute(k, c->arithmetic) : peak_cache(k);
        seconds[i] = time_rounds(k, c, rounds) / rounds;
        shares[i] = (compute ? c->operations : c->bytes) / peaks[i] / seconds[i];
    }
    return (struct timing){median(seconds), median(shares), median(peaks)};
}

static void print_timing(const char *isa, const struct call *c, const struct timing *t, bool compute) {
    const char *unit = !compute ? "GB/s of the cache" : c->arithmetic == ELEM_U8 ? "GOP/s" : "GFLOP/s";
    char rate[32] = "-";
    if (c->operations > 0) {
        snprintf(rate, sizeof(rate), "%.1f", 1e-9 * c->operations / t->seconds);
    }
    printf("%-16s %-11s %-27s %9.0f %8s %7.1f %6.1f %% of %.0f %s\n", c->kernel->name, isa, c->text, 1e9 * t->seconds,
           rate, 1e-9 * c->bytes / t->seconds, 100 * t->share, 1e-9 * t->peak, unit);
    fflush(stdout);
}

static void bench_kernel(const struct kernel *kernel, const struct isa *isa, uint32_t seed) {
    bool more = true;
    for (int i = 0; more; i++) {
        struct call c = {.kernel = kernel, .type = kernel->type};
        random_start(seed);
        buffers_reset(true);
        more = kernel->operation->network(&c, i);
        if (more) {
            const bool compute = limited_by_compute(&isa->kernels, &c);
            const struct timing t = time_call(&isa->kernels, &c, compute);
            print_timing(isa->name, &c, &t, compute);
            output_free(&c.out);
        }
    }
}

int bench_all(const char *pattern, uint32_t seed) {
    struct isa isas[MAX_ISAS];
    const int num_isas = isas_find(isas);
    int matching = 0;
    for (int k = 0; k < num_kernels; k++) {
        for (int i = 0; i < num_isas; i++) {
            if (!isa_has_own(isas, i, &kernel_list[k]) || !name_matches(pattern, kernel_list[k].name, isas[i].name)) {
                continue;
            }
            if (matching++ == 0) {
                printf("%-16s %-11s %-27s %9s %8s %7s %s\n", "kernel", "isa", "shape", "ns a call", "GFLOP/s", "GB/s",
                       "share of the peak of one thread");
            }
            bench_kernel(&kernel_list[k], &isas[i], seed);
        }
    }
    return matching ? 0 : no_match(pattern, isas, num_isas);
}
