/* Two parts instead of three halve the work, but what they leave out, up to 2^-17 of a number, is more than float32's
 * own rounding. How much of that reaches the logits is a matter of the weights, hardly of the picture: noise, patches
 * of colour and streets give about the same. So it is measured, on one picture of noise and patches, and may be at most
 * LIMIT, a fifth of what fp32 promises (doc/numerics.md); the rest is for pictures that are worse.
 *
 * Where two parts everywhere are too much, every step is tried alone. Rounding errors are nearly independent, so their
 * squares add up, and the steps whose squares are smallest for the work they save go first. */
#include "compile/split_choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compile/trial.h"
#include "cpu/cpu.h"
#include "kernels/kernels.h"

#define LIMIT 2e-4
#define HOPE 3.0        /* times the limit: where all steps together do more, the few that could be taken save little */
#define MOST_MACS 200e9 /* of all trials: some seconds */

struct candidate {
    int step;
    bool taken; /* in the trial to come */
    double macs;
    double change; /* of the logits, alone: the largest */
};

struct study {
    struct trial trial;
    struct fscnn_picture picture;
    float *exact; /* the logits [count] of three parts everywhere */
    struct candidate *candidates;
    int num_candidates;
    double macs; /* of a trial */
};

/* The steps that split, and whether they can be tried. */
static bool find_candidates(struct study *s, const struct plan *plan) {
    s->candidates = calloc((size_t)plan->num_steps, sizeof(*s->candidates));
    for (int i = 0; s->candidates && i < plan->num_steps; i++) {
        const struct step *step = &plan->steps[i];
        struct candidate candidate = {.step = i};
        for (int k = step->first_stage; k < step->first_stage + step->num_stages; k++) {
            const double macs = (double)plan_stage_macs(plan, &plan->stages[k]);
            s->macs += macs;
            candidate.macs += plan_split_parts(plan, &plan->stages[k]) > 0 ? macs : 0;
        }
        if (candidate.macs > 0) {
            s->candidates[s->num_candidates++] = candidate;
        }
    }
    return s->num_candidates > 0 && 2 * s->macs <= MOST_MACS && plan->channels == 3;
}

/* Patches of 32 x 32 pixels, each in a colour of its own under noise that grows from left to right. */
static bool draw_picture(int width, int height, struct fscnn_picture *out) {
    enum { PATCH = 32 };
    uint64_t state = 1;
    uint8_t(*colours)[3] = malloc(((size_t)width / PATCH + 1) * sizeof(*colours));
    *out = (struct fscnn_picture){width, height, malloc((size_t)width * (size_t)height * 3)};
    uint8_t *to = out->rgb;
    for (int y = 0; colours && to && y < height; y++) {
        for (int x = 0; x < width; x++) {
            for (int c = 0; c < 3; c++) {
                state ^= state << 13; /* Marsaglia's xorshift */
                state ^= state >> 7;
                state ^= state << 17;
                const int random = (int)(state >> 56);
                if (y % PATCH == 0 && x % PATCH == 0) {
                    colours[x / PATCH][c] = (uint8_t)random;
                }
                *to++ = (uint8_t)(colours[x / PATCH][c] + (random - colours[x / PATCH][c]) * x / width);
            }
        }
    }
    const bool drawn = to && colours;
    free(colours);
    return drawn;
}

