/* Row kernels in terms of vectors of VEC_LANES floats, for instruction sets whose vectors have no lane masks.
 *
 * Included behind vec_avx2.h or vec_neon.h, which say what a vec is. `type`, the type of the rows, is a constant where
 * these are inlined: a file for each type makes its kernels of them. Arithmetic is in float32 whatever the type; only
 * the depthwise convolution of U8, whose weights lie otherwise, is not here. */
#ifndef FSCNN_KERNELS_ROWS_VEC_H
#define FSCNN_KERNELS_ROWS_VEC_H

#include "kernels/kernels.h"

#define ROWS_INLINE static inline __attribute__((always_inline))

/* `count` neighbouring outputs of VEC_LANES channels of a 3x3 kernel: each weight is loaded once for all of them. */
ROWS_INLINE void rows_depthwise_3x3(const struct depthwise_args *p, const int type, int m, int c, const int count,
                                    const int stride) {
    const int lanes = p->channels - c;
    vec sum[4];
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        sum[x] = vec_load(p->bias + c);
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        const ptrdiff_t in = (ptrdiff_t)m * stride * p->in_stride + c;
        const float *w = (const float *)p->weights + 3 * i * p->weight_stride + c;
        const vec w0 = vec_load(w), w1 = vec_load(w + p->weight_stride), w2 = vec_load(w + 2 * p->weight_stride);
#pragma GCC unroll 9
        for (int j = 0; j < (count - 1) * stride + 3; j++) {
            vec a = vec_load_row(type, p->rows[i], in + j * p->in_stride, lanes);
#pragma GCC unroll 4
            for (int x = 0; x < count; x++) {
                int tap = j - x * stride;
                if (tap >= 0 && tap < 3) {
                    sum[x] = vec_fma(a, tap == 0 ? w0 : tap == 1 ? w1 : w2, sum[x]);
                }
            }
        }
    }
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        vec_store_row(type, p->out, (m + x) * p->out_stride + c, vec_clamp(sum[x], p->low, p->high), lanes);
    }
}

ROWS_INLINE void rows_depthwise_3x3_all(const struct depthwise_args *p, const int type, const int stride) {
    int m = 0;
    for (; m + 4 <= p->pixels; m += 4) {
        for (int c = 0; c < p->channels; c += VEC_LANES) {
            rows_depthwise_3x3(p, type, m, c, 4, stride);
        }
    }
    for (; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += VEC_LANES) {
            rows_depthwise_3x3(p, type, m, c, 1, stride);
        }
    }
}

ROWS_INLINE void rows_depthwise_any(const struct depthwise_args *p, const int type) {
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += VEC_LANES) {
            const int lanes = p->channels - c;
            vec sum = vec_load(p->bias + c);
            for (int i = 0; i < p->kh; i++) {
                const ptrdiff_t in = (ptrdiff_t)m * p->stride * p->in_stride + c;
                const float *w = (const float *)p->weights + (ptrdiff_t)i * p->kw * p->weight_stride + c;
                for (int j = 0; j < p->kw; j++) {
                    sum = vec_fma(vec_load_row(type, p->rows[i], in + j * p->in_stride, lanes),
                                  vec_load(w + j * p->weight_stride), sum);
                }
            }
            vec_store_row(type, p->out, m * p->out_stride + c, vec_clamp(sum, p->low, p->high), lanes);
        }
    }
}

ROWS_INLINE void rows_depthwise(const struct depthwise_args *p, const int type) {
    if (p->kh == 3 && p->kw == 3 && p->stride == 1) {
        rows_depthwise_3x3_all(p, type, 1);
    } else if (p->kh == 3 && p->kw == 3 && p->stride == 2) {
        rows_depthwise_3x3_all(p, type, 2);
    } else {
        rows_depthwise_any(p, type);
    }
}

