/* Every kernel of every table that this processor has against the plain C one: random shapes, strides and addresses,
 * addends, clamps, NaN; nothing touched outside what the arguments describe (kernel_buffers.h).
 *
 * FASTSCNN_SEED=N draws other cases. */
#include <math.h>

#include "cpu/cpu.h"
#include "kernel_buffers.h"
#include "kernels/kernels.h"
#include "testing.h"

enum { MAX_TABLES = 8, MAX_SEGMENTS = 4, MAX_KERNEL = 5, CASES = 200 };

static struct {
    struct kernels kernels;
    char name[64];
} tables[MAX_TABLES];
static int num_tables;
static struct kernels plain;
static char text[256]; /* the case at hand */

static const char *what(int table) {
    static char line[512];
    snprintf(line, sizeof(line), "%s: %s", tables[table].name, text);
    return line;
}

/* `call` names the table k. Once with plain C, for what to expect; then with each table. */
#define CHECK_TABLES(out, call)                                                                                        \
    do {                                                                                                               \
        const struct kernels *k = &plain;                                                                              \
        output_start(out);                                                                                             \
        call;                                                                                                          \
        buffers_check(text);                                                                                           \
        output_expect(out);                                                                                            \
        for (int t = 0; t < num_tables; t++, output_restore(out)) {                                                    \
            k = &tables[t].kernels;                                                                                    \
            call;                                                                                                      \
            output_check(out, what(t));                                                                                \
        }                                                                                                              \
    } while (0)

/* The sums of the magnitudes, from plain C on numbers that are still positive; then the signs. */
#define FIND_MAGNITUDES(out, call)                                                                                     \
    do {                                                                                                               \
        const struct kernels *k = &plain;                                                                              \
        call;                                                                                                          \
        output_magnitude(out);                                                                                         \
        signs_flip();                                                                                                  \
    } while (0)

static int round_up(int n, int unit) { return (n + unit - 1) / unit * unit; }
static int random_channels(void) { return random_int(0, 2) ? random_int(1, 200) : 16 * random_int(1, 12); }
/* At least `width`: that, or more. */
static int random_stride(int width) { return width + (random_int(0, 1) ? random_int(0, 40) : 0); }

static void random_clamp(float *low, float *high) {
    const int kind = random_int(0, 2);
    *low = kind == 0 ? -INFINITY : 0.0F;
    *high = kind < 2 ? INFINITY : 0.5F * random_float();
}

/* ---- convolution ---- */

/* A kernel's rows (overlapping pixels), or parts of a concatenation. Returns K. */
static int random_segments(struct conv_args *p, struct conv_segment *segments, int type) {
    const int group = conv_group(type), most = random_int(0, 3) ? 12 : 60;
    const bool overlapping = random_int(0, 1);
    int sum = 0;
    p->segments = segments;
    p->num_segments = random_int(1, MAX_SEGMENTS);
    for (int s = 0; s < p->num_segments; s++) {
        const int length = group * random_int(1, most);
        const int stride = overlapping ? random_int(1, length) : random_stride(length);
        const int width = stride < length ? (p->pixels - 1) * stride + length : 0;
        void *a = width ? buffer_filled(type, width, 0) : buffer_rows(type, p->pixels, length, stride);
        segments[s] = (struct conv_segment){a, stride, length};
        sum += length;
    }
    return sum;
}

static void *random_weights(const struct conv_args *p, int type, int sum) {
    const int blocks = round_up(p->channels, 16) / 16, group = conv_group(type),
              stored = type == ELEM_U8 ? ELEM_S8 : type;
    void *w = buffer_rows(stored, blocks, 16 * sum, p->block_stride);
    for (int n = p->channels % 16; n > 0 && n < 16; n++) { /* padding lanes */
        for (int i = 0; i < sum; i++) {
            plant_nan(stored, w, (blocks - 1) * p->block_stride + (i / group * 16 + n) * group + i % group);
        }
    }
    return w;
}

