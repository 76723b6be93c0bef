/* What the processor can do at most: the loops count what they do, and the figures are of a plausible size and order.
 */
#include <time.h>

#include "cpu/cpu.h"
#include "run/peak.h"
#include "testing.h"

/* The sets of instructions to look at: each one's flags and those below it. */
static const uint32_t levels[] = {
    0,
    CPU_AVX2,
    CPU_AVX2 | CPU_AVX_VNNI,
    CPU_AVX2 | CPU_AVX512,
    CPU_AVX2 | CPU_AVX512 | CPU_AVX512_VNNI,
    CPU_AVX2 | CPU_AVX512 | CPU_AVX512_BF16,
    CPU_NEON,
    CPU_NEON | CPU_DOTPROD,
    ~0U,
};
enum { LEVELS = sizeof(levels) / sizeof(levels[0]) };

static double seconds_of(uint64_t (*peak)(uint64_t rounds), uint64_t rounds) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    peak(rounds);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}

/* Every loop of every set runs, says as much for as many rounds, and takes time for them: it was not optimised away. */
static void test_loops(void **state) {
    (void)state;
    for (int i = 0; i < LEVELS; i++) {
        const struct kernels k = kernels_get(levels[i] & cpu_flags_found());
        for (int type = 0; type < ELEM_COUNT; type++) {
            uint64_t one = k.peak[type](1), rounds = 20000;
            assert_in_range(one, 24, 1 << 20);
            assert_int_equal(k.peak[type](1000), 1000 * one);
            double seconds = seconds_of(k.peak[type], rounds);
            assert_true((double)(rounds * one) / seconds < 1e14); /* operations a second of one thread */
        }
    }
}

/* Writing stays in its bounds, and changes what is in them. */
static void test_memory_bounds(void **state) {
    (void)state;
    enum { LINES = 5 };
    for (int i = 0; i < LEVELS; i++) {
        const struct kernels k = kernels_get(levels[i] & cpu_flags_found());
        uint8_t *data = aligned_alloc(PEAK_LINE, (LINES + 2) * PEAK_LINE);
        assert_non_null(data);
        memset(data, 0xa5, (LINES + 2) * PEAK_LINE);
        uint8_t *inside = data + PEAK_LINE, *end = inside + LINES * PEAK_LINE;
        k.peak_read(inside, LINES * PEAK_LINE);
        k.peak_write(inside, LINES * PEAK_LINE);
        for (int b = 0; b < PEAK_LINE; b++) {
            assert_int_equal(data[b], 0xa5);
            assert_int_equal(end[b], 0xa5);
        }
        for (int word = 0; word < LINES * PEAK_LINE / 4; word++) {
            assert_memory_not_equal(inside + (ptrdiff_t)4 * word, data, 4);
        }
        free(data);
    }
}

static void test_measured(void **state) {
    (void)state;
    struct fscnn_peak peak;
    struct fscnn_error err;
    assert_int_equal(fscnn_cpu_peak(1, &peak, &err), FSCNN_OK);
    assert_int_equal(peak.threads, 1);
    assert_true(peak.compute[FSCNN_FP32] > 1e7 && peak.compute[FSCNN_FP32] < 1e14);
    assert_true(peak.compute[FSCNN_BF16] >= peak.compute[FSCNN_FP32]);
    assert_true(peak.compute[FSCNN_INT8] >= peak.compute[FSCNN_FP32]);
    assert_true(peak.read_memory > 1e7 && peak.read_memory < 1e13);
    assert_true(peak.write_memory > 1e7 && peak.write_memory < 1e13);
    assert_true(peak.read_cache > 1e7 && peak.read_cache < 1e14);
    assert_int_equal(fscnn_cpu_peak(-1, &peak, &err), FSCNN_ERROR_USAGE);
    assert_int_equal(fscnn_cpu_peak(257, &peak, &err), FSCNN_ERROR_USAGE);
    assert_int_equal(fscnn_cpu_peak(0, &peak, NULL), FSCNN_OK);
    assert_int_equal(peak.threads, fscnn_cpu_cores());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_memory_bounds),
        cmocka_unit_test(test_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
