/* Calls of the last resize, of planes: to values or to labels. */
#include <math.h>
#include <stdio.h>

#include "checkkernels.h"
#include "taps.h"

enum { READABLE = 32 /* past the end of a plane */ };

/* Numbers, or small integers so that sums are exact and ties common. */
static float *make_planes(const char *name, const struct upsample_args *p, bool exact) {
    const size_t count = (size_t)((p->channels - 1) * p->in_plane + p->in_width + READABLE);
    float *planes = buffer_new(name, ELEM_F32, count);
    fill_rows(ELEM_F32, planes, p->channels, p->in_width, p->in_plane);
    for (size_t i = 0; exact && i < count; i++) {
        planes[i] = floorf(4.0F * planes[i]);
    }
    return planes;
}

/* The inputs, for sizes and strides that are set. */
static void make_inputs(struct call *c, bool anywhere, bool exact) {
    struct upsample_args *p = &c->args.upsample;
    const int padded = round_up(p->pixels, TAP_GROUP);
    p->upper = make_planes("the upper rows", p, exact);
    p->lower = make_planes("the lower rows", p, exact);
    p->taps = make_taps(p->pixels, padded, p->in_width, anywhere, exact);
    p->groups = make_groups(p->taps, padded);
    p->scratch = buffer_new("scratch", ELEM_F32, (size_t)(p->channels * p->in_plane));
    buffer_allow_writes(p->scratch);
    const double inputs = p->channels * p->in_width;
    c->operations = 3 * inputs + 3.0 * p->channels * p->pixels; /* blends */
    c->arithmetic = ELEM_F32;
    c->bytes = 4 * 2 * inputs;
    snprintf(c->text, sizeof(c->text), "%d to %d px %d channels%s", p->in_width, p->pixels, p->channels,
             exact ? ", small integers" : "");
}

static void draw_inputs(struct call *c, bool exact) {
    struct upsample_args *p = &c->args.upsample;
    *p = (struct upsample_args){.pixels = random_size(150),
                                .channels = random_int(0, 3) ? random_int(1, 30) : 19,
                                .in_width = random_size(60),
                                .stream = random_int(0, 1)};
    p->in_plane = p->in_width + READABLE + random_int(0, 20);
    p->fraction_y = exact ? 0.25F * (float)random_int(0, 3) : random_float();
    const bool anywhere = random_int(0, 3) == 0;
    make_inputs(c, anywhere, exact);
}

static void network_inputs(struct call *c, bool stream) {
    c->args.upsample = (struct upsample_args){.pixels = 2048,
                                              .channels = 19,
                                              .in_width = 256,
                                              .in_plane = 256 + READABLE,
                                              .fraction_y = 0.25F,
                                              .stream = stream};
    make_inputs(c, false, false);
}

/* ---- values ---- */

static void make_values(struct call *c, ptrdiff_t out_plane) {
    struct upsample_args *p = &c->args.upsample;
    p->out_plane = out_plane;
    c->out = output_new(ELEM_F32, p->channels, p->pixels, out_plane);
    c->out.bound = 1.0F;
    p->out = c->out.data;
}

static void values_draw(struct call *c) {
    draw_inputs(c, false);
    struct upsample_args *p = &c->args.upsample;
    make_values(c,
                random_int(0, 1) ? round_up(p->pixels, TAP_GROUP) : random_stride(p->pixels)); /* streams the first */
    signs_flip();
    if (random_int(0, 7) == 0) {
        plant_nan(ELEM_F32, (void *)p->upper, random_int(0, p->in_width - 1));
    }
}

static bool values_network(struct call *c, int i) {
    if (i > 0) {
        return false;
    }
    network_inputs(c, false);
    make_values(c, c->args.upsample.pixels);
    c->bytes += (double)c->out.bytes;
    return true;
}

static void values_run(const struct kernels *k, const struct call *c) { k->upsample_f32(&c->args.upsample); }

const struct operation operation_upsample_f32 = {values_draw, values_network, values_run};

/* ---- labels ---- */

static void make_labels(struct call *c) {
    struct upsample_args *p = &c->args.upsample;
    c->out = output_new(ELEM_U8, 1, p->pixels, p->pixels);
    p->out = c->out.data;
}

/* The label that plain C gives, or with rounding one whose value is as good. */
static void labels_draw(struct call *c) {
    const bool exact = random_int(0, 1);
    draw_inputs(c, exact);
    make_labels(c);
    signs_flip();
    if (exact && random_int(0, 7) == 0) { /* which class wins beside NaN is the same everywhere, too */
        struct upsample_args *p = &c->args.upsample;
        plant_nan(ELEM_F32, (void *)p->upper,
                  random_int(0, p->channels - 1) * p->in_plane + random_int(0, p->in_width - 1));
    }
    if (!exact) {
        struct upsample_args values = c->args.upsample;
        values.out = buffer_new("values", ELEM_F32, (size_t)values.channels * (size_t)values.pixels);
        values.out_plane = values.pixels;
        kernels_get(0).upsample_f32(&values);
        c->out.values = values.out;
        c->out.num_labels = values.channels;
    }
}

static bool labels_network(struct call *c, int i) {
    if (i > 0) {
        return false;
    }
    network_inputs(c, false);
    make_labels(c);
    c->operations += 1.0 * c->args.upsample.channels * c->args.upsample.pixels; /* comparisons */
    c->bytes += (double)c->out.bytes;
    return true;
}

static void labels_run(const struct kernels *k, const struct call *c) { k->upsample_labels(&c->args.upsample); }

const struct operation operation_upsample_labels = {labels_draw, labels_network, labels_run};