static void check_conv(int type) {
    struct conv_segment segments[MAX_SEGMENTS];
    const int pixels = random_int(1, 40), channels = random_channels(), padding = round_up(channels, 16) - channels;
    struct conv_args p = {.pixels = pixels, .channels = channels, .out_type = random_int(0, 2) ? type : ELEM_F32};
    const int sum = random_segments(&p, segments, type);
    p.block_stride = 16 * (ptrdiff_t)random_stride(sum);
    p.weights = random_weights(&p, type, sum);
    p.bias = random_int(0, 3) ? buffer_filled(ELEM_F32, channels, padding) : NULL;
    p.out_stride = random_stride(channels);
    struct output out = output_new(p.out_type, pixels, channels, p.out_stride);
    p.out = out.data;
    const int addend = random_int(0, 2);
    p.addend_stride = addend == 1 ? random_stride(channels) : p.out_stride;
    p.addend = addend == 0 ? NULL : addend == 1 ? buffer_rows(p.out_type, pixels, channels, p.addend_stride) : p.out;
    p.addend_scale = 1;
    if (type == ELEM_U8) {
        float *multiplier = buffer_filled(ELEM_FIXED, channels, padding);
        for (int n = 0; n < channels; n++) {
            multiplier[n] *= 0.05F / (float)sum;
        }
        p.multiplier = multiplier;
        p.addend_scale = random_float();
        p.addend_offset = 50.0F * random_float();
    }
    snprintf(text, sizeof(text), "conv type %d to %d, %d pixels, %d channels, K %d in %d segments, addend %d", type,
             p.out_type, pixels, channels, sum, p.num_segments, addend);
    p.low = -INFINITY;
    p.high = INFINITY;
    FIND_MAGNITUDES(&out, k->conv[type](&p));
    random_clamp(&p.low, &p.high);
    p.high *= p.out_type == ELEM_U8 ? 500.0F : 1.0F;
    if (random_int(0, 7) == 0) {
        plant_nan(type, (void *)segments[0].a, random_int(0, segments[0].length - 1));
    }
    CHECK_TABLES(&out, k->conv[type](&p));
    output_free(&out);
}

/* ---- depthwise ---- */

/* U8 keeps the weights of four kernel rows together; those of rows that the kernel does not have are 0. */
static void *random_depthwise_weights(const struct depthwise_args *p, int type, int padding) {
    if (type != ELEM_U8) {
        void *w = buffer_new(ELEM_F32, (size_t)((p->kh * p->kw - 1) * p->weight_stride + p->channels + padding));
        fill_rows(ELEM_F32, w, p->kh * p->kw, p->channels, p->weight_stride);
        return w;
    }
    const int quads = (p->kh + 3) / 4;
    const ptrdiff_t stride = 4 * p->weight_stride;
    int8_t *w = buffer_new(ELEM_S8, (size_t)((p->kw * quads - 1) * stride + 4 * (p->channels + padding)));
    fill_rows(ELEM_S8, w, p->kw * quads, 4 * p->channels, stride);
    for (int i = p->kh; i < 4 * quads; i++) {
        for (int j = 0; j < p->kw; j++) {
            for (int c = 0; c < p->channels; c++) {
                w[(j * quads + i / 4) * stride + c * 4 + i % 4] = 0;
            }
        }
    }
    return w;
}

