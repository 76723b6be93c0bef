/* Row kernels in plain C: the specification of each operation, and the fallback. */
#include "kernels/ref/kernels_ref.h"
#include "tensor/normalization.h"

#include <math.h>
#include <string.h>

static inline __attribute__((always_inline)) void depthwise_ref(const struct depthwise_args *p, int type) {
    int quads = (p->kh + 3) / 4; /* of kernel rows, for U8 */
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c++) {
            float sum = 0;
            for (int i = 0; i < p->kh; i++) {
                for (int j = 0; j < p->kw; j++) {
                    float a = elem_load(type, p->rows[i], (m * p->stride + j) * p->in_stride + c);
                    float w =
                        type == ELEM_U8
                            ? ((const int8_t *)p->weights)[((j * quads + i / 4) * p->weight_stride + c) * 4 + i % 4]
                            : ((const float *)p->weights)[(i * p->kw + j) * p->weight_stride + c];
                    sum += a * w;
                }
            }
            sum = type == ELEM_U8 ? fmaf(sum, p->multiplier[c], p->bias[c]) : sum + p->bias[c];
            elem_store(type, p->out, m * p->out_stride + c, clamp(sum, p->low, p->high));
        }
    }
}

static void depthwise_f32_ref(const struct depthwise_args *p) { depthwise_ref(p, ELEM_F32); }
static void depthwise_bf16_ref(const struct depthwise_args *p) { depthwise_ref(p, ELEM_BF16); }
static void depthwise_u8_ref(const struct depthwise_args *p) { depthwise_ref(p, ELEM_U8); }

static float lerp(float a, float b, float fraction) { return a + fraction * (b - a); }

/* Quantised values are rounded at the end: with one rounding here, all instruction sets give the same bytes. */
static float lerp_once(float a, float b, float fraction) { return fmaf(fraction, b - a, a); }

static inline __attribute__((always_inline)) void resize_ref(const struct resize_args *p, int type) {
    for (int x = 0; x < p->in_width; x++) {
        for (int c = 0; c < p->channels; c++) {
            float upper = elem_load(type, p->upper, x * p->in_stride + c);
            float lower = elem_load(type, p->lower, x * p->in_stride + c);
            p->scratch[(ptrdiff_t)x * p->channels + c] =
                type == ELEM_U8 ? lerp_once(upper, lower, p->fraction_y) : lerp(upper, lower, p->fraction_y);
        }
    }
    for (int x = 0; x < p->pixels; x++) {
        const float *left = p->scratch + (ptrdiff_t)p->taps[x].x0 * p->channels;
        const float *right = p->scratch + (ptrdiff_t)p->taps[x].x1 * p->channels;
        for (int c = 0; c < p->channels; c++) {
            float value = type == ELEM_U8 ? lerp_once(left[c], right[c], p->taps[x].fraction)
                                          : lerp(left[c], right[c], p->taps[x].fraction);
            float addend = p->addend ? elem_load(type, p->addend, x * p->addend_stride + c) : 0.0F;
            if (type == ELEM_U8) {
                value = fmaf(value, p->in_scale, p->in_offset);
                addend = p->addend ? fmaf(addend, p->addend_scale, p->addend_offset) : 0.0F;
            }
            elem_store(type, p->out, x * p->out_stride + c, clamp(value + addend, p->low, p->high));
        }
    }
}

static void resize_f32_ref(const struct resize_args *p) { resize_ref(p, ELEM_F32); }
static void resize_bf16_ref(const struct resize_args *p) { resize_ref(p, ELEM_BF16); }
static void resize_u8_ref(const struct resize_args *p) { resize_ref(p, ELEM_U8); }

static void blend_planes(const struct upsample_args *p) {
    for (int c = 0; c < p->channels; c++) {
        for (int x = 0; x < p->in_width; x++) {
            ptrdiff_t i = c * p->in_plane + x;
            p->scratch[i] = lerp(p->upper[i], p->lower[i], p->fraction_y);
        }
    }
}

static void upsample_f32_ref(const struct upsample_args *p) {
    blend_planes(p);
    for (int c = 0; c < p->channels; c++) {
        const float *in = p->scratch + c * p->in_plane;
        float *out = (float *)p->out + c * p->out_plane;
        for (int x = 0; x < p->pixels; x++) {
            out[x] = lerp(in[p->taps[x].x0], in[p->taps[x].x1], p->taps[x].fraction);
        }
    }
}

static uint8_t label_at(const struct upsample_args *p, const struct tap *tap) {
    float best = lerp(p->scratch[tap->x0], p->scratch[tap->x1], tap->fraction);
    uint8_t label = 0;
    for (int c = 1; c < p->channels; c++) {
        const float *in = p->scratch + c * p->in_plane;
        float value = lerp(in[tap->x0], in[tap->x1], tap->fraction);
        if (value > best) {
            best = value;
            label = (uint8_t)c;
        }
    }
    return label;
}

static void upsample_labels_ref(const struct upsample_args *p) {
    blend_planes(p);
    for (int i = 0; i < upsample_groups(p); i++) {
        int first = upsample_pixel(p, i);
        for (int x = first; x < first + TAP_GROUP && x < p->pixels; x++) {
            ((uint8_t *)p->out)[x] = label_at(p, &p->taps[x]);
        }
    }
}

static void load_u8_ref(const uint8_t *in, int width, const float (*table)[256], float *out) {
    for (int i = 0; i < 3 * width; i += 3) {
        for (int c = 0; c < 3; c++) {
            out[i + c] = table[c][in[i + c]];
        }
    }
}

