/* Calls of convolutions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkkernels.h"
#include "kernels/split.h"

static int random_channels(void) { return random_int(0, 2) ? random_size(200) : 16 * random_int(1, 12); }

/* Segments of the call and the buffers they read, for lengths and strides that are set. Returns K. A stride shorter
 * than the length makes the pixels of a k x k kernel, which overlap. */
static int make_segments(struct call *c) {
    struct conv_args *p = &c->args.conv;
    int sum = 0;
    for (int s = 0; s < p->num_segments; s++) {
        struct conv_segment *segment = &c->segments[s];
        const int length = segment->length, stride = (int)segment->pixel_stride;
        segment->a = stride < length ? buffer_filled("a", c->type, (p->pixels - 1) * stride + length, 0)
                                     : buffer_rows("a", c->type, p->pixels, length, stride);
        sum += length;
    }
    p->segments = c->segments;
    return sum;
}

static void *make_weights(const struct conv_args *p, int type, int sum) {
    const int blocks = round_up(p->channels, KERNEL_BLOCK) / KERNEL_BLOCK, group = conv_group(type),
              stored = type == ELEM_U8 ? BUFFER_S8 : type;
    void *w = buffer_rows("weights", stored, blocks, KERNEL_BLOCK * sum, p->block_stride);
    for (int n = p->channels % KERNEL_BLOCK; n > 0 && n < KERNEL_BLOCK; n++) { /* padding lanes */
        for (int i = 0; i < sum; i++) {
            plant_nan(stored, w, (blocks - 1) * p->block_stride + (i / group * KERNEL_BLOCK + n) * group + i % group);
        }
    }
    return w;
}

/* The parts are made of the weights for each run: these get their signs only after the first. */
static void make_parts(struct call *c, int sum) {
    struct conv_args *p = &c->args.conv;
    const size_t blocks = (size_t)round_up(p->channels, KERNEL_BLOCK) / KERNEL_BLOCK;
    c->whole_weights = p->weights;
    p->weights = buffer_new("parts of weights", ELEM_BF16, split_weights_count(blocks, (size_t)sum, p->parts));
    p->block_stride *= p->parts;
    p->scratch = buffer_new("scratch", ELEM_BF16, split_scratch_bytes((size_t)sum) / sizeof(uint16_t));
    buffer_allow_writes(p->weights);
    buffer_allow_writes(p->scratch);
}

/* What follows from pixels, channels, out_type and segments: no addend, no clamp, and buffers that are not longer than
 * they must be but for `more` weights between blocks. */
static void make_call(struct call *c, int more, ptrdiff_t out_stride) {
    struct conv_args *p = &c->args.conv;
    const int padding = round_up(p->channels, KERNEL_BLOCK) - p->channels, sum = make_segments(c);
    p->block_stride = KERNEL_BLOCK * (ptrdiff_t)(sum + more);
    p->weights = make_weights(p, c->type, sum);
    if (c->kernel->operation == &operation_conv_split) {
        make_parts(c, sum);
    }
    p->bias = buffer_filled("bias", ELEM_F32, p->channels, padding);
    if (c->type == ELEM_U8) {
        float *multiplier = buffer_filled("multiplier", BUFFER_FIXED, p->channels, padding);
        for (int n = 0; n < p->channels; n++) {
            multiplier[n] *= 0.05F / (float)sum;
        }
        p->multiplier = multiplier;
    }
    p->addend_scale = 1;
    p->low = -INFINITY;
    p->high = INFINITY;
    p->out_stride = out_stride;
    c->out = output_new(p->out_type, p->pixels, p->channels, out_stride);
    p->out = c->out.data;
    c->operations = 2.0 * p->pixels * p->channels * sum;
    c->arithmetic = c->type;
    snprintf(c->text, sizeof(c->text), "%d pixels, K %d in %d segments, %d channels, to %s", p->pixels, sum,
             p->num_segments, p->channels, elem_names[p->out_type]);
}

/* ---- random cases ---- */

/* A kernel's rows (overlapping pixels), or parts of a concatenation. Lengths are multiples of `group`. */
static void draw_segments(struct call *c, int group) {
    struct conv_args *p = &c->args.conv;
    const int most = random_int(0, 3) ? 12 : 60;
    const bool overlapping = random_int(0, 1);
    p->num_segments = random_int(1, MAX_SEGMENTS);
    for (int s = 0; s < p->num_segments; s++) {
        const int length = group * random_int(1, most);
        c->segments[s].length = length;
        c->segments[s].pixel_stride = overlapping ? random_int(1, length) : random_stride(length);
    }
    if (random_int(0, 15) == 0) { /* the most channels that the network has, and more */
        p->num_segments = 1;
        c->segments[0].length = group * random_int(768 / group - 2, 768 / group + 2);
        c->segments[0].pixel_stride = random_stride(c->segments[0].length);
    }
}