/* Runs the trial with two parts in what is taken; *change is the largest of a logit. */
static enum fscnn_status try_taken(struct study *s, double *change, struct fscnn_error *err) {
    for (int i = 0; i < s->num_candidates; i++) {
        s->trial.model->plan.steps[s->candidates[i].step].split_parts = s->candidates[i].taken ? 2 : 3;
    }
    enum fscnn_status status = trial_restart(&s->trial, err);
    if (status == FSCNN_OK) {
        status = trial_run(&s->trial, &s->picture, err);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    size_t logits;
    const float *now = trial_logits(&s->trial, &logits);
    *change = 0;
    for (size_t i = 0; i < logits; i++) {
        const double off = fabs((double)now[i] - s->exact[i]);
        *change = off <= *change ? *change : isnan(off) ? INFINITY : off;
    }
    return FSCNN_OK;
}

static enum fscnn_status try_first(struct study *s, int count, double *change, struct fscnn_error *err) {
    for (int i = 0; i < s->num_candidates; i++) {
        s->candidates[i].taken = i < count;
    }
    return try_taken(s, change, err);
}

static enum fscnn_status start(struct study *s, const struct graph *graph, struct fscnn_error *err) {
    const struct lower_options options = {.type = ELEM_F32, .whole = true};
    enum fscnn_status status = trial_create(graph, &options, 0, &s->trial, err);
    if (status != FSCNN_OK) {
        return status;
    }
    const struct plan *plan = &s->trial.model->plan;
    if (!draw_picture(plan->width, plan->height, &s->picture)) {
        return error_memory(err, (size_t)plan->width * (size_t)plan->height * 3, "a test picture");
    }
    status = trial_run(&s->trial, &s->picture, err);
    if (status != FSCNN_OK) {
        return status;
    }
    size_t logits;
    const float *exact = trial_logits(&s->trial, &logits);
    s->exact = malloc(logits * sizeof(*exact));
    if (!s->exact) {
        return error_memory(err, logits * sizeof(*exact), "logits");
    }
    memcpy(s->exact, exact, logits * sizeof(*exact));
    return FSCNN_OK;
}

static int by_worth(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    const double p = x->change * x->change / x->macs, q = y->change * y->change / y->macs;
    return p != q ? (p < q ? -1 : 1) : x->step - y->step;
}

/* Tries every candidate alone, and sorts them by what it costs to take them. */
static enum fscnn_status try_each(struct study *s, struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    for (int i = 0; i < s->num_candidates && status == FSCNN_OK; i++) {
        for (int k = 0; k < s->num_candidates; k++) {
            s->candidates[k].taken = k == i;
        }
        status = try_taken(s, &s->candidates[i].change, err);
    }
    qsort(s->candidates, (size_t)s->num_candidates, sizeof(*s->candidates), by_worth);
    return status;
}

/* As many of the candidates as the limit allows; *change is what they do together. */
static enum fscnn_status choose(struct study *s, int *chosen, double *change, struct fscnn_error *err) {
    int few = 0, too_many = s->num_candidates;
    double reached = 0;
    enum fscnn_status status = try_first(s, too_many, change, err);
    *chosen = too_many;
    if (status != FSCNN_OK || *change <= LIMIT) {
        return status;
    }
    *chosen = 0;
    if (*change > HOPE * LIMIT || too_many == 1 || 2 * too_many * s->macs > MOST_MACS) {
        return FSCNN_OK;
    }
    status = try_each(s, err);
    while (status == FSCNN_OK && too_many - few > 1) {
        const int middle = few + (too_many - few) / 2;
        status = try_first(s, middle, &reached, err);
        if (status == FSCNN_OK && reached <= LIMIT) {
            few = *chosen = middle;
            *change = reached;
        } else {
            too_many = middle;
        }
    }
    return status;
}

void split_choose(const struct graph *graph, struct plan *plan, struct fscnn_log log) {
    struct study s = {0};
    struct fscnn_error err;
    int chosen = 0;
    double change = 0;
    if (kernels_get(cpu_flags_used()).split_pays && find_candidates(&s, plan)) {
        enum fscnn_status status = start(&s, graph, &err);
        if (status == FSCNN_OK) {
            status = choose(&s, &chosen, &change, &err);
        }
        /* the trial's steps are the plan's, in one slice, and in some one more at the end */
        for (int i = 0; i < chosen && status == FSCNN_OK; i++) {
            plan->steps[s.candidates[i].step].split_parts = 2;
        }
        if (status != FSCNN_OK) {
            log_line(log, "fp32 with all 24 bits of numbers: %s", err.text);
        } else if (chosen == 0) {
            log_line(log, "fp32 with all 24 bits of numbers: with 16, logits change by %.2g", change);
        } else {
            log_line(log, "fp32 with 16 bits of numbers in %d of %d steps: logits change by %.2g at most", chosen,
                     s.num_candidates, change);
        }
    }
    trial_free(&s.trial);
    fscnn_picture_free(&s.picture);
    free(s.exact);
    free(s.candidates);
}
