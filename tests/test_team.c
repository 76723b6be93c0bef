/* Teams of threads: everyone runs, waits for everyone, and stays on its processor where that is asked for. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "run/team.h"
#include "testing.h"

enum { THREADS = 5, ROUNDS = 200 };

struct rounds {
    struct team *team;
    _Atomic int counts[ROUNDS];
    _Atomic int early; /* threads that went past a barrier before all had come */
};

static void count_rounds(void *user, int thread) {
    struct rounds *r = user;
    (void)thread;
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&r->counts[i], 1);
        team_wait(r->team);
        if (atomic_load(&r->counts[i]) != team_size(r->team)) {
            atomic_fetch_add(&r->early, 1);
        }
    }
}

static void test_barrier(void **state) {
    (void)state;
    for (int threads = 1; threads <= THREADS; threads += 2) {
        struct rounds r = {0};
        assert_int_equal(team_create(threads, -1, &r.team, NULL), FSCNN_OK);
        team_run(r.team, count_rounds, &r);
        assert_int_equal(r.early, 0);
        assert_int_equal(r.counts[0], threads);
        assert_int_equal(r.counts[ROUNDS - 1], threads);
        team_free(&r.team);
        assert_null(r.team);
    }
}

static void note_processors(void *user, int thread) {
    cpu_set_t *sets = user;
    pthread_getaffinity_np(pthread_self(), sizeof(*sets), &sets[thread]);
}

/* The index-th processor of a set, from the first again after the last. */
static int processor_of(const cpu_set_t *set, int index) {
    int left = index % CPU_COUNT(set), cpu = 0;
    while (!CPU_ISSET(cpu, set) || left-- > 0) {
        cpu++;
    }
    return cpu;
}

/* Two teams of one caller: the second counts from all processors, too, and the caller gets its own back each time. */
static void test_pinned(void **state) {
    (void)state;
    cpu_set_t before, after, sets[THREADS];
    assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof(before), &before), 0);
    for (int first = 0; first <= 2; first++) {
        struct team *team;
        assert_int_equal(team_create(THREADS, first, &team, NULL), FSCNN_OK);
        for (int run = 0; run < 2; run++) {
            team_run(team, note_processors, sets);
            for (int i = 0; i < THREADS; i++) {
                assert_int_equal(CPU_COUNT(&sets[i]), 1);
                assert_true(CPU_ISSET(processor_of(&before, first + i), &sets[i]));
            }
            assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof(after), &after), 0);
            assert_true(CPU_EQUAL(&before, &after));
        }
        team_free(&team);
    }
}

static void test_not_pinned(void **state) {
    (void)state;
    cpu_set_t before, sets[THREADS];
    struct team *team;
    assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof(before), &before), 0);
    assert_int_equal(team_create(THREADS, -1, &team, NULL), FSCNN_OK);
    team_run(team, note_processors, sets);
    for (int i = 0; i < THREADS; i++) {
        assert_true(CPU_EQUAL(&before, &sets[i]));
    }
    team_free(&team);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_not_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