static void draw(struct call *c, int group) {
    struct conv_args *p = &c->args.conv;
    *p = (struct conv_args){
        .pixels = random_size(random_int(0, 7) ? 40 : 80), .channels = random_channels(), .parts = random_int(2, 3)};
    p->out_type = random_int(0, 2) ? c->type : ELEM_F32;
    draw_segments(c, group);
    make_call(c, group == SPLIT_MULTIPLE || random_int(0, 1) ? 0 : random_int(0, 40), random_stride(p->channels));
    p->bias = random_int(0, 3) ? p->bias : NULL;
    const int addend = random_int(0, 2);
    p->addend_stride = addend == 1 ? random_stride(p->channels) : p->out_stride;
    p->addend = addend == 0   ? NULL
                : addend == 1 ? buffer_rows("addend", p->out_type, p->pixels, p->channels, p->addend_stride)
                              : p->out;
    if (c->type == ELEM_U8) {
        p->addend_scale = random_float();
        p->addend_offset = 50.0F * random_float();
    }
    call_measure_magnitudes(c);
    random_clamp(p->out_type, &p->low, &p->high);
    if (random_int(0, 7) == 0) {
        plant_nan(c->type, (void *)c->segments[0].a, random_int(0, c->segments[0].length - 1));
    }
    const size_t used = strlen(c->text);
    snprintf(c->text + used, sizeof(c->text) - used, "%s%s, clamp %g to %g", p->bias ? "" : ", no bias",
             addend == 0   ? ""
             : addend == 1 ? ", addend"
                           : ", addend in place",
             (double)p->low, (double)p->high);
}

static void conv_draw(struct call *c) { draw(c, conv_group(c->type)); }

static void conv_split_draw(struct call *c) { draw(c, SPLIT_MULTIPLE); }

/* ---- the network ---- */

/* Distinct shapes, in the order of the network; input parts 0 is the first layer, 3x3 of stride 2. */
static const struct {
    int pixels, channels, parts[2];
} layers[] = {
    {1024, 32, {0, 0}},  {512, 48, {32, 0}},  {256, 64, {48, 0}},    {256, 384, {64, 0}},  {128, 64, {384, 0}},
    {128, 384, {64, 0}}, {64, 96, {384, 0}},  {64, 576, {96, 0}},    {64, 96, {576, 0}},   {64, 128, {576, 0}},
    {64, 768, {128, 0}}, {64, 128, {768, 0}}, {256, 128, {64, 128}}, {256, 128, {128, 0}}, {256, 19, {128, 0}},
};

static bool make_layer(struct call *c, int i, int split_parts) {
    if (i >= (int)(sizeof(layers) / sizeof(layers[0]))) {
        return false;
    }
    struct conv_args *p = &c->args.conv;
    const int *parts = layers[i].parts, first = c->type == ELEM_F32 ? 3 : 4; /* channels of a picture's rows */
    *p = (struct conv_args){.pixels = layers[i].pixels, .channels = layers[i].channels, .parts = split_parts};
    p->out_type = p->channels == 19 ? ELEM_F32 : c->type;
    p->num_segments = parts[0] == 0 ? 3 : parts[1] == 0 ? 1 : 2;
    for (int s = 0; s < p->num_segments; s++) {
        c->segments[s].length = parts[0] == 0 ? 3 * first : parts[s];
        c->segments[s].pixel_stride = parts[0] == 0 ? 2 * (ptrdiff_t)first : parts[s];
    }
    make_call(c, 0, p->channels);
    p->low = 0;
    int k = 0;
    c->bytes = (double)c->out.bytes;
    for (int s = 0; s < p->num_segments; s++) {
        c->bytes += (double)elem_size(c->type) * p->pixels * (double)c->segments[s].pixel_stride;
        k += c->segments[s].length;
    }
    c->bytes += (double)elem_size(c->type) * k * round_up(p->channels, KERNEL_BLOCK);
    snprintf(c->text, sizeof(c->text), "%d px %s %d -> %d", p->pixels, parts[0] ? "1x1" : "3x3 s2", parts[0] ? k : 3,
             p->channels);
    return true;
}

static bool conv_network(struct call *c, int i) { return make_layer(c, i, 0); }

static void conv_run(const struct kernels *k, const struct call *c) { k->conv[c->type](&c->args.conv); }

static void split_call_weights(const struct call *c) {
    const struct conv_args *p = &c->args.conv;
    const size_t blocks = (size_t)round_up(p->channels, KERNEL_BLOCK) / KERNEL_BLOCK;
    split_weights(c->whole_weights, blocks, (size_t)(p->block_stride / (p->parts * KERNEL_BLOCK)), p->parts,
                  (uint16_t *)p->weights);
}

static bool conv_split_network(struct call *c, int i) {
    if (!make_layer(c, i / 2 + 1, 3 - i % 2)) { /* not the first layer */
        return false;
    }
    const size_t used = strlen(c->text);
    snprintf(c->text + used, sizeof(c->text) - used, ", %d parts", c->args.conv.parts);
    split_call_weights(c);
    c->whole_weights = NULL; /* once: a session does it when it starts */
    return true;
}

static void conv_split_run(const struct kernels *k, const struct call *c) {
    if (c->whole_weights) {
        split_call_weights(c);
    }
    k->conv_split(&c->args.conv);
}

const struct operation operation_conv_split = {conv_split_draw, conv_split_network, conv_split_run};
const struct operation operation_conv = {conv_draw, conv_network, conv_run};
