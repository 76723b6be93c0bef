/* Calls of kernels that move pixels: pictures to rows, planes to pixels and back; and of sums. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkkernels.h"
#include "tensor/normalization.h"

static int random_channels(void) { return random_int(0, 2) ? random_size(200) : 16 * random_int(1, 12); }

/* ---- pictures ---- */

static const float (*make_normalisation(void))[256] {
    float(*table)[256] = buffer_new("table", ELEM_F32, 3 * (size_t)256);
    normalization_table(table);
    return (const float(*)[256])table;
}

static void make_load(struct call *c, int width, int out_stride) {
    struct row_args *p = &c->args.row;
    p->width = width;
    p->out_stride = out_stride;
    p->in = buffer_filled("in", ELEM_U8, 3 * width, 0);
    c->out = output_new(c->type, 1, width * out_stride, (ptrdiff_t)width * out_stride);
    c->out.bound = 3.0F; /* of the normalisation */
    p->out = c->out.data;
    c->bytes = 3 * width + (double)c->out.bytes;
    snprintf(c->text, sizeof(c->text), "%d px stride %d", width, out_stride);
}

static void load_draw(struct call *c) {
    make_load(c, random_size(400), c->type == ELEM_F32 ? 3 : 4);
    c->args.row.table = make_normalisation();
}

static bool load_network(struct call *c, int i) {
    if (i > 0) {
        return false;
    }
    make_load(c, 2048, c->type == ELEM_F32 ? 3 : 4);
    c->args.row.table = make_normalisation();
    return true;
}

static void load_u8_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    k->load_u8(p->in, p->width, p->table, p->out);
}
static void load_u8_bf16_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    k->load_u8_bf16(p->in, p->width, p->table, p->out);
}
static void load_u8_u8_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    k->load_u8_u8(p->in, p->width, p->out);
}

const struct operation operation_load_u8 = {load_draw, load_network, load_u8_run};
const struct operation operation_load_u8_bf16 = {load_draw, load_network, load_u8_bf16_run};
const struct operation operation_load_u8_u8 = {load_draw, load_network, load_u8_u8_run};

/* Normalised pixels, now and then with one among them that no byte gives. What is found out comes behind the bytes,
 * which mean nothing after a failure. */
static void make_recover(struct call *c, int width, bool spoil) {
    struct row_args *p = &c->args.row;
    *p = (struct row_args){.width = width, .table = make_normalisation()};
    float *in = buffer_new("in", ELEM_F32, 3 * (size_t)width);
    for (int i = 0; i < 3 * width; i++) {
        in[i] = p->table[i % 3][random_int(0, 255)];
    }
    if (spoil) {
        static const float strange[] = {0.0F, 100.0F, -100.0F, INFINITY, -INFINITY, NAN};
        const int at = random_int(0, 3 * width - 1), kind = random_int(0, 7);
        in[at] = kind < 6 ? strange[kind] : nextafterf(in[at], kind == 6 ? 9.0F : -9.0F);
    }
    p->in = in;
    c->out = output_new(ELEM_U8, 1, 3 * width + 1, (ptrdiff_t)3 * width + 1);
    p->out = c->out.data;
    c->bytes = 4.0 * 3 * width + (double)c->out.bytes;
    snprintf(c->text, sizeof(c->text), "%d px%s", width, spoil ? ", one of them spoilt" : "");
}

static void recover_u8_draw(struct call *c) { make_recover(c, random_size(400), random_int(0, 2) == 0); }

static bool recover_u8_network(struct call *c, int i) {
    if (i == 0) {
        make_recover(c, 2048, false);
    }
    return i == 0;
}

static void recover_u8_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    uint8_t *out = p->out;
    const bool found = k->recover_u8(p->in, p->width, p->table, out);
    if (!found) {
        memset(out, 0, 3 * (size_t)p->width);
    }
    out[3 * p->width] = found;
}

const struct operation operation_recover_u8 = {recover_u8_draw, recover_u8_network, recover_u8_run};

static void make_units(struct call *c, int units, int row_bytes) {
    struct row_args *p = &c->args.row;
    *p = (struct row_args){.width = units, .channels = row_bytes};
    for (int i = 0; i < 3; i++) {
        p->rows[i] = buffer_filled("row", ELEM_U8, row_bytes, 0);
    }
    c->out = output_new(ELEM_U8, 1, UNIT_BYTES * units, (ptrdiff_t)UNIT_BYTES * units);
    p->out = c->out.data;
    c->bytes = 3.0 * row_bytes + UNIT_BYTES * units;
    snprintf(c->text, sizeof(c->text), "%d units of rows of %d", units, row_bytes);
}

static void interleave_units_draw(struct call *c) {
    const int units = random_size(300);
    make_units(c, units, UNIT_ROW * units + 3 * random_int(units > 1 ? -3 : -1, 2));
}

static bool interleave_units_network(struct call *c, int i) {
    if (i == 0) {
        make_units(c, 1024, 6144);
    }
    return i == 0;
}

static void interleave_units_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    k->interleave_units(p->rows, p->channels, p->width, p->out);
}

const struct operation operation_interleave_units = {interleave_units_draw, interleave_units_network,
                                                     interleave_units_run};

/* ---- planes ---- */

static void make_interleave(struct call *c, int width, int channels, int plane, int out_stride) {
    struct row_args *p = &c->args.row;
    *p = (struct row_args){.width = width, .channels = channels, .in_stride = plane, .out_stride = out_stride};
    p->in = buffer_rows("planes", ELEM_F32, channels, width, plane);
    c->out = output_new(ELEM_F32, 1, width * out_stride, (ptrdiff_t)width * out_stride);
    p->out = c->out.data;
    c->bytes = 4.0 * width * channels + (double)c->out.bytes;
    snprintf(c->text, sizeof(c->text), "%d px %d channels stride %d", width, channels, out_stride);
}

