#include "run/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Waiting threads look at the flag this often before they sleep: a step takes about a millisecond, waking one up about
 * 50 microseconds. */
enum { SPINS = 20000, LINE = 64 };

struct member {
    struct team *team;
    pthread_t thread;
    int index;
    bool started;
};

struct team {
    int size;
    int first_processor; /* -1: threads run where the system puts them */
    cpu_set_t allowed;   /* the processors counted from, when pinned */
    struct member *members;
    void (*run)(void *user, int thread);
    void *user;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Each on a line of its own: threads spin on them. */
    _Alignas(LINE) _Atomic unsigned job;    /* counts team_run calls */
    _Alignas(LINE) _Atomic int arrived;     /* at the barrier */
    _Alignas(LINE) _Atomic unsigned passed; /* counts barriers passed */
    _Alignas(LINE) _Atomic bool stop;
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Until *flag is no longer `old`: spins, then sleeps. */
static void wait_change(struct team *team, _Atomic unsigned *flag, unsigned old) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(flag, memory_order_acquire) != old) {
            return;
        }
        relax();
    }
    pthread_mutex_lock(&team->mutex);
    while (atomic_load_explicit(flag, memory_order_acquire) == old) {
        pthread_cond_wait(&team->changed, &team->mutex);
    }
    pthread_mutex_unlock(&team->mutex);
}

static void change(struct team *team, _Atomic unsigned *flag) {
    /* The lock makes a thread that is about to sleep either see the new value or get the signal. */
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add_explicit(flag, 1, memory_order_release);
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->mutex);
}

void team_wait(struct team *team) {
    if (team->size == 1) {
        return;
    }
    unsigned passed = atomic_load_explicit(&team->passed, memory_order_acquire);
    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) == team->size - 1) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        change(team, &team->passed);
    } else {
        wait_change(team, &team->passed, passed);
    }
}

/* Binds the calling thread to its processor among those that the team may use. */
static void pin_thread(const struct team *team, int index) {
    cpu_set_t one;
    unsigned left = ((unsigned)team->first_processor + (unsigned)index) % (unsigned)CPU_COUNT(&team->allowed);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &team->allowed) && left-- == 0) {
            CPU_SET(cpu, &one);
            break;
        }
    }
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void *member_main(void *arg) {
    struct member *member = arg;
    struct team *team = member->team;
    if (team->first_processor >= 0) {
        pin_thread(team, member->index);
    }
    for (unsigned job = 0;; job++) {
        wait_change(team, &team->job, job);
        if (atomic_load_explicit(&team->stop, memory_order_acquire)) {
            return NULL;
        }
        team->run(team->user, member->index);
        team_wait(team);
    }
}

enum fscnn_status team_create(int threads, int first_processor, struct team **out, struct fscnn_error *err) {
    struct team *team = aligned_alloc(LINE, sizeof(*team));
    struct member *members = calloc((size_t)threads, sizeof(*members));
    *out = NULL;
    if (!team || !members) {
        free(team);
        free(members);
        return error_memory(err, sizeof(*team), "threads");
    }
    *team = (struct team){.size = threads, .first_processor = first_processor, .members = members};
    if (pthread_getaffinity_np(pthread_self(), sizeof(team->allowed), &team->allowed) != 0 ||
        CPU_COUNT(&team->allowed) == 0) {
        team->first_processor = -1; /* more processors than a set holds: better unpinned than not at all */
    }
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->changed, NULL);
    for (int i = 1; i < threads; i++) {
        members[i] = (struct member){.team = team, .index = i};
        if (pthread_create(&members[i].thread, NULL, member_main, &members[i]) != 0) {
            team_free(&team);
            return error_set(err, FSCNN_ERROR_MEMORY, "thread %d of %d cannot be started", i + 1, threads);
        }
        members[i].started = true;
    }
    *out = team;
    return FSCNN_OK;
}

void team_free(struct team **team) {
    struct team *t = *team;
    if (!t) {
        return;
    }
    atomic_store_explicit(&t->stop, true, memory_order_release);
    change(t, &t->job);
    for (int i = 1; i < t->size; i++) {
        if (t->members[i].started) {
            pthread_join(t->members[i].thread, NULL);
        }
    }
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    free(t->members);
    free(t);
    *team = NULL;
}

int team_size(const struct team *team) { return team->size; }

void team_run(struct team *team, void (*run)(void *user, int thread), void *user) {
    cpu_set_t callers;
    bool pin = team->first_processor >= 0 && pthread_getaffinity_np(pthread_self(), sizeof(callers), &callers) == 0;
    team->run = run;
    team->user = user;
    if (pin) {
        pin_thread(team, 0);
    }
    if (team->size > 1) {
        change(team, &team->job);
    }
    run(user, 0);
    team_wait(team);
    if (pin) {
        pthread_setaffinity_np(pthread_self(), sizeof(callers), &callers);
    }
}