ROWS_INLINE void rows_resize(const struct resize_args *p, const int type) {
    const vec fraction_y = vec_set(p->fraction_y);
    for (int x = 0; x < p->in_width; x++) {
        for (int c = 0; c < p->channels; c += VEC_LANES) {
            const int lanes = p->channels - c;
            vec upper = vec_load_row(type, p->upper, x * p->in_stride + c, lanes);
            vec lower = vec_load_row(type, p->lower, x * p->in_stride + c, lanes);
            vec_store_row(ELEM_F32, p->scratch, (ptrdiff_t)x * p->channels + c, vec_lerp(upper, lower, fraction_y),
                          lanes);
        }
    }
    for (int x = 0; x < p->pixels; x++) {
        const float *left = p->scratch + (ptrdiff_t)p->taps[x].x0 * p->channels;
        const float *right = p->scratch + (ptrdiff_t)p->taps[x].x1 * p->channels;
        const vec fraction = vec_set(p->taps[x].fraction);
        for (int c = 0; c < p->channels; c += VEC_LANES) {
            const int lanes = p->channels - c;
            vec value =
                vec_lerp(vec_load_row(ELEM_F32, left, c, lanes), vec_load_row(ELEM_F32, right, c, lanes), fraction);
            if (type == ELEM_U8) {
                value = vec_fma(value, vec_set(p->in_scale), vec_set(p->in_offset));
            }
            if (p->addend) {
                vec addend = vec_load_row(type, p->addend, x * p->addend_stride + c, lanes);
                if (type == ELEM_U8) {
                    addend = vec_fma(addend, vec_set(p->addend_scale), vec_set(p->addend_offset));
                }
                value = vec_add(value, addend);
            }
            vec_store_row(type, p->out, x * p->out_stride + c, vec_clamp(value, p->low, p->high), lanes);
        }
    }
}

ROWS_INLINE void rows_sum(const int type, const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    for (int c = 0; c < channels; c += VEC_LANES) {
        const int lanes = channels - c;
        vec sum = vec_load_row(ELEM_F32, out, c, lanes);
        for (int x = 0; x < pixels; x++) {
            sum = vec_add(sum, vec_load_row(type, in, x * in_stride + c, lanes));
        }
        vec_store_row(ELEM_F32, out, c, sum, lanes);
    }
}

ROWS_INLINE void rows_add_f32(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride,
                              int width, int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < channels; c += VEC_LANES) {
            const int lanes = channels - c;
            vec value = vec_load_row(ELEM_F32, in, x * in_stride + c, lanes);
            if (addend) {
                value = vec_add(value, vec_load_row(ELEM_F32, addend, x * addend_stride + c, lanes));
            }
            vec_store_row(ELEM_F32, out, x * out_stride + c, vec_clamp(value, low, high), lanes);
        }
    }
}

/* The two source rows of all planes, blended into the scratch. */
ROWS_INLINE void rows_blend_planes(const struct upsample_args *p) {
    const vec fraction = vec_set(p->fraction_y);
    for (int c = 0; c < p->channels; c++) {
        for (int x = 0; x < p->in_width; x += VEC_LANES) {
            const ptrdiff_t i = c * p->in_plane + x;
            const int lanes = p->in_width - x;
            vec value = vec_lerp(vec_load_row(ELEM_F32, p->upper, i, lanes), vec_load_row(ELEM_F32, p->lower, i, lanes),
                                 fraction);
            vec_store_row(ELEM_F32, p->scratch, i, value, lanes);
        }
    }
}

/* `count` elements from one type to another. */
ROWS_INLINE void rows_convert(const int from, const void *in, const int to, void *out, size_t count) {
    for (size_t i = 0; i < count; i += VEC_LANES) {
        const int lanes = count - i < VEC_LANES ? (int)(count - i) : VEC_LANES;
        vec_store_row(to, out, (ptrdiff_t)i, vec_load_row(from, in, (ptrdiff_t)i, lanes), lanes);
    }
}

#undef ROWS_INLINE
#endif
