/* Stages of a step, row by row: a stage asks those it reads for the rows it needs, computes its own and keeps the
 * latest in a ring. Nothing here allocates or waits. */
#include <math.h>
#include <string.h>

#include "kernels/split.h"
#include "run/rows.h"
#include "run/session.h"
#include "tensor/normalization.h"

static char *tensor_row(const struct worker *w, int tensor, int row) {
    const struct tensor_desc *t = &plan_of(w)->tensors[tensor];
    return w->session->arena + layout_of(w)->tensors[tensor] +
           (size_t)row * (size_t)t->w * (size_t)t->c * elem_size(t->type);
}

struct rows source_rows(const struct worker *w, struct source source, int row, int count) {
    if (source.kind == SOURCE_TENSOR) {
        return (struct rows){tensor_row(w, source.index, row), plan_of(w)->tensors[source.index].c, true};
    }
    const struct stage_layout *l = &layout_of(w)->stages[source.index];
    size_t left = (size_t)l->left * (size_t)l->channels * elem_size(plan_of(w)->stages[source.index].type);
    int slot = (row - w->stages[source.index].first) % l->ring_rows;
    bool contiguous = count == 1 || (l->left == 0 && l->right == 0 && slot + count <= l->ring_rows);
    return (struct rows){w->scratch + l->ring + (size_t)slot * l->row_stride + left, l->channels, contiguous};
}

/* Rows that the stage itself writes. */
static struct rows target_rows(const struct worker *w, int stage, int row, int count) {
    const struct stage *s = &plan_of(w)->stages[stage];
    struct source self = {s->tensor >= 0 ? SOURCE_TENSOR : SOURCE_STAGE, s->tensor >= 0 ? s->tensor : stage};
    return source_rows(w, self, row, count);
}

/* A source's row for a kernel tap: zeros outside the picture; from `left` pixels before the first. */
static const void *tap_row(const struct worker *w, struct source source, int row, int left) {
    struct tensor_desc shape = plan_source_shape(plan_of(w), source);
    if (row < 0 || row >= shape.h) {
        return w->scratch;
    }
    struct rows rows = source_rows(w, source, row, 1);
    return rows.data - (size_t)left * (size_t)rows.channels * elem_size(shape.type);
}

static const float *data_at(const struct worker *w, uint64_t offset) {
    return (const float *)(const void *)(w->session->weights.data + offset);
}

/* A row in f32: as it lies, or converted into `work` [count]. */
static const float *row_as_f32(const struct worker *w, int type, const void *row, size_t count, float *work) {
    if (type == ELEM_F32) {
        return row;
    }
    w->session->kernels.to_f32[type](row, count, work);
    return work;
}

/* Stores a row that was computed in f32 (in `row` itself, when that is its type). */
static void store_row(const struct worker *w, int type, const float *values, size_t count, void *row) {
    if (type != ELEM_F32) {
        w->session->kernels.from_f32[type](values, count, row);
    }
}

/* ---- one function a stage; count > 1 rows only where everything is contiguous ---- */

/* Normalised floats back to the bytes they came from. */
static void store_pixels(const float *values, int width, uint8_t *out) {
    const float *m = normalization_mean, *d = normalization_deviation;
    const float mean[4] = {m[0], m[1], m[2], 0}, std[4] = {d[0], d[1], d[2], 0};
    for (int i = 0; i < 4 * width; i++) {
        float value = (values[i] * std[i & 3] + mean[i & 3]) * 255.0F;
        out[i] = value > 0.0F ? value < 255.0F ? (uint8_t)lrintf(value) : 255 : 0;
    }
}

/* Whether a stage is the first convolution of an int8 network and takes the picture's bytes themselves. */
static bool takes_units(const struct worker *w, int stage) {
    return w->session->weights.units && w->session->weights.bytes_stage == stage &&
           w->session->input_type == FSCNN_INPUT_U8;
}

/* The same of a float32 network, where all are bytes; not where the numbers between are looked at. */
static bool takes_columns(const struct worker *w, int stage) {
    return w->session->weights.columns && w->session->weights.bytes_stage == stage && !w->ranges;
}

/* Whether such a convolution reads this LOAD stage. */
static bool feeds_bytes(const struct worker *w, int load) {
    const int user = w->session->weights.bytes_stage;
    return user >= 0 && plan_of(w)->stages[user].inputs[0].index == load &&
           (takes_units(w, user) || takes_columns(w, user));
}

