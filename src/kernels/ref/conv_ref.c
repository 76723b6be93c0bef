/* Convolutions in plain C: the specification, and the fallback. */
#include <math.h>

#include "kernels/ref/kernels_ref.h"
#include "kernels/split.h"

/* Sums over all K of one pixel for a block of channels; w is this block's packed weights. */
static void sum_block_f32(const struct conv_args *p, int m, const float *w, float *sum) {
    for (int s = 0; s < p->num_segments; s++) {
        const float *a = (const float *)p->segments[s].a + m * p->segments[s].pixel_stride;
        for (int k = 0; k < p->segments[s].length; k++, w += KERNEL_BLOCK) {
            for (int n = 0; n < KERNEL_BLOCK; n++) {
                sum[n] += a[k] * w[n];
            }
        }
    }
}

static void sum_block_bf16(const struct conv_args *p, int m, const uint16_t *w, float *sum) {
    for (int s = 0; s < p->num_segments; s++) {
        const uint16_t *a = (const uint16_t *)p->segments[s].a + m * p->segments[s].pixel_stride;
        for (int k = 0; k < p->segments[s].length; k += 2, w += 2 * KERNEL_BLOCK) {
            for (int n = 0; n < KERNEL_BLOCK; n++) {
                sum[n] += bf16_value(a[k]) * bf16_value(w[2 * n]) + bf16_value(a[k + 1]) * bf16_value(w[2 * n + 1]);
            }
        }
    }
}

static void sum_block_u8(const struct conv_args *p, int m, const int8_t *w, int32_t *sum) {
    for (int s = 0; s < p->num_segments; s++) {
        const uint8_t *a = (const uint8_t *)p->segments[s].a + m * p->segments[s].pixel_stride;
        for (int k = 0; k < p->segments[s].length; k += 4, w += 4 * KERNEL_BLOCK) {
            for (int n = 0; n < 4 * KERNEL_BLOCK; n++) {
                sum[n / 4] = (int32_t)((uint32_t)sum[n / 4] + (uint32_t)(a[k + n % 4] * w[n])); /* wraps */
            }
        }
    }
}

static void finish_block(const struct conv_args *p, int m, int n0, const float *sum) {
    int width = p->channels - n0 < KERNEL_BLOCK ? p->channels - n0 : KERNEL_BLOCK;
    for (int n = 0; n < width; n++) {
        float value = sum[n];
        if (p->addend) {
            float addend = elem_load(p->out_type, p->addend, m * p->addend_stride + n0 + n);
            value += p->out_type == ELEM_U8 ? fmaf(addend, p->addend_scale, p->addend_offset) : addend;
        }
        elem_store(p->out_type, p->out, m * p->out_stride + n0 + n, clamp(value, p->low, p->high));
    }
}

/* The product of a value and a weight whose parts are `stride` apart: those of its parts that are summed. The parts of
 * three add up to the whole. */
static float split_product(float value, const uint16_t *weight, ptrdiff_t stride, int parts) {
    const float w0 = bf16_value(weight[0]), w1 = bf16_value(weight[stride]);
    if (parts == SPLIT_MOST_PARTS) {
        return value * (w0 + w1 + bf16_value(weight[2 * stride]));
    }
    float rest = value;
    const float a0 = bf16_value(split_next(&rest, parts)), a1 = bf16_value(split_next(&rest, parts));
    return a1 * w0 + a0 * w1 + a0 * w0;
}

static void sum_block_split(const struct conv_args *p, int m, const uint16_t *w, float *sum) {
    for (int s = 0; s < p->num_segments; s++) {
        const float *a = (const float *)p->segments[s].a + m * p->segments[s].pixel_stride;
        for (int k = 0; k < p->segments[s].length; k++) {
            /* Of 32 neighbouring k, those at i and 16 + i are pair i. */
            const int pair = k / SPLIT_MULTIPLE * (SPLIT_MULTIPLE / 2) + k % (SPLIT_MULTIPLE / 2);
            const uint16_t *weights = w + (ptrdiff_t)pair * 2 * p->parts * KERNEL_BLOCK + k / (SPLIT_MULTIPLE / 2) % 2;
            for (int n = 0; n < KERNEL_BLOCK; n++) {
                sum[n] += split_product(a[k], weights + 2 * n, (ptrdiff_t)2 * KERNEL_BLOCK, p->parts);
            }
        }
        w += (ptrdiff_t)p->segments[s].length * p->parts * KERNEL_BLOCK;
    }
}

static inline __attribute__((always_inline)) void conv_ref(const struct conv_args *p, int type) {
    for (int m = 0; m < p->pixels; m++) {
        for (int n0 = 0; n0 < p->channels; n0 += KERNEL_BLOCK) {
            ptrdiff_t block = n0 / KERNEL_BLOCK * p->block_stride;
            float sum[KERNEL_BLOCK] = {0};
            int32_t whole[KERNEL_BLOCK] = {0};
            if (type == ELEM_F32) {
                sum_block_f32(p, m, (const float *)p->weights + block, sum);
            } else if (type == ELEM_BF16) {
                sum_block_bf16(p, m, (const uint16_t *)p->weights + block, sum);
            } else {
                sum_block_u8(p, m, (const int8_t *)p->weights + block, whole);
            }
            for (int n = 0; n < KERNEL_BLOCK; n++) {
                float bias = p->bias ? p->bias[n0 + n] : 0.0F;
                sum[n] = type == ELEM_U8 ? fmaf((float)whole[n], p->multiplier[n0 + n], bias) : sum[n] + bias;
            }
            finish_block(p, m, n0, sum);
        }
    }
}

void conv_split_ref(const struct conv_args *p) {
    for (int m = 0; m < p->pixels; m++) {
        for (int n0 = 0; n0 < p->channels; n0 += KERNEL_BLOCK) {
            float sum[KERNEL_BLOCK] = {0};
            sum_block_split(p, m, (const uint16_t *)p->weights + n0 / KERNEL_BLOCK * p->block_stride, sum);
            for (int n = 0; n < KERNEL_BLOCK; n++) {
                sum[n] += p->bias ? p->bias[n0 + n] : 0.0F;
            }
            finish_block(p, m, n0, sum);
        }
    }
}

void conv_columns_ref(const struct columns_args *p) {
    for (int m = 0; m < p->pixels; m++) {
        for (int n = 0; n < p->channels; n++) {
            const uint16_t *w = p->weights + n / KERNEL_BLOCK * COLUMNS_BLOCK + n % KERNEL_BLOCK * 2;
            float sum = 0;
            for (int part = 0; part < COLUMNS_PARTS; part++, w += COLUMNS_K * KERNEL_BLOCK) {
                for (int k = 0; k < 3 * COLUMN; k++) { /* the last weight is 0 */
                    const int byte = (2 * m + k / COLUMN) * 3 + k % 3;
                    sum += (float)p->rows[k % COLUMN / 3][byte] * bf16_value(w[k / 2 * 2 * KERNEL_BLOCK + k % 2]);
                }
            }
            p->out[m * p->out_stride + n] = clamp(sum + p->bias[n], p->low, p->high);
        }
    }
}

void conv_f32_ref(const struct conv_args *p) { conv_ref(p, ELEM_F32); }
void conv_bf16_ref(const struct conv_args *p) { conv_ref(p, ELEM_BF16); }
void conv_u8_ref(const struct conv_args *p) { conv_ref(p, ELEM_U8); }
