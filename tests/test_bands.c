/* Bands of rows: each row once in each slice, slices in order, whoever is how fast. */
#include "run/bands.h"
#include "testing.h"

enum { ROWS = 50, SLICES = 3, THREADS = 4 };

static uint32_t random_next(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* Marks what was taken; `done` [rows] counts the slices each row has been through. */
static void mark(int *done, const struct bands_part *part, const struct bands_step *step) {
    assert_true(part->from >= 0 && part->to <= part->end && part->end <= step->rows);
    assert_true(part->to - part->from <= step->chunk);
    for (int row = part->from; row < part->to; row++) {
        assert_int_equal(done[row], part->slice);
        done[row]++;
    }
}

static void check_all(const int *done, const struct bands_step *step) {
    for (int row = 0; row < step->rows; row++) {
        assert_int_equal(done[row], step->slices);
    }
}

static void threads_take_everything_once_in_any_order(void **state) {
    (void)state;
    uint32_t seed = 1, number = 0;
    for (int threads = 1; threads <= THREADS; threads++) {
        struct bands *bands = bands_create(threads);
        assert_non_null(bands);
        for (int round = 0; round < 300; round++) {
            const struct bands_step step = {
                .number = number,
                .rows = 1 + (int)(random_next(&seed) % ROWS),
                .slices = 1 + (int)(random_next(&seed) % SLICES),
                .chunk = 1 + (int)(random_next(&seed) % 3),
                .share = round % 5 != 0,
            };
            number++;
            int done[ROWS] = {0}, last[THREADS], slice[THREADS] = {0};
            bool over[THREADS] = {false};
            for (int i = 0; i < threads; i++) {
                last[i] = -1;
            }
            const uint32_t slow = random_next(&seed) % (uint32_t)threads; /* comes rarely, and late */
            for (int left = threads, turn = 0; left > 0; turn++) {
                const uint32_t i = random_next(&seed) % (uint32_t)threads;
                struct bands_part part;
                if (over[i] || (i == slow && left > 1 && turn % 7 != 0)) {
                    continue;
                }
                if (!bands_take(bands, (int)i, &step, &part)) {
                    over[i] = true;
                    left--;
                    continue;
                }
                assert_true(part.fresh || (part.from == last[i] && part.slice == slice[i]));
                last[i] = part.to;
                slice[i] = part.slice;
                mark(done, &part, &step);
            }
            check_all(done, &step);
        }
        bands_free(&bands);
        assert_null(bands);
    }
}

static void a_thread_that_never_comes_keeps_only_a_little(void **state) {
    (void)state;
    struct bands *bands = bands_create(2);
    const struct bands_step step = {.number = 7, .rows = 64, .slices = 1, .chunk = 1, .share = true};
    int done[64] = {0}, taken = 0;
    for (struct bands_part part; bands_take(bands, 0, &step, &part); taken++) {
        mark(done, &part, &step);
    }
    assert_true(taken >= 60 && taken < 64);
    for (struct bands_part part; bands_take(bands, 1, &step, &part);) {
        mark(done, &part, &step);
    }
    check_all(done, &step);
    bands_free(&bands);
}

static void without_sharing_bands_are_equal(void **state) {
    (void)state;
    struct bands *bands = bands_create(2);
    const struct bands_step step = {.number = 7, .rows = 64, .slices = 2, .chunk = 8};
    int done[64] = {0}, taken = 0;
    for (struct bands_part part; bands_take(bands, 1, &step, &part); taken++) {
        assert_true(part.from >= 32);
        mark(done, &part, &step);
    }
    assert_int_equal(taken, 8);
    bands_free(&bands);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_take_everything_once_in_any_order),
        cmocka_unit_test(a_thread_that_never_comes_keeps_only_a_little),
        cmocka_unit_test(without_sharing_bands_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