static void check_depthwise(int type) {
    const void *rows[MAX_KERNEL];
    const int pixels = random_int(1, 40), channels = random_channels(), padding = round_up(channels, 16) - channels;
    const bool common = random_int(0, 1);
    struct depthwise_args p = {
        .pixels = pixels,
        .channels = channels,
        .kh = common ? 3 : random_int(1, MAX_KERNEL),
        .kw = common ? 3 : random_int(1, MAX_KERNEL),
        .stride = common ? random_int(1, 2) : random_int(1, 3),
        .rows = rows,
        .in_stride = random_stride(channels),
        .weight_stride = channels + padding + 16 * random_int(0, 2),
        .low = -INFINITY,
        .high = INFINITY,
        .out_stride = random_stride(channels),
    };
    for (int i = 0; i < p.kh; i++) { /* rows of padding are one and the same */
        rows[i] = i > 0 && random_int(0, 3) == 0
                      ? rows[i - 1]
                      : buffer_rows(type, (pixels - 1) * p.stride + p.kw, channels, p.in_stride);
    }
    p.weights = random_depthwise_weights(&p, type, padding);
    p.bias = buffer_filled(ELEM_F32, channels, padding);
    if (type == ELEM_U8) {
        float *multiplier = buffer_filled(ELEM_FIXED, channels, padding);
        for (int c = 0; c < channels; c++) {
            multiplier[c] *= 0.02F;
        }
        p.multiplier = multiplier;
    }
    struct output out = output_new(type, pixels, channels, p.out_stride);
    p.out = out.data;
    snprintf(text, sizeof(text), "depthwise type %d, %d pixels, %d channels, kernel %d x %d, stride %d", type, pixels,
             channels, p.kh, p.kw, p.stride);
    FIND_MAGNITUDES(&out, k->depthwise[type](&p));
    random_clamp(&p.low, &p.high);
    p.high *= type == ELEM_U8 ? 500.0F : 1.0F;
    if (random_int(0, 7) == 0) {
        plant_nan(type, (void *)rows[p.kh - 1], random_int(0, channels - 1));
    }
    CHECK_TABLES(&out, k->depthwise[type](&p));
    output_free(&out);
}

/* ---- resizing ---- */

/* As resizing by any factor makes them, or anywhere; for `padded` outputs. Fractions are quarters if `exact`. */
static struct tap *random_taps(int pixels, int padded, int in_width, bool exact) {
    struct tap *taps = buffer_new(ELEM_FIXED, (size_t)padded * sizeof(struct tap) / sizeof(float));
    const bool anywhere = random_int(0, 3) == 0;
    const float scale = (float)in_width / (float)pixels;
    for (int x = 0; x < padded; x++) {
        float at = anywhere ? random_float() * (float)in_width : (float)x * scale;
        int x0 = (int)at < in_width - 1 ? (int)at : in_width - 1;
        float fraction = at - floorf(at);
        taps[x].x0 = x < pixels ? x0 : in_width - 1;
        taps[x].x1 = taps[x].x0 + 1 < in_width ? taps[x].x0 + 1 : in_width - 1;
        taps[x].fraction = exact ? floorf(4 * fraction) / 4 : fraction;
    }
    return taps;
}

static void check_resize(int type) {
    const int pixels = random_int(1, 60), in_width = random_int(1, 40), channels = random_channels();
    struct resize_args p = {
        .pixels = pixels,
        .channels = channels,
        .in_width = in_width,
        .in_stride = random_stride(channels),
        .in_scale = 0.5F + random_float(),
        .in_offset = 20.0F * random_float(),
        .fraction_y = random_int(0, 3) ? random_float() : 0.0F,
        .addend_stride = random_stride(channels),
        .addend_scale = random_float(),
        .addend_offset = -20.0F * random_float(),
        .low = -INFINITY,
        .high = INFINITY,
        .out_stride = random_stride(channels),
    };
    p.upper = buffer_rows(type, in_width, channels, p.in_stride);
    p.lower = random_int(0, 3) ? buffer_rows(type, in_width, channels, p.in_stride) : p.upper;
    p.addend = random_int(0, 1) ? buffer_rows(type, pixels, channels, p.addend_stride) : NULL;
    p.taps = random_taps(pixels, pixels, in_width, false);
    p.scratch = buffer_new(ELEM_F32, (size_t)in_width * (size_t)channels);
    struct output out = output_new(type, pixels, channels, p.out_stride);
    p.out = out.data;
    snprintf(text, sizeof(text), "resize type %d, %d to %d pixels, %d channels, addend %d", type, in_width, pixels,
             channels, p.addend != NULL);
    /* A blend of two numbers of either sign is rounded as the larger is, not as the blend. */
    output_bound(&out, 2.0F);
    signs_flip();
    random_clamp(&p.low, &p.high);
    p.high *= type == ELEM_U8 ? 500.0F : 1.0F;
    if (random_int(0, 7) == 0) {
        plant_nan(type, (void *)p.upper, random_int(0, channels - 1));
    }
    CHECK_TABLES(&out, k->resize[type](&p));
    output_free(&out);
}