/* Of a row in a LOAD stage's ring that feeds columns from float32 pictures: whether it has been recovered as bytes.
 * There is room: the work area has 24 bytes for each pixel, and a ring of at most 31 rows at least 3 of these. */
static bool *row_is_bytes(const struct worker *w, int load, int row) {
    return (bool *)work_of(w, load) + (row - w->stages[load].first) % layout_of(w)->stages[load].ring_rows;
}

/* A row of a float32 picture, pixels side by side. */
static void load_floats(const struct worker *w, int stage, int row, float *out) {
    const struct stage *s = &plan_of(w)->stages[stage];
    const float *in = (const float *)w->session->input + (size_t)row * (size_t)s->w;
    w->session->kernels.interleave_f32(in, (ptrdiff_t)s->h * s->w, s->w, plan_of(w)->channels, out, s->c);
}

/* Most float32 pictures were bytes before they were normalised, and the first convolution is faster with these. */
static void recover_bytes(const struct worker *w, int stage, int row, float *values) {
    const struct fscnn_session *session = w->session;
    bool *is_bytes = row_is_bytes(w, stage, row);
    *is_bytes = session->kernels.recover_u8(values, plan_of(w)->stages[stage].w, (const float(*)[256])session->table,
                                            (uint8_t *)values);
    if (!*is_bytes) {
        load_floats(w, stage, row, values);
    }
}

static void run_load(struct worker *w, int stage, int row) {
    const struct fscnn_session *session = w->session;
    const struct stage *s = &plan_of(w)->stages[stage];
    char *out = target_rows(w, stage, row, 1).data;
    float *values = (float *)(void *)(s->type == ELEM_F32 ? out : work_of(w, stage));
    if (session->input_type == FSCNN_INPUT_U8) {
        const uint8_t *in = (const uint8_t *)session->input + (size_t)row * (size_t)s->w * 3;
        if (feeds_bytes(w, stage)) {
            return; /* nobody reads these rows */
        }
        if (s->type == ELEM_U8) {
            session->kernels.load_u8_u8(in, s->w, (uint8_t *)out);
            return;
        }
        if (s->type == ELEM_BF16) { /* straight: this is the first convolution's input */
            session->kernels.load_u8_bf16(in, s->w, (const float(*)[256])session->table, (uint16_t *)(void *)out);
            return;
        }
        session->kernels.load_u8(in, s->w, (const float(*)[256])session->table, values);
    } else {
        load_floats(w, stage, row, values);
        if (feeds_bytes(w, stage)) {
            recover_bytes(w, stage, row, values);
            return;
        }
    }
    if (s->type == ELEM_U8) {
        store_pixels(values, s->w, (uint8_t *)out);
        return;
    }
    store_row(w, s->type, values, (size_t)s->w * (size_t)s->c, out);
}

static void run_copy(struct worker *w, int stage, int row) {
    const struct stage *s = &plan_of(w)->stages[stage];
    struct rows out = target_rows(w, stage, row, 1);
    struct tensor_desc in = plan_source_shape(plan_of(w), s->inputs[0]);
    size_t count = (size_t)in.w * (size_t)s->c, size = elem_size(s->type);
    int from = row - s->pad_top;
    if (in.w != s->w || from < 0 || from >= in.h) {
        memset(out.data, 0, (size_t)s->w * (size_t)s->c * size);
    }
    if (from < 0 || from >= in.h) {
        return;
    }
    char *target = out.data + (size_t)s->pad_left * (size_t)s->c * size;
    if (s->type == ELEM_U8 && in.type == ELEM_U8) {
        memcpy(target, source_rows(w, s->inputs[0], from, 1).data, count);
        return;
    }
    float *work = (float *)(void *)work_of(w, stage);
    float *values = s->type == ELEM_F32 ? (float *)(void *)target : work;
    const float *rows = row_as_f32(w, in.type, source_rows(w, s->inputs[0], from, 1).data, count, work), *addend = NULL;
    if (in.type == ELEM_U8 || s->type == ELEM_U8) {
        for (size_t i = 0; i < count; i++) {
            work[i] = rows[i] * s->in_scale + s->in_offset;
        }
        rows = work;
    }
    if (s->addend.kind != SOURCE_NONE) {
        addend = row_as_f32(w, s->type, source_rows(w, s->addend, row, 1).data, count, work + count);
    }
    w->session->kernels.add_f32(rows, s->c, addend, s->c, in.w, s->c, s->low, s->high, values, s->c);
    store_row(w, s->type, values, count, target);
}

