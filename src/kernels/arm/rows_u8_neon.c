/* Depthwise convolution, resizing, sums and moving of quantised rows by AArch64 NEON. */
#include "kernels/arm/kernels_arm.h"
#include "kernels/arm/vec_neon.h"
#include "kernels/ref/kernels_ref.h"

#include "kernels/rows_vec.h"

enum { CHANNELS = 8 }; /* of a vector of int16 */

/* 8 channels of a row as int16, or the first `lanes` and zeros. */
static inline int16x8_t load_channels(const uint8_t *in, int lanes) {
    uint8x8_t bytes;
    if (lanes >= CHANNELS) {
        bytes = vld1_u8(in);
    } else {
        uint64_t few = 0;
        memcpy(&few, in, (size_t)lanes);
        bytes = vcreate_u8(few);
    }
    return vreinterpretq_s16_u16(vmovl_u8(bytes));
}

/* The sums of 8 channels. */
struct sums {
    int32x4_t low, high;
};

static inline struct sums sums_zero(void) { return (struct sums){vdupq_n_s32(0), vdupq_n_s32(0)}; }

static inline struct sums multiply_add(struct sums sum, int16x8_t a, int16x8_t w) {
    return (struct sums){vmlal_s16(sum.low, vget_low_s16(a), vget_low_s16(w)), vmlal_high_s16(sum.high, a, w)};
}

static inline void store_sums(const struct depthwise_args *p, int m, int c, int lanes, struct sums sum) {
    const vec low = vec_fma(vcvtq_f32_s32(sum.low), vec_load(p->multiplier + c), vec_load(p->bias + c));
    const vec high = vec_fma(vcvtq_f32_s32(sum.high), vec_load(p->multiplier + c + 4), vec_load(p->bias + c + 4));
    uint8_t *out = (uint8_t *)p->out + m * p->out_stride + c;
    if (lanes >= CHANNELS) {
        vec_store_two_u8(out, low, high, p->low, p->high);
        return;
    }
    vec_store_row(ELEM_U8, out, 0, vec_clamp(low, p->low, p->high), lanes);
    if (lanes > VEC_LANES) {
        vec_store_row(ELEM_U8, out, VEC_LANES, vec_clamp(high, p->low, p->high), lanes - VEC_LANES);
    }
}

/* `count` neighbouring outputs of 8 channels of a 3x3 kernel, whose weights w are [column][row]: each input is widened
 * once for all of them. */
static inline __attribute__((always_inline)) void depthwise_3x3(const struct depthwise_args *p, int m, int c,
                                                                const int count, const int stride,
                                                                const int16x8_t w[3][3]) {
    const int lanes = p->channels - c;
    const uint8_t *const *rows = (const uint8_t *const *)p->rows;
    struct sums sum[4];
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        sum[x] = sums_zero();
    }
#pragma GCC unroll 9
    for (int j = 0; j < (count - 1) * stride + 3; j++) {
        const ptrdiff_t at = ((ptrdiff_t)m * stride + j) * p->in_stride + c;
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++) {
            const int16x8_t a = load_channels(rows[i] + at, lanes);
#pragma GCC unroll 4
            for (int x = 0; x < count; x++) {
                const int tap = j - x * stride;
                if (tap >= 0 && tap < 3) {
                    sum[x] = multiply_add(sum[x], a, w[tap][i]);
                }
            }
        }
    }
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        store_sums(p, m + x, c, lanes, sum[x]);
    }
}

/* Channels in the outer loop: their weights, once split and widened, stay in registers for the whole row. */
static inline __attribute__((always_inline)) void depthwise_3x3_row(const struct depthwise_args *p, const int stride) {
    const struct depthwise_args args = *p; /* what is written could alias the original */
    for (int c = 0; c < args.channels; c += CHANNELS) {
        int16x8_t w[3][3];
        for (int j = 0; j < 3; j++) {
            const int8x8x4_t four = vld4_s8((const int8_t *)args.weights + 4 * (j * args.weight_stride + c));
            for (int i = 0; i < 3; i++) {
                w[j][i] = vmovl_s8(four.val[i]);
            }
        }
        int m = 0;
        for (; m + 4 <= args.pixels; m += 4) {
            depthwise_3x3(&args, m, c, 4, stride, w);
        }
        for (; m < args.pixels; m++) {
            depthwise_3x3(&args, m, c, 1, stride, w);
        }
    }
}

static void depthwise_any(const struct depthwise_args *p) {
    const int quads = (p->kh + 3) / 4;
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += CHANNELS) {
            const int lanes = p->channels - c;
            struct sums sum = sums_zero();
            for (int j = 0; j < p->kw; j++) {
                const ptrdiff_t at = ((ptrdiff_t)m * p->stride + j) * p->in_stride + c;
                for (int i = 0; i < p->kh; i++) {
                    const int8_t *w = (const int8_t *)p->weights + 4 * ((j * quads + i / 4) * p->weight_stride + c);
                    const int8x8x4_t four = vld4_s8(w);
                    const int8x8_t weights[4] = {four.val[0], four.val[1], four.val[2], four.val[3]};
                    const int16x8_t a = load_channels((const uint8_t *)p->rows[i] + at, lanes);
                    sum = multiply_add(sum, a, vmovl_s8(weights[i % 4]));
                }
            }
            store_sums(p, m, c, lanes, sum);
        }
    }
}

void depthwise_u8_neon(const struct depthwise_args *p) {
    if (p->kh == 3 && p->kw == 3 && p->stride == 1) {
        depthwise_3x3_row(p, 1);
    } else if (p->kh == 3 && p->kw == 3 && p->stride == 2) {
        depthwise_3x3_row(p, 2);
    } else {
        depthwise_any(p);
    }
}

void resize_u8_neon(const struct resize_args *p) { rows_resize(p, ELEM_U8); }

void sum_u8_neon(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    rows_sum(ELEM_U8, in, in_stride, pixels, channels, out);
}

void u8_to_f32_neon(const void *in, size_t count, float *out) { rows_convert(ELEM_U8, in, ELEM_F32, out, count); }

void f32_to_u8_neon(const float *in, size_t count, void *out) { rows_convert(ELEM_F32, in, ELEM_U8, out, count); }

void load_u8_u8_neon(const uint8_t *in, int width, uint8_t *out) {
    int x = 0;
    for (; x + 8 <= width; x += 8, in += 24, out += 32) {
        const uint8x8x3_t rgb = vld3_u8(in);
        vst4_u8(out, (uint8x8x4_t){{rgb.val[0], rgb.val[1], rgb.val[2], vdup_n_u8(0)}});
    }
    load_u8_u8_ref(in, width - x, out);
}