static bool recover_u8_ref(const float *in, int width, const float (*table)[256], uint8_t *out) {
    for (int i = 0; i < 3 * width; i++) {
        const int c = i % 3;
        const float value = (in[i] * normalization_deviation[c] + normalization_mean[c]) * 255.0F;
        const uint8_t byte = round_u8(value);
        if (table[c][byte] != in[i]) {
            return false;
        }
        out[i] = byte;
    }
    return true;
}

static void load_u8_bf16_ref(const uint8_t *in, int width, const float (*table)[256], uint16_t *out) {
    for (int x = 0; x < width; x++, in += 3, out += 4) {
        for (int c = 0; c < 3; c++) {
            out[c] = float_to_bfloat16(table[c][in[c]]);
        }
        out[3] = 0;
    }
}

static void interleave_units_ref(const uint8_t *const *rows, int row_bytes, int units, uint8_t *out) {
    for (int i = 0; i < units * UNIT_BYTES; i++) {
        const int at = i / UNIT_BYTES * UNIT_ROW + i % UNIT_ROW;
        out[i] = at < row_bytes ? rows[i % UNIT_BYTES / UNIT_ROW][at] : 0;
    }
}

void load_u8_u8_ref(const uint8_t *in, int width, uint8_t *out) {
    for (int x = 0; x < width; x++, in += 3, out += 4) {
        out[0] = in[0];
        out[1] = in[1];
        out[2] = in[2];
        out[3] = 0;
    }
}

void interleave_f32_ref(const float *planes, ptrdiff_t plane_stride, int width, int channels, float *out,
                        ptrdiff_t out_stride) {
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < out_stride; c++) {
            out[x * out_stride + c] = c < channels ? planes[c * plane_stride + x] : 0.0F;
        }
    }
}

void deinterleave_f32_ref(const float *in, ptrdiff_t in_stride, int width, int channels, float *planes,
                          ptrdiff_t plane_stride) {
    for (int c = 0; c < channels; c++) {
        for (int x = 0; x < width; x++) {
            planes[c * plane_stride + x] = in[x * in_stride + c];
        }
    }
}

static void add_f32_ref(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                        int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < channels; c++) {
            float value = in[x * in_stride + c] + (addend ? addend[x * addend_stride + c] : 0.0F);
            out[x * out_stride + c] = clamp(value, low, high);
        }
    }
}

static inline __attribute__((always_inline)) void sum_ref(int type, const void *in, ptrdiff_t in_stride, int pixels,
                                                          int channels, float *out) {
    for (int x = 0; x < pixels; x++) {
        for (int c = 0; c < channels; c++) {
            out[c] += elem_load(type, in, x * in_stride + c);
        }
    }
}

static void sum_f32_ref(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    sum_ref(ELEM_F32, in, in_stride, pixels, channels, out);
}
static void sum_bf16_ref(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    sum_ref(ELEM_BF16, in, in_stride, pixels, channels, out);
}
static void sum_u8_ref(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    sum_ref(ELEM_U8, in, in_stride, pixels, channels, out);
}

static void copy_f32_ref(const void *in, size_t count, float *out) { memcpy(out, in, count * sizeof(float)); }
static void f32_copy_ref(const float *in, size_t count, void *out) { memcpy(out, in, count * sizeof(float)); }

static void bf16_to_f32_ref(const void *in, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = elem_load(ELEM_BF16, in, (ptrdiff_t)i);
    }
}

static void f32_to_bf16_ref(const float *in, size_t count, void *out) {
    for (size_t i = 0; i < count; i++) {
        elem_store(ELEM_BF16, out, (ptrdiff_t)i, in[i]);
    }
}

static void u8_to_f32_ref(const void *in, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = elem_load(ELEM_U8, in, (ptrdiff_t)i);
    }
}

static void f32_to_u8_ref(const float *in, size_t count, void *out) {
    for (size_t i = 0; i < count; i++) {
        elem_store(ELEM_U8, out, (ptrdiff_t)i, in[i]);
    }
}

static void to_half_ref(const float *in, size_t count, uint16_t *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = float_to_half(in[i]);
    }
}

void kernels_fill_ref(struct kernels *k) {
    *k = (struct kernels){
        .isa = "c",
        .conv = {conv_f32_ref, conv_bf16_ref, conv_u8_ref},
        .conv_split = conv_split_ref,
        .conv_columns = conv_columns_ref,
        .depthwise = {depthwise_f32_ref, depthwise_bf16_ref, depthwise_u8_ref},
        .resize = {resize_f32_ref, resize_bf16_ref, resize_u8_ref},
        .upsample_f32 = upsample_f32_ref,
        .upsample_labels = upsample_labels_ref,
        .load_u8 = load_u8_ref,
        .recover_u8 = recover_u8_ref,
        .load_u8_bf16 = load_u8_bf16_ref,
        .load_u8_u8 = load_u8_u8_ref,
        .interleave_units = interleave_units_ref,
        .interleave_f32 = interleave_f32_ref,
        .deinterleave_f32 = deinterleave_f32_ref,
        .add_f32 = add_f32_ref,
        .sum = {sum_f32_ref, sum_bf16_ref, sum_u8_ref},
        .to_f32 = {copy_f32_ref, bf16_to_f32_ref, u8_to_f32_ref},
        .from_f32 = {f32_copy_ref, f32_to_bf16_ref, f32_to_u8_ref},
        .to_half = to_half_ref,
        .peak = {peak_f32_ref, peak_f32_ref, peak_f32_ref},
        .peak_read = peak_read_ref,
        .peak_write = peak_write_ref,
    };
}