static void fill_segments(struct worker *w, const struct stage *s, int row, int count, struct conv_args *args) {
    for (int k = 0; k < s->num_inputs && s->num_inputs > 1; k++) {
        struct rows rows = source_rows(w, s->inputs[k], row, count);
        w->segments[k] = (struct conv_segment){rows.data, rows.channels, rows.channels};
    }
    if (s->num_inputs == 1) {
        const struct layout *l = layout_of(w);
        bool ring = s->inputs[0].kind == SOURCE_STAGE;
        int channels = ring ? l->stages[s->inputs[0].index].channels : plan_source_shape(plan_of(w), s->inputs[0]).c;
        for (int i = 0; i < s->kh; i++) {
            const void *a = tap_row(w, s->inputs[0], row * s->stride_h - s->pad_top + i, s->pad_left);
            w->segments[i] = (struct conv_segment){a, (ptrdiff_t)s->stride_w * channels, s->kw * channels};
        }
    }
    args->segments = w->segments;
    args->num_segments = s->num_inputs > 1 ? s->num_inputs : s->kh;
}

/* The bytes of a row that the first convolution takes. */
static const uint8_t *picture_row(const struct worker *w, const struct stage *s, int row) {
    if (w->session->input_type != FSCNN_INPUT_U8) {
        return (const uint8_t *)source_rows(w, s->inputs[0], row, 1).data;
    }
    return (const uint8_t *)w->session->input + (ptrdiff_t)row * 3 * plan_source_shape(plan_of(w), s->inputs[0]).w;
}

/* Whether all rows that a row of the first convolution needs are bytes; otherwise none is. */
static bool rows_are_bytes(const struct worker *w, const struct stage *s, int row) {
    const int load = s->inputs[0].index, first = 2 * row;
    bool all = true;
    if (w->session->input_type == FSCNN_INPUT_U8) {
        return true;
    }
    for (int i = 0; i < 3; i++) {
        all = all && *row_is_bytes(w, load, first + i);
    }
    for (int i = 0; i < 3 && !all; i++) {
        bool *is_bytes = row_is_bytes(w, load, first + i);
        if (*is_bytes) {
            load_floats(w, load, first + i, (float *)(void *)target_rows(w, load, first + i, 1).data);
            *is_bytes = false;
        }
    }
    return all;
}

/* A row of the first convolution of a float32 network. */
static void run_columns(const struct worker *w, const struct stage *s, int row, const struct rows *out) {
    const struct columns_args args = {
        .pixels = s->w,
        .channels = out->channels,
        .rows = {picture_row(w, s, 2 * row), picture_row(w, s, 2 * row + 1), picture_row(w, s, 2 * row + 2)},
        .row_bytes = 3 * plan_source_shape(plan_of(w), s->inputs[0]).w,
        .weights = w->session->weights.columns,
        .bias = w->session->weights.columns_bias,
        .low = s->low,
        .high = s->high,
        .out = (float *)(void *)out->data,
        .out_stride = out->channels,
    };
    w->session->kernels.conv_columns(&args);
}

/* The picture's rows for the first convolution's row of an int8 network, as one segment of units. */
static void make_units(struct worker *w, const struct stage *s, int row, struct conv_args *args) {
    const uint8_t *const rows[3] = {picture_row(w, s, 2 * row), picture_row(w, s, 2 * row + 1),
                                    picture_row(w, s, 2 * row + 2)};
    char *units = work_of(w, s->inputs[0].index);
    w->session->kernels.interleave_units(rows, 3 * plan_source_shape(plan_of(w), s->inputs[0]).w, s->w + 1,
                                         (uint8_t *)units);
    w->segments[0] = (struct conv_segment){units, UNIT_BYTES, UNITS_K};
    args->segments = w->segments;
    args->num_segments = 1;
}

