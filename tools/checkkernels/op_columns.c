/* Calls of the first convolution on a picture's bytes. */
#include <math.h>
#include <stdio.h>

#include "checkkernels.h"
#include "kernels/columns.h"

/* Packed weights: padding lanes are not used, and the last of each part's run is 0. */
static const uint16_t *make_weights(int channels) {
    const int padded = round_up(channels, KERNEL_BLOCK), count = padded / KERNEL_BLOCK * COLUMNS_BLOCK;
    uint16_t *w = buffer_filled("weights", ELEM_BF16, count, 0);
    for (int i = 0; i < count; i++) {
        const int n = i / COLUMNS_BLOCK * KERNEL_BLOCK + i / 2 % KERNEL_BLOCK;
        const int k = i % COLUMNS_BLOCK / (2 * KERNEL_BLOCK) * 2 + i % 2;
        if (k % COLUMNS_K == COLUMNS_K - 1) {
            element_set(ELEM_BF16, w, i, 0);
        } else if (n >= channels) {
            plant_nan(ELEM_BF16, w, i);
        }
    }
    return w;
}

static void make_call(struct call *c, int pixels, int channels, int more_bytes, ptrdiff_t out_stride) {
    struct columns_args *p = &c->args.columns;
    *p = (struct columns_args){.pixels = pixels, .channels = channels, .row_bytes = 3 * (2 * pixels + 1) + more_bytes};
    for (int i = 0; i < 3; i++) {
        p->rows[i] = buffer_filled("row", ELEM_U8, p->row_bytes, 0);
    }
    p->weights = make_weights(channels);
    p->bias = buffer_filled("bias", ELEM_F32, channels, round_up(channels, KERNEL_BLOCK) - channels);
    p->low = -INFINITY;
    p->high = INFINITY;
    p->out_stride = out_stride;
    c->out = output_new(ELEM_F32, pixels, channels, out_stride);
    p->out = (float *)(void *)c->out.data;
    c->operations = 2.0 * pixels * channels * 3 * COLUMN;
    c->arithmetic = ELEM_F32;
    c->bytes = 3.0 * p->row_bytes + (double)c->out.bytes;
    snprintf(c->text, sizeof(c->text), "%d pixels, %d channels, rows of %d bytes", pixels, channels, p->row_bytes);
}

static void conv_columns_draw(struct call *c) {
    const int pixels = random_size(200), channels = random_int(0, 2) ? 16 * random_int(1, 4) : random_size(70);
    make_call(c, pixels, channels, random_int(0, 9), random_stride(channels));
    call_measure_magnitudes(c);
    random_clamp(ELEM_F32, &c->args.columns.low, &c->args.columns.high);
}

static bool conv_columns_network(struct call *c, int i) {
    if (i == 0) {
        make_call(c, 1023, 32, 3, 32);
        c->args.columns.low = 0;
        snprintf(c->text, sizeof(c->text), "1023 px 3x3 s2 3 -> 32");
    }
    return i == 0;
}

static void conv_columns_run(const struct kernels *k, const struct call *c) { k->conv_columns(&c->args.columns); }

const struct operation operation_conv_columns = {conv_columns_draw, conv_columns_network, conv_columns_run};
