/* Calls of bilinear resizes of pixels. */
#include <math.h>
#include <stdio.h>

#include "checkkernels.h"
#include "taps.h"

/* The buffers for sizes, strides and whether there is an addend; without a clamp. */
static void make_call(struct call *c, bool one_row, bool addend, bool anywhere) {
    struct resize_args *p = &c->args.resize;
    p->upper = buffer_rows("the upper row", c->type, p->in_width, p->channels, p->in_stride);
    p->lower = one_row ? p->upper : buffer_rows("the lower row", c->type, p->in_width, p->channels, p->in_stride);
    p->addend = addend ? buffer_rows("addend", c->type, p->pixels, p->channels, p->addend_stride) : NULL;
    p->taps = make_taps(p->pixels, p->pixels, p->in_width, anywhere, false);
    p->scratch = buffer_new("scratch", ELEM_F32, (size_t)p->in_width * (size_t)p->channels);
    buffer_allow_writes(p->scratch);
    p->low = -INFINITY;
    p->high = INFINITY;
    c->out = output_new(c->type, p->pixels, p->channels, p->out_stride);
    p->out = c->out.data;
    /* A blend of two numbers of either sign is rounded as the larger is, not as the blend. */
    c->out.bound = 2.0F;
}

static void resize_draw(struct call *c) {
    struct resize_args *p = &c->args.resize;
    const int channels = random_int(0, 2) ? random_size(200) : 16 * random_int(1, 12);
    *p = (struct resize_args){
        .pixels = random_size(60),
        .channels = channels,
        .in_width = random_size(40),
        .in_stride = random_stride(channels),
        .in_scale = 0.5F + random_float(),
        .in_offset = 20.0F * random_float(),
        .fraction_y = random_int(0, 3) ? random_float() : 0.0F,
        .addend_stride = random_stride(channels),
        .addend_scale = random_float(),
        .addend_offset = -20.0F * random_float(),
        .out_stride = random_stride(channels),
    };
    const bool one_row = random_int(0, 3) == 0, addend = random_int(0, 1), anywhere = random_int(0, 3) == 0;
    make_call(c, one_row, addend, anywhere);
    signs_flip();
    random_clamp(c->type, &p->low, &p->high);
    if (random_int(0, 7) == 0) {
        plant_nan(c->type, (void *)p->upper, random_int(0, channels - 1));
    }
    snprintf(c->text, sizeof(c->text), "%d to %d pixels, %d channels%s, clamp %g to %g", p->in_width, p->pixels,
             channels, p->addend ? ", addend" : "", (double)p->low, (double)p->high);
}

static bool resize_network(struct call *c, int i) {
    struct resize_args *p = &c->args.resize;
    if (i > 0) {
        return false;
    }
    *p = (struct resize_args){.pixels = 256,
                              .channels = 128,
                              .in_width = 64,
                              .in_stride = 128,
                              .in_scale = 1,
                              .fraction_y = 0.25F,
                              .addend_stride = 128,
                              .addend_scale = 1,
                              .out_stride = 128};
    make_call(c, false, true, false);
    p->low = 0;
    const double inputs = p->in_width * p->channels, outputs = p->pixels * p->channels;
    c->operations = 3 * inputs + 4 * outputs; /* blends and the addend */
    c->arithmetic = ELEM_F32;
    c->bytes = (double)elem_size(c->type) * (2 * inputs + 2 * outputs);
    snprintf(c->text, sizeof(c->text), "%d to %d px %d channels", p->in_width, p->pixels, p->channels);
    return true;
}

static void resize_run(const struct kernels *k, const struct call *c) { k->resize[c->type](&c->args.resize); }

const struct operation operation_resize = {resize_draw, resize_network, resize_run};