static void run_conv(struct worker *w, int stage, int row, int count) {
    const struct stage *s = &plan_of(w)->stages[stage];
    struct rows out = target_rows(w, stage, row, count);
    if (takes_columns(w, stage) && rows_are_bytes(w, s, row)) {
        run_columns(w, s, row, &out);
        return;
    }
    ptrdiff_t k = (ptrdiff_t)s->kh * s->kw * plan_input_channels(plan_of(w), s);
    const int type = plan_input_type(plan_of(w), s);
    const struct fscnn_session *session = w->session;
    const int split_parts = weights_split_parts(&session->weights, stage), parts = split_parts ? split_parts : 1;
    const bool split = split_parts > 0;
    /* Bytes of the weights of one k and 16 channels. */
    const ptrdiff_t k_bytes = PLAN_BLOCK * parts * (ptrdiff_t)(split ? sizeof(uint16_t) : elem_size(type));
    const char *weights = split ? (const char *)(session->weights.split + session->weights.split_at[stage])
                                : (const char *)data_at(w, s->weights);
    struct conv_args args = {
        .pixels = s->w * count,
        .channels = out.channels,
        .out_type = s->type,
        .block_stride = k * PLAN_BLOCK * parts,
        .bias = data_at(w, s->bias),
        .multiplier = data_at(w, s->multiplier),
        .addend_scale = s->addend_scale,
        .addend_offset = s->addend_offset,
        .low = s->low,
        .high = s->high,
        .out = out.data,
        .out_stride = out.channels,
        .parts = split_parts,
        .scratch = split ? work_of(w, stage) : NULL,
    };
    if (takes_units(w, stage)) {
        make_units(w, s, row, &args);
        weights = (const char *)session->weights.units;
    } else {
        fill_segments(w, s, row, count, &args);
    }
    if (s->addend.kind != SOURCE_NONE) {
        struct rows addend = source_rows(w, s->addend, row, count);
        args.addend = addend.data;
        args.addend_stride = addend.channels;
    }
    if (w->slice > 0 && s->tensor < 0) { /* expand: this slice's output channels */
        ptrdiff_t first = (ptrdiff_t)w->slice * out.channels;
        weights += first / PLAN_BLOCK * k * k_bytes;
        args.bias += first;
    } else if (w->slice > 0) { /* project: this slice's part of K, on top of the slices before */
        weights += (ptrdiff_t)w->slice * w->segments[0].length * k_bytes;
        args.bias = NULL;
        args.addend = out.data;
        args.addend_stride = out.channels;
    }
    args.weights = weights;
    if (split) {
        session->kernels.conv_split(&args);
    } else {
        session->kernels.conv[type](&args);
    }
}

static void run_depthwise(struct worker *w, int stage, int row) {
    const struct stage *s = &plan_of(w)->stages[stage];
    struct rows out = target_rows(w, stage, row, 1);
    int first = w->slice * out.channels; /* a slice's channels; slice is 0 in an uncut step */
    for (int i = 0; i < s->kh; i++) {
        w->rows[i] = tap_row(w, s->inputs[0], row * s->stride_h - s->pad_top + i, s->pad_left);
    }
    const struct depthwise_args args = {
        .pixels = s->w,
        .channels = out.channels,
        .kh = s->kh,
        .kw = s->kw,
        .stride = s->stride_w,
        .rows = w->rows,
        .in_stride = out.channels,
        .weights = w->session->weights.data + s->weights + (size_t)first * sizeof(float),
        .multiplier = data_at(w, s->multiplier),
        .weight_stride = (ptrdiff_t)(plan_blocks(s->c) * PLAN_BLOCK),
        .bias = data_at(w, s->bias) + first,
        .low = s->low,
        .high = s->high,
        .out = out.data,
        .out_stride = out.channels,
    };
    w->session->kernels.depthwise[s->type](&args);
}

static void run_resize(struct worker *w, int stage, int row) {
    const struct stage *s = &plan_of(w)->stages[stage];
    const struct stage_layout *l = &layout_of(w)->stages[stage];
    struct rows out = target_rows(w, stage, row, 1);
    const struct tap *at = &l->rows[row];
    struct rows upper = source_rows(w, s->inputs[0], at->x0, 1), addend = {0};
    if (s->addend.kind != SOURCE_NONE) {
        addend = source_rows(w, s->addend, row, 1);
    }
    const struct resize_args args = {
        .pixels = s->w,
        .channels = s->c,
        .in_width = plan_source_shape(plan_of(w), s->inputs[0]).w,
        .upper = upper.data,
        .lower = source_rows(w, s->inputs[0], at->x1, 1).data,
        .in_stride = upper.channels,
        .fraction_y = at->fraction,
        .taps = l->columns,
        .addend = addend.data,
        .addend_stride = addend.channels,
        .in_scale = s->in_scale,
        .in_offset = s->in_offset,
        .addend_scale = s->addend_scale,
        .addend_offset = s->addend_offset,
        .low = s->low,
        .high = s->high,
        .out = out.data,
        .out_stride = out.channels,
        .scratch = (float *)(void *)work_of(w, stage),
    };
    w->session->kernels.resize[s->type](&args);
}

