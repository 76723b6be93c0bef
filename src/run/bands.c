#include "run/bands.h"

#include <pthread.h>
#include <stdlib.h>

/* Rows taken over together: fewer are not worth computing again what lies between them and the rest. */
enum { LEAST = 2, LINE = 64 };

struct band {
    _Alignas(LINE) pthread_mutex_t mutex;
    uint32_t number; /* of the pass that the others are of */
    int slice, first, next, end;
    bool fresh; /* nothing has been taken in this slice */
};

struct bands {
    int threads;
    struct band *band; /* [threads] */
};

struct bands *bands_create(int threads) {
    struct bands *bands = malloc(sizeof(*bands));
    struct band *band = aligned_alloc(LINE, (size_t)threads * sizeof(*band));
    if (!bands || !band) {
        free(bands);
        free(band);
        return NULL;
    }
    *bands = (struct bands){threads, band};
    for (int i = 0; i < threads; i++) {
        band[i] = (struct band){.number = UINT32_MAX};
        pthread_mutex_init(&band[i].mutex, NULL);
    }
    return bands;
}

void bands_free(struct bands **bands) {
    for (int i = 0; *bands && i < (*bands)->threads; i++) {
        pthread_mutex_destroy(&(*bands)->band[i].mutex);
    }
    if (*bands) {
        free((*bands)->band);
    }
    free(*bands);
    *bands = NULL;
}

/* Locked, and of this pass: a thread that has not come to it yet has its whole band before it. */
static struct band *open_band(struct bands *bands, int thread, const struct bands_step *step) {
    struct band *b = &bands->band[thread];
    pthread_mutex_lock(&b->mutex);
    if (b->number != step->number) {
        b->number = step->number;
        b->slice = 0;
        b->first = b->next = (int)((int64_t)step->rows * thread / bands->threads);
        b->end = (int)((int64_t)step->rows * (thread + 1) / bands->threads);
        b->fresh = true;
    }
    return b;
}

static void close_band(struct band *b) { pthread_mutex_unlock(&b->mutex); }

/* Rows that the thread still has to take, in all slices. */
static int64_t left_in(const struct band *b, const struct bands_step *step) {
    return b->end - b->next + (int64_t)(step->slices - 1 - b->slice) * (b->end - b->first);
}

/* How many rows off the end of the band leave the same work for both. */
static int half_of(const struct band *b, const struct bands_step *step) {
    int64_t rows = left_in(b, step) / (2 * (int64_t)(step->slices - b->slice));
    rows = rows < b->end - b->next ? rows : b->end - b->next;
    return rows < LEAST ? 0 : (int)rows;
}

/* Moves the lower part of the band with the most left to this thread's; false when there is none. */
static bool take_over(struct bands *bands, int thread, const struct bands_step *step) {
    int best = -1;
    int64_t most = 0;
    for (int i = 0; i < bands->threads; i++) {
        struct band *b = i == thread ? NULL : open_band(bands, i, step);
        if (b && half_of(b, step) > 0 && left_in(b, step) > most) {
            best = i;
            most = left_in(b, step);
        }
        if (b) {
            close_band(b);
        }
    }
    if (best < 0) {
        return false;
    }
    struct band *other = open_band(bands, best, step);
    const int rows = half_of(other, step), slice = other->slice;
    other->end -= rows;
    const int first = other->end;
    close_band(other);
    struct band *own = open_band(bands, thread, step);
    own->slice = slice;
    own->first = own->next = first;
    own->end = first + rows;
    own->fresh = true;
    close_band(own);
    return true; /* even if others were faster and it is empty: there may be more elsewhere */
}

static bool take_own(struct bands *bands, int thread, const struct bands_step *step, struct bands_part *out) {
    struct band *b = open_band(bands, thread, step);
    if (b->next == b->end && b->slice + 1 < step->slices && b->first < b->end) {
        b->slice++;
        b->next = b->first;
        b->fresh = true;
    }
    const int to = b->end - b->next < step->chunk ? b->end : b->next + step->chunk;
    *out = (struct bands_part){b->next, to, b->slice, b->fresh, b->end};
    b->next = to;
    b->fresh = false;
    close_band(b);
    return out->from < out->to;
}

bool bands_take(struct bands *bands, int thread, const struct bands_step *step, struct bands_part *out) {
    /* Bands that were too small to be divided from the start need no looking at. */
    const bool share = step->share && step->rows >= 2 * LEAST * bands->threads;
    while (!take_own(bands, thread, step, out)) {
        if (!share || !take_over(bands, thread, step)) {
            return false;
        }
    }
    return true;
}