/* Planes of numbers, or of small integers so that sums are exact and ties common. */
static struct tap_group *groups_of(const struct tap *taps, int padded) {
    struct tap_group *groups =
        buffer_new(ELEM_FIXED, (size_t)padded / TAP_GROUP * sizeof(struct tap_group) / sizeof(float));
    for (int g = 0; g < padded / TAP_GROUP; g++, taps += TAP_GROUP) {
        groups[g] = (struct tap_group){.base = taps[0].x0};
        for (int i = 1; i < TAP_GROUP; i++) {
            groups[g].base = taps[i].x0 < groups[g].base ? taps[i].x0 : groups[g].base;
        }
        for (int i = 0; i < TAP_GROUP; i++) {
            groups[g].index[i] = taps[i].x0 - groups[g].base;
            groups[g].fraction[i] = taps[i].fraction;
            groups[g].reach = groups[g].index[i] + 1 > groups[g].reach ? groups[g].index[i] + 1 : groups[g].reach;
        }
    }
    return groups;
}

static struct upsample_args random_upsample(bool exact) {
    const int in_width = random_int(1, 60), channels = random_int(1, 30), pixels = random_int(1, 150);
    struct upsample_args p = {
        .pixels = pixels,
        .channels = channels,
        .in_width = in_width,
        .in_plane = in_width + 32 + random_int(0, 20),
        .fraction_y = exact ? 0.25F * (float)random_int(0, 3) : random_float(),
        .stream = random_int(0, 1),
    };
    const size_t count = (size_t)((channels - 1) * p.in_plane + in_width + 32);
    float *planes[2] = {buffer_new(ELEM_F32, count), buffer_new(ELEM_F32, count)};
    for (int i = 0; i < 2; i++) {
        fill_rows(ELEM_F32, planes[i], channels, in_width, p.in_plane);
        for (size_t j = 0; exact && j < count; j++) {
            planes[i][j] = floorf(4.0F * planes[i][j]);
        }
    }
    p.upper = planes[0];
    p.lower = planes[1];
    p.taps = random_taps(pixels, round_up(pixels, 16), in_width, exact);
    p.groups = groups_of(p.taps, round_up(pixels, 16));
    p.scratch = buffer_new(ELEM_F32, (size_t)(channels * p.in_plane));
    snprintf(text, sizeof(text), "upsample %d to %d pixels, %d channels, exact %d", in_width, pixels, channels, exact);
    return p;
}

static void check_upsample_f32(int type) {
    struct upsample_args p = random_upsample(false);
    p.out_plane = random_int(0, 1) ? round_up(p.pixels, 16) : random_stride(p.pixels); /* the first can be streamed */
    struct output out = output_new(type, p.channels, p.pixels, p.out_plane);
    p.out = out.data;
    output_bound(&out, 1.0F);
    signs_flip();
    if (random_int(0, 7) == 0) {
        plant_nan(ELEM_F32, (void *)p.upper, random_int(0, p.in_width - 1));
    }
    CHECK_TABLES(&out, k->upsample_f32(&p));
    output_free(&out);
}

/* The label that plain C gives, or with rounding one whose value is as good. */
static void check_upsample_labels(int type) {
    const bool exact = random_int(0, 1);
    struct upsample_args p = random_upsample(exact);
    struct output out = output_new(type, 1, p.pixels, p.pixels),
                  values = output_new(ELEM_F32, p.channels, p.pixels, p.pixels);
    signs_flip();
    output_start(&out);
    p.out = values.data;
    p.out_plane = p.pixels;
    plain.upsample_f32(&p);
    const float *value = (const float *)(const void *)values.data;
    p.out = out.data;
    plain.upsample_labels(&p);
    output_expect(&out);
    for (int t = 0; t < num_tables; t++, output_restore(&out)) {
        tables[t].kernels.upsample_labels(&p);
        const uint8_t *labels = (const uint8_t *)out.data, *expected = (const uint8_t *)out.expected;
        for (int x = 0; x < p.pixels; x++) {
            if (exact || labels[x] >= p.channels) {
                assert_int_equal(labels[x], expected[x]);
            } else if (!(value[labels[x] * p.pixels + x] >= value[expected[x] * p.pixels + x] - 1e-5F)) {
                fail_msg("%s: label of %d is %d, expected %d", what(t), x, labels[x], expected[x]);
            }
        }
        buffers_check(what(t));
    }
    output_free(&out);
    output_free(&values);
}