static void run_concat(struct worker *w, int stage, int row) {
    const struct stage *s = &plan_of(w)->stages[stage];
    struct rows out = target_rows(w, stage, row, 1);
    size_t size = elem_size(s->type), first = 0;
    for (int k = 0; k < s->num_inputs; k++) {
        struct rows rows = source_rows(w, s->inputs[k], row, 1);
        size_t bytes = (size_t)rows.channels * size;
        for (int x = 0; x < s->w; x++) {
            memcpy(out.data + ((size_t)x * (size_t)s->c + first) * size, rows.data + (size_t)x * bytes, bytes);
        }
        first += (size_t)rows.channels;
    }
}

void softmax_pixel(float *pixel, int count, ptrdiff_t stride) {
    float most = pixel[0], sum = 0;
    for (int c = 1; c < count; c++) {
        most = pixel[c * stride] > most ? pixel[c * stride] : most;
    }
    for (int c = 0; c < count; c++) {
        pixel[c * stride] = expf(pixel[c * stride] - most);
        sum += pixel[c * stride];
    }
    for (int c = 0; c < count; c++) {
        pixel[c * stride] /= sum;
    }
}

static void run_softmax(struct worker *w, int stage, int row) {
    const struct stage *s = &plan_of(w)->stages[stage];
    size_t count = (size_t)s->w * (size_t)s->c;
    struct rows out = target_rows(w, stage, row, 1);
    float *values = (float *)(void *)(s->type == ELEM_F32 ? out.data : work_of(w, stage));
    const float *in = row_as_f32(w, s->type, source_rows(w, s->inputs[0], row, 1).data, count, values);
    if (in != values) {
        memcpy(values, in, count * sizeof(float));
    }
    for (int x = 0; x < s->w; x++) {
        softmax_pixel(values + (size_t)x * (size_t)s->c, s->c, 1);
    }
    store_row(w, s->type, values, count, out.data);
}

/* One bin's mean over the channels from .. to. */
static void pool_bin(struct worker *w, int stage, const struct pool_bin *v, const struct pool_bin *h, int from, int to,
                     char *out) {
    const struct stage *s = &plan_of(w)->stages[stage];
    float *sum = (float *)(void *)work_of(w, stage);
    const float scale = 1.0F / (v->divisor * h->divisor);
    memset(sum, 0, (size_t)(to - from) * sizeof(float));
    for (int y = v->start; y < v->end; y++) {
        const char *in = tensor_row(w, s->inputs[0].index, y) +
                         ((size_t)h->start * (size_t)s->c + (size_t)from) * elem_size(s->type);
        w->session->kernels.sum[s->type](in, s->c, h->end - h->start, to - from, sum);
    }
    for (int c = 0; c < to - from; c++) {
        sum[c] *= scale;
    }
    if (s->type == ELEM_F32) {
        memcpy(out, sum, (size_t)(to - from) * sizeof(float));
    }
    store_row(w, s->type, sum, (size_t)(to - from), out);
}

/* A mapped file may have been changed in place since plan_check saw it: the means are wrong then, but of the picture.
 */
static struct pool_bin bin_within(const volatile struct pool_bin *at, int size) {
    struct pool_bin bin = {at->start, at->end, at->divisor};
    bin.start = bin.start < 0 ? 0 : bin.start < size ? bin.start : size - 1;
    bin.end = bin.end > size ? size : bin.end > bin.start ? bin.end : bin.start + 1;
    return bin;
}

