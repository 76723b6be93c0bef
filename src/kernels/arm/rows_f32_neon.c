/* Depthwise convolution, resizing, sums and moving of float32 rows by AArch64 NEON, and the table of all NEON kernels.
 */
#include "kernels/arm/kernels_arm.h"
#include "kernels/arm/vec_neon.h"
#include "kernels/ref/kernels_ref.h"

#include "kernels/rows_vec.h"

static void depthwise_f32_neon(const struct depthwise_args *p) { rows_depthwise(p, ELEM_F32); }
static void resize_f32_neon(const struct resize_args *p) { rows_resize(p, ELEM_F32); }

static void sum_f32_neon(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    rows_sum(ELEM_F32, in, in_stride, pixels, channels, out);
}

static void add_f32_neon(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                         int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    rows_add_f32(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
}

/* FP16 conversion, unlike FP16 arithmetic, is part of every AArch64. */
static void to_half_neon(const float *in, size_t count, uint16_t *out) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(in + i))));
    }
    for (; i < count; i++) {
        vst1_lane_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_dup_f32(in + i))), 0);
    }
}

/* Pictures have three channels, and a fourth of zeros where the type's kernels multiply pairs. */
static void interleave_f32_neon(const float *planes, ptrdiff_t plane_stride, int width, int channels, float *out,
                                ptrdiff_t out_stride) {
    int x = 0;
    if (channels == 3 && (out_stride == 3 || out_stride == 4)) {
        for (; x + 4 <= width; x += 4, out += 4 * out_stride) {
            const float *in = planes + x;
            const float32x4x4_t four = {
                {vld1q_f32(in), vld1q_f32(in + plane_stride), vld1q_f32(in + 2 * plane_stride), vec_set(0.0F)}};
            const float32x4x3_t three = {{four.val[0], four.val[1], four.val[2]}};
            if (out_stride == 3) {
                vst3q_f32(out, three);
            } else {
                vst4q_f32(out, four);
            }
        }
    }
    interleave_f32_ref(planes + x, plane_stride, width - x, channels, out, out_stride);
}

/* Four channels of four pixels become four floats of four planes. */
static inline void transpose_4x4(const float *in, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride) {
    const vec a = vld1q_f32(in), b = vld1q_f32(in + in_stride);
    const vec c = vld1q_f32(in + 2 * in_stride), d = vld1q_f32(in + 3 * in_stride);
    const float64x2_t ab0 = vreinterpretq_f64_f32(vtrn1q_f32(a, b)), ab1 = vreinterpretq_f64_f32(vtrn2q_f32(a, b));
    const float64x2_t cd0 = vreinterpretq_f64_f32(vtrn1q_f32(c, d)), cd1 = vreinterpretq_f64_f32(vtrn2q_f32(c, d));
    vst1q_f32(out, vreinterpretq_f32_f64(vtrn1q_f64(ab0, cd0)));
    vst1q_f32(out + out_stride, vreinterpretq_f32_f64(vtrn1q_f64(ab1, cd1)));
    vst1q_f32(out + 2 * out_stride, vreinterpretq_f32_f64(vtrn2q_f64(ab0, cd0)));
    vst1q_f32(out + 3 * out_stride, vreinterpretq_f32_f64(vtrn2q_f64(ab1, cd1)));
}

static void deinterleave_f32_neon(const float *in, ptrdiff_t in_stride, int width, int channels, float *planes,
                                  ptrdiff_t plane_stride) {
    const int even = channels & ~3;
    int x = 0;
    for (; x + 4 <= width; x += 4) {
        const float *pixels = in + x * in_stride;
        for (int c = 0; c < even; c += 4) {
            transpose_4x4(pixels + c, in_stride, planes + c * plane_stride + x, plane_stride);
        }
        deinterleave_f32_ref(pixels + even, in_stride, 4, channels - even, planes + even * plane_stride + x,
                             plane_stride);
    }
    deinterleave_f32_ref(in + x * in_stride, in_stride, width - x, channels, planes + x, plane_stride);
}

void kernels_fill_neon(struct kernels *k) {
    k->isa = "neon";
    k->conv[ELEM_F32] = conv_f32_neon;
    k->conv[ELEM_BF16] = conv_bf16_neon;
    k->depthwise[ELEM_F32] = depthwise_f32_neon;
    k->depthwise[ELEM_BF16] = depthwise_bf16_neon;
    k->resize[ELEM_F32] = resize_f32_neon;
    k->resize[ELEM_BF16] = resize_bf16_neon;
    k->upsample_f32 = upsample_f32_neon;
    k->upsample_labels = upsample_labels_neon;
    k->interleave_f32 = interleave_f32_neon;
    k->deinterleave_f32 = deinterleave_f32_neon;
    k->add_f32 = add_f32_neon;
    k->sum[ELEM_F32] = sum_f32_neon;
    k->sum[ELEM_BF16] = sum_bf16_neon;
    k->to_f32[ELEM_BF16] = bf16_to_f32_neon;
    k->from_f32[ELEM_BF16] = f32_to_bf16_neon;
    k->conv[ELEM_U8] = conv_u8_neon;
    k->depthwise[ELEM_U8] = depthwise_u8_neon;
    k->resize[ELEM_U8] = resize_u8_neon;
    k->sum[ELEM_U8] = sum_u8_neon;
    k->load_u8_u8 = load_u8_u8_neon;
    k->to_f32[ELEM_U8] = u8_to_f32_neon;
    k->from_f32[ELEM_U8] = f32_to_u8_neon;
    k->to_half = to_half_neon;
}