/* ---- moving and adding ---- */

static void check_load(int type) {
    const int width = random_int(1, 70), stride = random_int(3, 6);
    const uint8_t *in = buffer_filled(ELEM_U8, 3 * width, 0);
    const float(*table)[256] = buffer_filled(type, 3 * 256, 0);
    struct output out = output_new(type, 1, width * stride, width * stride);
    snprintf(text, sizeof(text), "load_u8 %d pixels, stride %d", width, stride);
    signs_flip();
    CHECK_TABLES(&out, k->load_u8(in, width, table, (float *)(void *)out.data, stride));
    output_free(&out);
}

static void check_load_bf16(int type) {
    /* the network's own normalisation: kernels may compute it instead of looking it up */
    static const float mean[3] = {0.485F, 0.456F, 0.406F}, std[3] = {0.229F, 0.224F, 0.225F};
    const int width = random_int(1, 70);
    const uint8_t *in = buffer_filled(ELEM_U8, 3 * width, 0);
    float(*table)[256] = buffer_new(ELEM_F32, 3 * 256);
    for (int c = 0; c < 3; c++) {
        for (int v = 0; v < 256; v++) {
            table[c][v] = ((float)v / 255.0F - mean[c]) / std[c];
        }
    }
    struct output out = output_new(type, 1, width * 4, width * 4);
    snprintf(text, sizeof(text), "load_u8_bf16 %d pixels", width);
    CHECK_TABLES(&out, k->load_u8_bf16(in, width, (const float(*)[256])table, (uint16_t *)(void *)out.data));
    output_free(&out);
}

static void check_load_u8(int type) {
    const int width = random_int(1, 70);
    const uint8_t *in = buffer_filled(ELEM_U8, 3 * width, 0);
    struct output out = output_new(type, 1, width * 4, width * 4);
    snprintf(text, sizeof(text), "load_u8_u8 %d pixels", width);
    CHECK_TABLES(&out, k->load_u8_u8(in, width, (uint8_t *)out.data));
    output_free(&out);
}

static void check_interleave(int type) {
    const int width = random_int(1, 70), channels = random_int(0, 1) ? 3 : random_int(1, 20);
    const int stride = channels + random_int(0, 2), plane = random_stride(width);
    const float *planes = buffer_rows(type, channels, width, plane);
    struct output out = output_new(type, 1, width * stride, width * stride);
    snprintf(text, sizeof(text), "interleave %d pixels, %d channels, stride %d", width, channels, stride);
    signs_flip();
    CHECK_TABLES(&out, k->interleave_f32(planes, plane, width, channels, (float *)(void *)out.data, stride));
    output_free(&out);
}

static void check_deinterleave(int type) {
    const int width = random_int(1, 70), channels = random_int(0, 1) ? 19 : random_int(1, 40);
    const int stride = random_stride(channels), plane = random_stride(width);
    const float *in = buffer_rows(type, width, channels, stride);
    struct output out = output_new(type, channels, width, plane);
    snprintf(text, sizeof(text), "deinterleave %d pixels, %d channels, stride %d", width, channels, stride);
    signs_flip();
    CHECK_TABLES(&out, k->deinterleave_f32(in, stride, width, channels, (float *)(void *)out.data, plane));
    output_free(&out);
}