/* Threads share pooling by channels: there are too few rows. */
static void run_pool(struct worker *w, int stage) {
    const struct stage *s = &plan_of(w)->stages[stage];
    const struct pool_bin *bins = (const struct pool_bin *)(const void *)data_at(w, s->weights);
    const struct tensor_desc in = plan_source_shape(plan_of(w), s->inputs[0]);
    int blocks = (int)plan_blocks(s->c), team = team_size(w->session->team);
    int from = blocks * w->index / team * PLAN_BLOCK, to = blocks * (w->index + 1) / team * PLAN_BLOCK;
    to = to < s->c ? to : s->c;
    for (int i = 0; i < s->h && from < to; i++) {
        for (int j = 0; j < s->w; j++) {
            char *out = tensor_row(w, s->tensor, i) + ((size_t)j * (size_t)s->c + (size_t)from) * elem_size(s->type);
            const struct pool_bin v = bin_within(&bins[i], in.h), h = bin_within(&bins[s->h + j], in.w);
            pool_bin(w, stage, &v, &h, from, to, out);
        }
    }
}

/* ---- the order of work ---- */

static void run_stage(struct worker *w, int stage, int row) {
    switch (plan_of(w)->stages[stage].op) {
    case STAGE_LOAD: run_load(w, stage, row); break;
    case STAGE_COPY: run_copy(w, stage, row); break;
    case STAGE_CONV: run_conv(w, stage, row, 1); break;
    case STAGE_DEPTHWISE: run_depthwise(w, stage, row); break;
    case STAGE_RESIZE: run_resize(w, stage, row); break;
    case STAGE_CONCAT: run_concat(w, stage, row); break;
    case STAGE_SOFTMAX: run_softmax(w, stage, row); break;
    case STAGE_OUTPUT: output_run(w, stage, row); break;
    default: break;
    }
}

/* Whether rows row .. row + count - 1 of a 1x1 convolution are one run of pixels everywhere it reads and writes. Rows
 * below the input are padding. */
static bool conv_is_contiguous(const struct worker *w, int stage, int row, int count) {
    const struct stage *s = &plan_of(w)->stages[stage];
    if (s->op != STAGE_CONV || s->kh != 1 || s->kw != 1 || s->stride_h != 1 || s->stride_w != 1 || s->pad_top ||
        s->pad_left || !target_rows(w, stage, row, count).contiguous ||
        (s->addend.kind != SOURCE_NONE && !source_rows(w, s->addend, row, count).contiguous)) {
        return false;
    }
    for (int k = 0; k < s->num_inputs; k++) {
        const struct tensor_desc in = plan_source_shape(plan_of(w), s->inputs[k]);
        if (in.w != s->w || row + count > in.h || !source_rows(w, s->inputs[k], row, count).contiguous) {
            return false;
        }
    }
    return true;
}

/* Looks at rows just computed, for calibration, which runs in float32. */
static void observe(struct worker *w, int stage, int row, int count) {
    const struct stage *s = &plan_of(w)->stages[stage];
    struct range *range = &w->ranges[stage];
    const float scale = range->high > range->low ? (float)RANGE_BINS / (range->high - range->low) : 0.0F;
    for (int r = row; r < row + count && s->op != STAGE_OUTPUT; r++) {
        const float *values = (const float *)(void *)target_rows(w, stage, r, 1).data;
        for (int x = 0; x < s->w && !range->bins; x++, values += s->c) {
            for (int c = 0; c < s->c; c++) {
                range->least[c] = values[c] < range->least[c] ? values[c] : range->least[c];
                range->most[c] = values[c] > range->most[c] ? values[c] : range->most[c];
                range->sum[c] += (double)values[c];
            }
        }
        for (size_t i = 0; range->bins && i < (size_t)s->w * (size_t)s->c; i++) {
            const float at = (values[i] - range->low) * scale;
            range->bins[at < (float)RANGE_BINS ? at > 0 ? (int)at : 0 : RANGE_BINS - 1]++; /* NaN in the last */
        }
    }
}