static void interleave_draw(struct call *c) {
    const int width = random_size(70), channels = random_int(0, 1) ? 3 : random_size(20);
    const int plane = random_stride(width), more = random_int(0, 2);
    make_interleave(c, width, channels, plane, channels + more);
    signs_flip();
}

static bool interleave_network(struct call *c, int i) {
    if (i == 0) {
        make_interleave(c, 2048, 3, 2048, 3);
    }
    return i == 0;
}

static void interleave_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    k->interleave_f32(p->in, p->in_stride, p->width, p->channels, p->out, p->out_stride);
}

const struct operation operation_interleave_f32 = {interleave_draw, interleave_network, interleave_run};

static void make_deinterleave(struct call *c, int width, int channels, int in_stride, int plane) {
    struct row_args *p = &c->args.row;
    *p = (struct row_args){.width = width, .channels = channels, .in_stride = in_stride, .out_stride = plane};
    p->in = buffer_rows("in", ELEM_F32, width, channels, in_stride);
    c->out = output_new(ELEM_F32, channels, width, plane);
    p->out = c->out.data;
    c->bytes = 2 * 4.0 * width * channels;
    snprintf(c->text, sizeof(c->text), "%d px %d channels", width, channels);
}

static void deinterleave_draw(struct call *c) {
    const int width = random_size(70), channels = random_int(0, 1) ? 19 : random_size(40);
    const int in_stride = random_stride(channels), plane = random_stride(width);
    make_deinterleave(c, width, channels, in_stride, plane);
    signs_flip();
}

static bool deinterleave_network(struct call *c, int i) {
    if (i == 0) {
        make_deinterleave(c, 256, 19, 19, 256);
    }
    return i == 0;
}

static void deinterleave_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    k->deinterleave_f32(p->in, p->in_stride, p->width, p->channels, p->out, p->out_stride);
}

const struct operation operation_deinterleave_f32 = {deinterleave_draw, deinterleave_network, deinterleave_run};

/* ---- sums ---- */

/* in_stride 0: in place, as the engine does it as well. */
static void make_add(struct call *c, int width, int channels, int in_stride, int addend_stride, int out_stride) {
    struct row_args *p = &c->args.row;
    *p = (struct row_args){.width = width, .channels = channels, .out_stride = out_stride};
    c->out = output_new(ELEM_F32, width, channels, out_stride);
    p->out = c->out.data;
    p->in_stride = in_stride ? in_stride : out_stride;
    p->in = in_stride ? buffer_rows("in", ELEM_F32, width, channels, in_stride) : p->out;
    p->addend_stride = addend_stride;
    p->addend = addend_stride ? buffer_rows("addend", ELEM_F32, width, channels, addend_stride) : NULL;
    p->high = INFINITY;
    c->operations = (double)width * channels;
    c->arithmetic = ELEM_F32;
    c->bytes = 3 * 4.0 * width * channels;
    snprintf(c->text, sizeof(c->text), "%d px %d channels%s%s", width, channels, addend_stride ? "" : ", no addend",
             in_stride ? "" : ", in place");
}

static void add_draw(struct call *c) {
    const int width = random_size(40), channels = random_channels(), out_stride = random_stride(channels);
    const int in_stride = random_int(0, 3) ? random_stride(channels) : 0;
    make_add(c, width, channels, in_stride, random_int(0, 2) ? random_stride(channels) : 0, out_stride);
    signs_flip();
    random_clamp(ELEM_F32, &c->args.row.low, &c->args.row.high);
    plant_nan(ELEM_F32, (void *)c->args.row.in, 0);
}

static bool add_network(struct call *c, int i) {
    if (i == 0) {
        make_add(c, 256, 128, 128, 128, 128);
    }
    return i == 0;
}

static void add_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    k->add_f32(p->in, p->in_stride, p->addend, p->addend_stride, p->width, p->channels, p->low, p->high, p->out,
               p->out_stride);
}

const struct operation operation_add_f32 = {add_draw, add_network, add_run};

static void make_sum(struct call *c, int pixels, int channels, int in_stride) {
    struct row_args *p = &c->args.row;
    *p = (struct row_args){.width = pixels, .channels = channels, .in_stride = in_stride};
    p->in = buffer_rows("in", c->type, pixels, channels, in_stride);
    c->out = output_new(ELEM_F32, 1, channels, channels);
    p->out = c->out.data;
    c->operations = (double)pixels * channels;
    c->arithmetic = ELEM_F32;
    c->bytes = (double)elem_size(c->type) * pixels * channels;
    snprintf(c->text, sizeof(c->text), "%d px %d channels", pixels, channels);
}

static void sum_draw(struct call *c) {
    const int pixels = random_size(40), channels = random_channels();
    make_sum(c, pixels, channels, random_stride(channels));
    float *sums = c->args.row.out;
    for (int i = 0; i < channels && c->type == ELEM_U8; i++) { /* sums of bytes are exact in any order */
        sums[i] = floorf(65536.0F * sums[i]);
    }
    call_measure_magnitudes(c);
}

static bool sum_network(struct call *c, int i) {
    if (i == 0) {
        make_sum(c, 64, 128, 128);
    }
    return i == 0;
}

static void sum_run(const struct kernels *k, const struct call *c) {
    const struct row_args *p = &c->args.row;
    k->sum[c->type](p->in, p->in_stride, p->width, p->channels, p->out);
}

const struct operation operation_sum = {sum_draw, sum_network, sum_run};