static void check_add(int type) {
    const int width = random_int(1, 40), channels = random_channels();
    const int in_stride = random_stride(channels), out_stride = random_stride(channels);
    const float *in = buffer_rows(type, width, channels, in_stride);
    const float *addend = random_int(0, 2) ? buffer_rows(type, width, channels, out_stride) : NULL;
    struct output out = output_new(type, width, channels, out_stride);
    float *data = (float *)(void *)out.data, low, high;
    in = random_int(0, 3) ? in : data; /* in place: the engine does both */
    const int stride = in == data ? out_stride : in_stride;
    random_clamp(&low, &high);
    snprintf(text, sizeof(text), "add %d pixels, %d channels, addend %d", width, channels, addend != NULL);
    signs_flip();
    plant_nan(type, (void *)in, 0);
    CHECK_TABLES(&out, k->add_f32(in, stride, addend, out_stride, width, channels, low, high, data, out_stride));
    output_free(&out);
}

static void check_sum(int type) {
    const int pixels = random_int(1, 40), channels = random_channels(), stride = random_stride(channels);
    const void *in = buffer_rows(type, pixels, channels, stride);
    struct output out = output_new(ELEM_F32, 1, channels, channels);
    float *data = (float *)(void *)out.data;
    snprintf(text, sizeof(text), "sum type %d, %d pixels, %d channels", type, pixels, channels);
    FIND_MAGNITUDES(&out, k->sum[type](in, stride, pixels, channels, data));
    CHECK_TABLES(&out, k->sum[type](in, stride, pixels, channels, data));
    output_free(&out);
}

/* ---- conversion: to the last bit, but for which NaN it is ---- */