/* Computes rows of a stage until `last` is there, a chunk at a time, first those of the stages it reads. */
static void demand(struct worker *w, int stage, int last) {
    const struct plan *plan = plan_of(w);
    const struct stage *s = &plan->stages[stage];
    const int chunk = layout_of(w)->stages[stage].chunk;
    struct progress *p = &w->stages[stage];
    while (p->next <= last) {
        int count = p->end - p->next < chunk ? p->end - p->next : chunk;
        for (int k = 0; k <= s->num_inputs; k++) {
            struct source source = k < s->num_inputs ? s->inputs[k] : s->addend;
            if (source.kind == SOURCE_STAGE) {
                int low, high;
                layout_source_rows(plan, layout_of(w), stage, source, p->next + count - 1, &low, &high);
                demand(w, source.index, high);
            }
        }
        if (count > 1 && conv_is_contiguous(w, stage, p->next, count)) {
            run_conv(w, stage, p->next, count);
        } else {
            for (int row = p->next; row < p->next + count; row++) {
                run_stage(w, stage, row);
            }
        }
        if (w->ranges) {
            observe(w, stage, p->next, count);
        }
        p->next += count;
    }
}

/* From the root's rows back to those that each stage must compute. */
static void set_ranges(struct worker *w, const struct step *step, int first, int end) {
    const struct plan *plan = plan_of(w);
    int root = step->first_stage + step->num_stages - 1;
    for (int i = step->first_stage; i < root; i++) {
        w->stages[i] = (struct progress){plan->stages[i].h, 0, 0};
    }
    w->stages[root] = (struct progress){first, first, end};
    for (int i = root; i >= step->first_stage; i--) {
        const struct stage *s = &plan->stages[i];
        for (int k = 0; k <= s->num_inputs; k++) {
            struct source source = k < s->num_inputs ? s->inputs[k] : s->addend;
            if (source.kind != SOURCE_STAGE || w->stages[i].first >= w->stages[i].end) {
                continue;
            }
            struct progress *p = &w->stages[source.index];
            int low, high;
            layout_source_rows(plan, layout_of(w), i, source, w->stages[i].end - 1, &low, &high);
            p->end = high + 1 > p->end ? high + 1 : p->end;
            layout_source_rows(plan, layout_of(w), i, source, w->stages[i].first, &low, &high);
            p->first = low < p->first ? low : p->first;
        }
    }
}

/* The zero pixels left and right of the rows in rings, which kernels read and nothing writes. */
static void clear_borders(struct worker *w, const struct step *step) {
    for (int i = step->first_stage; i < step->first_stage + step->num_stages; i++) {
        const struct stage_layout *l = &layout_of(w)->stages[i];
        size_t pixel = (size_t)l->channels * elem_size(plan_of(w)->stages[i].type);
        size_t left = (size_t)l->left * pixel, right = (size_t)l->right * pixel;
        char *row = w->scratch + l->ring;
        for (int r = 0; r < l->ring_rows; r++, row += l->row_stride) {
            memset(row, 0, left);
            memset(row + l->row_stride - right, 0, right);
        }
    }
}

/* Rows that do not follow this thread's last ones: nothing that lies in rings is of use. */
static void start_band(struct worker *w, const struct step *step, const struct bands_part *part) {
    w->slice = part->slice;
    w->plane_rows[0] = w->plane_rows[1] = w->settled_rows[0] = w->settled_rows[1] = -1;
    set_ranges(w, step, part->from, part->end);
    for (int i = step->first_stage; i < step->first_stage + step->num_stages; i++) {
        w->stages[i].next = w->stages[i].first;
    }
}

/* Whether all threads come to the step together and leave it together: only then may they look at each other's rows. */
static bool is_between_waits(const struct worker *w, int index) {
    const struct step_layout *steps = layout_of(w)->steps;
    return (index == 0 || steps[index].wait) && (index + 1 == plan_of(w)->num_steps || steps[index + 1].wait);
}

void step_run(struct worker *w, int index) {
    const struct step *step = &plan_of(w)->steps[index];
    const int root = step->first_stage + step->num_stages - 1;
    const struct stage *s = &plan_of(w)->stages[root];
    if (s->op == STAGE_POOL) {
        run_pool(w, root);
        return;
    }
    const struct bands_step pass = {
        .number = w->session->image * (uint32_t)plan_of(w)->num_steps + (uint32_t)index,
        .rows = s->h,
        .slices = step->slices,
        .chunk = layout_of(w)->stages[root].chunk,
        .share = is_between_waits(w, index) && !w->ranges, /* what is observed must not depend on chance */
    };
    clear_borders(w, step);
    for (struct bands_part part; bands_take(w->session->bands, w->index, &pass, &part);) {
        if (part.fresh) {
            start_band(w, step, &part);
        }
        w->stages[root].end = part.to;
        demand(w, root, part.to - 1);
    }
    w->slice = 0;
}
