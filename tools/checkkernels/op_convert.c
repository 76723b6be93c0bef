/* Calls of conversions: right to the last bit, but for which NaN it is. */
#include <math.h>
#include <stdio.h>

#include "checkkernels.h"

/* Any bits; floats around the ends of half precision; halfway cases; and what rounding in integers can break. */
static float *random_bits(size_t count) {
    static const uint32_t special[] = {0,          0x80000000, 1,          0x7f7fffff, 0x7f800000, 0xff800000,
                                       0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x477fefff, 0x477ff000};
    uint32_t *bits = buffer_new("in", ELEM_F32, count);
    for (size_t i = 0; i < count; i++) {
        bits[i] = random_u32() << 16 ^ random_u32();
        if (random_int(0, 1)) { /* exponents around those of half precision, its subnormals and overflow */
            bits[i] = (bits[i] & 0x807fffff) | (uint32_t)random_int(100, 145) << 23;
        }
        if (random_int(0, 3) == 0) { /* halfway between two values, of bfloat16 or half precision */
            bits[i] = random_int(0, 1) ? (bits[i] & 0xffff0000) | 0x8000 : (bits[i] & 0xffffe000) | 0x1000;
        }
        if (random_int(0, 15) == 0) {
            bits[i] = special[random_int(0, (int)(sizeof(special) / sizeof(special[0])) - 1)];
        }
    }
    return (float *)(void *)bits;
}

/* `in` holds `count` elements of a type, the output will hold as many of another. */
static void make_call(struct call *c, const void *in, int in_type, int out_type, int count) {
    c->args.row = (struct row_args){.in = in, .width = count};
    c->out = output_new(out_type, 1, count, count);
    c->out.signed_zeros = true;
    c->args.row.out = c->out.data;
    c->bytes = (double)count * (double)(element_size(in_type) + element_size(out_type));
    snprintf(c->text, sizeof(c->text), "%d elements", count);
}

enum { NETWORK_COUNT = 256 * 128 };

static void from_f32_draw(struct call *c) {
    const int count = random_size(300);
    float *in = c->type == ELEM_U8 ? buffer_filled("in", ELEM_F32, count, 0) : random_bits((size_t)count);
    for (int i = 0; i < count; i++) {
        if (c->type == ELEM_U8) {
            in[i] = 300.0F * in[i] - 20.0F; /* clamped at both ends */
            in[i] = random_int(0, 3) ? in[i] : floorf(in[i]) + 0.5F;
        } else if (c->type == ELEM_BF16 && fabsf(in[i]) < 0x1p-126F) {
            in[i] = 0.0F; /* vcvtneps2bf16 takes subnormals for 0 */
        }
    }
    make_call(c, in, ELEM_F32, c->type, count);
}

static bool from_f32_network(struct call *c, int i) {
    if (i == 0) {
        make_call(c, buffer_filled("in", ELEM_F32, NETWORK_COUNT, 0), ELEM_F32, c->type, NETWORK_COUNT);
    }
    return i == 0;
}

static void from_f32_run(const struct kernels *k, const struct call *c) {
    k->from_f32[c->type](c->args.row.in, (size_t)c->args.row.width, c->args.row.out);
}

const struct operation operation_from_f32 = {from_f32_draw, from_f32_network, from_f32_run};

static void to_f32_draw(struct call *c) {
    const int count = random_size(300);
    void *in = buffer_filled("in", c->type, count, 0);
    make_call(c, in, c->type, ELEM_F32, count);
    signs_flip();
    plant_nan(c->type, in, random_int(0, count - 1));
}

static bool to_f32_network(struct call *c, int i) {
    if (i == 0) {
        make_call(c, buffer_filled("in", c->type, NETWORK_COUNT, 0), c->type, ELEM_F32, NETWORK_COUNT);
    }
    return i == 0;
}

static void to_f32_run(const struct kernels *k, const struct call *c) {
    k->to_f32[c->type](c->args.row.in, (size_t)c->args.row.width, c->args.row.out);
}

const struct operation operation_to_f32 = {to_f32_draw, to_f32_network, to_f32_run};

static void to_half_draw(struct call *c) {
    const int count = random_size(300);
    make_call(c, random_bits((size_t)count), ELEM_F32, BUFFER_HALF, count);
}

static bool to_half_network(struct call *c, int i) {
    if (i == 0) { /* a row of logits */
        make_call(c, buffer_filled("in", ELEM_F32, 19 * 2048, 0), ELEM_F32, BUFFER_HALF, 19 * 2048);
    }
    return i == 0;
}

static void to_half_run(const struct kernels *k, const struct call *c) {
    k->to_half(c->args.row.in, (size_t)c->args.row.width, c->args.row.out);
}

const struct operation operation_to_half = {to_half_draw, to_half_network, to_half_run};