/* Any bits; floats around the ends of half precision; halfway cases; and what rounding in integers can break. */
static float *random_bits(size_t count) {
    static const uint32_t special[] = {0,          0x80000000, 1,          0x7f7fffff, 0x7f800000, 0xff800000,
                                       0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x477fefff, 0x477ff000};
    uint32_t *bits = buffer_new(ELEM_F32, count);
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

static void check_from_f32(int type) {
    const size_t count = (size_t)random_int(1, 300);
    float *in = type == ELEM_U8 ? buffer_filled(ELEM_F32, (int)count, 0) : random_bits(count);
    for (size_t i = 0; i < count && type == ELEM_BF16; i++) {
        in[i] = fabsf(in[i]) < 0x1p-126F ? 0.0F : in[i]; /* vcvtneps2bf16 takes subnormals for 0 */
    }
    struct output out = output_new(type, 1, (int)count, (ptrdiff_t)count);
    snprintf(text, sizeof(text), "from_f32 type %d, %zu elements", type, count);
    CHECK_TABLES(&out, k->from_f32[type](in, count, out.data));
    /* output_check allows bfloat16 its last bit, as kernels that sum need it; here there is nothing to sum */
    for (int t = 0; t < num_tables && type == ELEM_BF16; t++) {
        tables[t].kernels.from_f32[type](in, count, out.data);
        for (size_t i = 0; i < count; i++) {
            if (!isnan(in[i])) {
                assert_int_equal(((uint16_t *)(void *)out.data)[i], ((uint16_t *)(void *)out.expected)[i]);
            }
        }
    }
    output_free(&out);
}

static void check_to_f32(int type) {
    const size_t count = (size_t)random_int(1, 300);
    const void *in = buffer_filled(type, (int)count, 0);
    struct output out = output_new(ELEM_F32, 1, (int)count, (ptrdiff_t)count);
    snprintf(text, sizeof(text), "to_f32 type %d, %zu elements", type, count);
    signs_flip();
    plant_nan(type, (void *)in, random_int(0, (int)count - 1));
    CHECK_TABLES(&out, k->to_f32[type](in, count, (float *)(void *)out.data));
    output_free(&out);
}

static void check_to_half(int type) {
    const size_t count = (size_t)random_int(1, 300);
    const float *in = random_bits(count);
    struct output out = output_new(type, 1, (int)count, (ptrdiff_t)count);
    const uint16_t *got = (const uint16_t *)(const void *)out.data;
    const uint16_t *expected = (const uint16_t *)(const void *)out.expected;
    snprintf(text, sizeof(text), "to_half %zu elements", count);
    plain.to_half(in, count, (uint16_t *)(void *)out.data);
    output_expect(&out);
    for (int t = 0; t < num_tables; t++) {
        tables[t].kernels.to_half(in, count, (uint16_t *)(void *)out.data);
        for (size_t i = 0; i < count; i++) {
            if (isnan(in[i]) ? (got[i] & 0x7fff) <= 0x7c00 : got[i] != expected[i]) {
                fail_msg("%s: %a becomes %04x, expected %04x", what(t), (double)in[i], got[i], expected[i]);
            }
        }
        buffers_check(what(t));
    }
    output_free(&out);
}

/* ---- the list ---- */

struct kernel_test {
    const char *name;
    void (*check)(int type);
    int type;
};

static uint32_t seed;

static void run_cases(void **state) {
    const struct kernel_test *test = *state;
    random_state = seed * 2654435761U;
    for (int i = 0; i < CASES; i++) {
        buffers_reset();
        test->check(test->type);
    }
}

static void add_table(uint32_t flags) {
    if ((flags & cpu_flags_found()) != flags) {
        return;
    }
    char words[48];
    tables[num_tables].kernels = kernels_get(flags);
    snprintf(tables[num_tables].name, sizeof(tables[0].name), "%s (%s)", tables[num_tables].kernels.isa,
             cpu_flags_text(flags, words, sizeof(words)));
    print_message("# table %s\n", tables[num_tables].name);
    num_tables++;
}

static struct kernel_test kernel_tests[] = {
    {"conv_f32", check_conv, ELEM_F32},
    {"conv_bf16", check_conv, ELEM_BF16},
    {"conv_u8", check_conv, ELEM_U8},
    {"depthwise_f32", check_depthwise, ELEM_F32},
    {"depthwise_bf16", check_depthwise, ELEM_BF16},
    {"depthwise_u8", check_depthwise, ELEM_U8},
    {"resize_f32", check_resize, ELEM_F32},
    {"resize_bf16", check_resize, ELEM_BF16},
    {"resize_u8", check_resize, ELEM_U8},
    {"upsample_f32", check_upsample_f32, ELEM_F32},
    {"upsample_labels", check_upsample_labels, ELEM_U8},
    {"load_u8", check_load, ELEM_F32},
    {"load_u8_bf16", check_load_bf16, ELEM_BF16},
    {"load_u8_u8", check_load_u8, ELEM_U8},
    {"interleave", check_interleave, ELEM_F32},
    {"deinterleave", check_deinterleave, ELEM_F32},
    {"add_f32", check_add, ELEM_F32},
    {"sum_f32", check_sum, ELEM_F32},
    {"sum_bf16", check_sum, ELEM_BF16},
    {"sum_u8", check_sum, ELEM_U8},
    {"from_f32_f32", check_from_f32, ELEM_F32},
    {"from_f32_bf16", check_from_f32, ELEM_BF16},
    {"from_f32_u8", check_from_f32, ELEM_U8},
    {"to_f32_f32", check_to_f32, ELEM_F32},
    {"to_f32_bf16", check_to_f32, ELEM_BF16},
    {"to_f32_u8", check_to_f32, ELEM_U8},
    {"to_half", check_to_half, ELEM_BF16 /* as wide */},
};

int main(void) {
    const char *word = getenv("FASTSCNN_SEED");
    seed = word ? (uint32_t)strtoul(word, NULL, 10) : 1;
    print_message("# FASTSCNN_SEED=%u\n", seed);
    plain = kernels_get(0);
    const uint32_t flags[] = {0,
                              CPU_AVX2,
                              CPU_AVX2 | CPU_AVX_VNNI,
                              CPU_AVX2 | CPU_AVX512,
                              CPU_AVX2 | CPU_AVX512 | CPU_AVX512_BF16,
                              CPU_NEON,
                              cpu_flags_found()};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        add_table(flags[i]);
    }
    enum { COUNT = sizeof(kernel_tests) / sizeof(kernel_tests[0]) };
    struct CMUnitTest tests[COUNT];
    for (int i = 0; i < COUNT; i++) {
        tests[i] = (struct CMUnitTest){
            .name = kernel_tests[i].name, .test_func = run_cases, .initial_state = &kernel_tests[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
