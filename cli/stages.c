#include "stages.h"

#include <pthread.h>
#include <stdlib.h>

struct state {
    const struct stages *stages;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t next_read, ran, next_write, finished; /* items claimed or done, from the front */
    bool *read_done, *write_done;                /* [read_ahead + write_behind], by slot */
    bool stopped;
};

static size_t slot_of(const struct state *s, size_t i) {
    return i % (size_t)(s->stages->read_ahead + s->stages->write_behind);
}

/* With the mutex held: notes the outcome of a callback and wakes everyone. */
static void note(struct state *s, bool ok) {
    s->stopped |= !ok;
    pthread_cond_broadcast(&s->changed);
}

static void *read_loop(void *arg) {
    struct state *s = arg;
    pthread_mutex_lock(&s->mutex);
    while (!s->stopped && s->next_read < s->stages->count) {
        size_t i = s->next_read++;
        while (!s->stopped && i >= s->ran + (size_t)s->stages->read_ahead) {
            pthread_cond_wait(&s->changed, &s->mutex);
        }
        if (s->stopped) {
            break;
        }
        pthread_mutex_unlock(&s->mutex);
        bool ok = s->stages->read(s->stages->user, i);
        pthread_mutex_lock(&s->mutex);
        s->read_done[slot_of(s, i)] = ok;
        note(s, ok);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

static void run_loop(struct state *s) {
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; !s->stopped && i < s->stages->count; i++) {
        while (!s->stopped && (!s->read_done[slot_of(s, i)] || i >= s->finished + (size_t)s->stages->write_behind)) {
            pthread_cond_wait(&s->changed, &s->mutex);
        }
        if (s->stopped) {
            break;
        }
        s->read_done[slot_of(s, i)] = false;
        pthread_mutex_unlock(&s->mutex);
        bool ok = s->stages->run(s->stages->user, i);
        pthread_mutex_lock(&s->mutex);
        s->ran += ok;
        note(s, ok);
    }
    pthread_mutex_unlock(&s->mutex);
}

/* With the mutex held: hands over what is written without a gap, in order. */
static void finish_items(struct state *s) {
    while (!s->stopped && s->finished < s->stages->count && s->write_done[slot_of(s, s->finished)]) {
        if (s->stages->finish) {
            s->stages->finish(s->stages->user, s->finished);
        }
        s->write_done[slot_of(s, s->finished)] = false;
        s->finished++;
    }
}

static void *write_loop(void *arg) {
    struct state *s = arg;
    pthread_mutex_lock(&s->mutex);
    while (!s->stopped && s->next_write < s->stages->count) {
        size_t i = s->next_write++;
        while (!s->stopped && i >= s->ran) {
            pthread_cond_wait(&s->changed, &s->mutex);
        }
        if (s->stopped) {
            break;
        }
        pthread_mutex_unlock(&s->mutex);
        bool ok = s->stages->write(s->stages->user, i);
        pthread_mutex_lock(&s->mutex);
        s->write_done[slot_of(s, i)] = ok;
        finish_items(s);
        note(s, ok);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

bool stages_run(const struct stages *stages) {
    struct state s = {.stages = stages, .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t threads[2 * STAGES_MAX_THREADS];
    int started = 0;
    size_t slots = (size_t)stages->read_ahead + (size_t)stages->write_behind;
    s.read_done = calloc(slots, sizeof(bool));
    s.write_done = calloc(slots, sizeof(bool));
    bool made = s.read_done && s.write_done;
    for (int i = 0; i < stages->readers + stages->writers && made; i++) {
        made = pthread_create(&threads[started], NULL, i < stages->readers ? read_loop : write_loop, &s) == 0;
        started += made;
    }
    if (!made) {
        pthread_mutex_lock(&s.mutex);
        note(&s, false);
        pthread_mutex_unlock(&s.mutex);
    }
    if (started) {
        run_loop(&s);
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    free(s.read_done);
    free(s.write_done);
    return !s.stopped;
}
