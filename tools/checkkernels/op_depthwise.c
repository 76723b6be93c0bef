/* Calls of depthwise convolutions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkkernels.h"

/* U8 keeps the weights of four kernel rows together; those of rows that the kernel does not have are 0. */
static void *make_weights(const struct depthwise_args *p, int type, int padding) {
    if (type != ELEM_U8) {
        void *w =
            buffer_new("weights", ELEM_F32, (size_t)((p->kh * p->kw - 1) * p->weight_stride + p->channels + padding));
        fill_rows(ELEM_F32, w, p->kh * p->kw, p->channels, p->weight_stride);
        return w;
    }
    const int quads = (p->kh + 3) / 4;
    const ptrdiff_t stride = 4 * p->weight_stride;
    int8_t *w = buffer_new("weights", BUFFER_S8, (size_t)((p->kw * quads - 1) * stride + 4 * (p->channels + padding)));
    fill_rows(BUFFER_S8, w, p->kw * quads, 4 * p->channels, stride);
    for (int i = p->kh; i < 4 * quads; i++) {
        for (int j = 0; j < p->kw; j++) {
            for (int c = 0; c < p->channels; c++) {
                w[(j * quads + i / 4) * stride + c * 4 + i % 4] = 0;
            }
        }
    }
    return w;
}

/* Weights, bias, multipliers and output for sizes that are set, without a clamp. */
static void make_call(struct call *c) {
    struct depthwise_args *p = &c->args.depthwise;
    const int padding = round_up(p->channels, KERNEL_BLOCK) - p->channels;
    p->rows = c->rows;
    p->weights = make_weights(p, c->type, padding);
    p->bias = buffer_filled("bias", ELEM_F32, p->channels, padding);
    if (c->type == ELEM_U8) {
        float *multiplier = buffer_filled("multiplier", BUFFER_FIXED, p->channels, padding);
        for (int i = 0; i < p->channels; i++) {
            multiplier[i] *= 0.02F;
        }
        p->multiplier = multiplier;
    }
    p->low = -INFINITY;
    p->high = INFINITY;
    c->out = output_new(c->type, p->pixels, p->channels, p->out_stride);
    p->out = c->out.data;
}

static int row_pixels(const struct depthwise_args *p) { return (p->pixels - 1) * p->stride + p->kw; }

static void depthwise_draw(struct call *c) {
    struct depthwise_args *p = &c->args.depthwise;
    const bool common = random_int(0, 1);
    const int channels = random_int(0, 2) ? random_size(200) : 16 * random_int(1, 12);
    *p = (struct depthwise_args){
        .pixels = random_size(40),
        .channels = channels,
        .kh = common ? 3 : random_int(1, MAX_KERNEL),
        .kw = common ? 3 : random_int(1, MAX_KERNEL),
        .stride = common ? random_int(1, 2) : random_int(1, 3),
        .in_stride = random_stride(channels),
        .weight_stride = round_up(channels, KERNEL_BLOCK) + KERNEL_BLOCK * random_int(0, 2),
        .out_stride = random_stride(channels),
    };
    for (int i = 0; i < p->kh; i++) { /* rows of padding are one and the same */
        c->rows[i] = i > 0 && random_int(0, 3) == 0
                         ? c->rows[i - 1]
                         : buffer_rows("a row", c->type, row_pixels(p), channels, p->in_stride);
    }
    make_call(c);
    call_measure_magnitudes(c);
    random_clamp(c->type, &p->low, &p->high);
    if (random_int(0, 7) == 0) {
        plant_nan(c->type, (void *)c->rows[p->kh - 1], random_int(0, channels - 1));
    }
    snprintf(c->text, sizeof(c->text), "%d pixels, %d channels, kernel %d x %d, stride %d, clamp %g to %g", p->pixels,
             channels, p->kh, p->kw, p->stride, (double)p->low, (double)p->high);
}

/* Distinct 3x3 layers in the order of the network. */
static const struct {
    int pixels, channels, stride;
} layers[] = {{512, 32, 2}, {256, 48, 2}, {128, 384, 2}, {128, 384, 1},
              {64, 384, 2}, {64, 576, 1}, {64, 768, 1},  {256, 128, 1}};

static bool depthwise_network(struct call *c, int i) {
    if (i >= (int)(sizeof(layers) / sizeof(layers[0]))) {
        return false;
    }
    struct depthwise_args *p = &c->args.depthwise;
    const int channels = layers[i].channels;
    *p = (struct depthwise_args){.pixels = layers[i].pixels,
                                 .channels = channels,
                                 .kh = 3,
                                 .kw = 3,
                                 .stride = layers[i].stride,
                                 .in_stride = channels,
                                 .weight_stride = round_up(channels, KERNEL_BLOCK),
                                 .out_stride = channels};
    for (int r = 0; r < 3; r++) {
        c->rows[r] = buffer_rows("a row", c->type, row_pixels(p), channels, channels);
    }
    make_call(c);
    p->low = 0;
    c->operations = 2.0 * 9 * p->pixels * channels;
    c->arithmetic = c->type == ELEM_U8 ? ELEM_U8 : ELEM_F32; /* bfloat16 has no products by lane */
    c->bytes = (double)elem_size(c->type) * channels * (3.0 * row_pixels(p) + p->pixels);
    snprintf(c->text, sizeof(c->text), "%d px 3x3 s%d %d channels", p->pixels, p->stride, channels);
    return true;
}

static void depthwise_run(const struct kernels *k, const struct call *c) { k->depthwise[c->type](&c->args.depthwise); }

const struct operation operation_depthwise = {depthwise_draw, depthwise_network, depthwise_run};
