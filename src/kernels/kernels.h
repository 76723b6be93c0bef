/* The table of kernels: what the engine does to rows of pixels.
 *
 * A row is [w, c] with channels innermost, of float32, bfloat16 or (quantised) uint8. Every operation has a plain C
 * version (ref/), which specifies it, and fast versions for some instruction sets; kernels_get fills a table with the C
 * versions and overwrites them upward with what the processor has. Strides count elements. No kernel reads or writes
 * outside what its arguments describe, except that weights, biases and tables are padded to whole blocks of
 * KERNEL_BLOCK channels.
 *
 * Quantised values: real = scale * (q - zero_point). Kernels see this folded into multipliers: they compute
 * value = fma(sum, multiplier[n], bias[n]) + fma(addend, addend_scale, addend_offset) in float32, clamp it, and round
 * it to the nearest of 0..255 (even in the middle) where the output is uint8. For the other types multiplier and scales
 * are 1.
 */
#ifndef FSCNN_KERNELS_KERNELS_H
#define FSCNN_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/columns.h"
#include "kernels/units.h"
#include "tensor/elem.h"
#include "tensor/taps.h"

/* Channels of one block of packed weights, on every instruction set, so that one offline model runs on all. */
enum { KERNEL_BLOCK = 16 };

/* One run of K: pixel m contributes a[m * pixel_stride .. + length). A k x k convolution has a segment for each kernel
 * row (length kw * cin, pixel_stride = stride * cin), a 1x1 over a concatenation one for each part. Lengths are
 * multiples of conv_group(type). */
struct conv_segment {
    const void *a;
    ptrdiff_t pixel_stride;
    int length;
};

/* How many neighbouring k the multiply instructions take together, and packed weights keep together. */
static inline int conv_group(int elem) { return elem == ELEM_F32 ? 1 : elem == ELEM_BF16 ? 2 : 4; }

/* out[m, n] = clamp(bias[n] + addend[m, n] + sum over k of a[m, k] * w[n / 16, k / group, n % 16, k % group]) */
struct conv_args {
    int pixels, channels;
    int out_type; /* F32: F32; BF16: BF16 or F32; U8: U8 or F32. The addend has it too. */
    const struct conv_segment *segments;
    int num_segments;
    const void *weights;     /* f32, bf16 or s8 [ceil(channels / 16), K / group, 16, group] */
    ptrdiff_t block_stride;  /* elements from one block of 16 channels to the next; K * 16, or more for a part of K */
    const float *bias;       /* [ceil(channels / 16) * 16], or NULL for zeros */
    const float *multiplier; /* U8: [ceil(channels / 16) * 16]; else NULL */
    const void *addend;      /* [pixels, channels] or NULL; may be `out` */
    ptrdiff_t addend_stride;
    float addend_scale, addend_offset; /* U8 only */
    float low, high;
    void *out; /* [pixels, channels] */
    ptrdiff_t out_stride;
    int parts;     /* conv_split: of each number, 2 or 3; else unused */
    void *scratch; /* conv_split: split_scratch_bytes(K); else unused */
};

/* out[m, c] = clamp(bias[c] + sum over i, j of rows[i][(m * stride + j) * in_stride + c] * w[i, j, c]) */
struct depthwise_args {
    int pixels, channels;
    int kh, kw, stride;
    const void *const *rows; /* [kh], each at the leftmost tap of output 0: padding is part of the rows */
    ptrdiff_t in_stride;
    const void *weights; /* f32 [kh, kw, weight_stride]; for U8 s8 [kw, ceil(kh / 4), weight_stride, 4] */
    ptrdiff_t weight_stride;
    const float *bias;       /* [ceil(channels / 16) * 16] */
    const float *multiplier; /* U8 */
    float low, high;
    void *out;
    ptrdiff_t out_stride;
};

/* Bilinear over one output row from two input rows of `in_width` pixels:
 * out[x, c] = clamp(addend[x, c] + lerp over taps[x] of (upper + fraction_y * (lower - upper))) */
struct resize_args {
    int pixels, channels, in_width;
    const void *upper, *lower;
    ptrdiff_t in_stride;
    float in_scale, in_offset; /* U8 only, as for the addend */
    float fraction_y;
    const struct tap *taps; /* [pixels] */
    const void *addend;     /* or NULL */
    ptrdiff_t addend_stride;
    float addend_scale, addend_offset;
    float low, high;
    void *out;
    ptrdiff_t out_stride;
    float *scratch; /* [in_width, channels] */
};

/* The last resize: planar f32 input rows [channels, in_width], for one output row. */
struct upsample_args {
    int pixels, channels, in_width;
    const float *upper, *lower; /* [channels, in_plane]; readable for 32 elements past in_width */
    ptrdiff_t in_plane;
    float fraction_y;
    const struct tap *taps;         /* [pixels rounded up to 16] */
    const struct tap_group *groups; /* [ceil(pixels / 16)]: the same taps */
    /* Labels: the groups to do, num_todo of them, in rising order; NULL: all. The others' pixels are left alone. */
    const int32_t *todo;
    int num_todo;
    void *out; /* f32: plane c at out + c * out_plane; labels: u8 [pixels] */
    ptrdiff_t out_plane;
    bool stream;    /* f32: the output is not read again soon: go around the caches */
    float *scratch; /* [channels, in_plane] */
};

static inline int upsample_groups(const struct upsample_args *p) {
    return p->todo ? p->num_todo : (p->pixels + TAP_GROUP - 1) / TAP_GROUP;
}
/* First pixel of the i-th group to do. */
static inline int upsample_pixel(const struct upsample_args *p, int i) {
    return TAP_GROUP * (p->todo ? p->todo[i] : i);
}

struct kernels {
    const char *isa;
    bool split_pays;  /* conv_split is faster than conv[ELEM_F32] */
    bool units_pay;   /* one run of units is faster than three of rows */
    bool columns_pay; /* conv_columns is faster than conv[ELEM_F32] */
    void (*conv[ELEM_COUNT])(const struct conv_args *args);
    /* Of f32 with split weights (split.h): bf16 [ceil(channels / 16), K / 2, parts, 16, 2], block_stride in elements of
     * these; lengths of segments are multiples of SPLIT_MULTIPLE. */
    void (*conv_split)(const struct conv_args *args);
    void (*conv_columns)(const struct columns_args *args);
    void (*depthwise[ELEM_COUNT])(const struct depthwise_args *args);
    void (*resize[ELEM_COUNT])(const struct resize_args *args);
    void (*upsample_f32)(const struct upsample_args *args);
    /* Arg max over the channels after the resize, ties to the lower. */
    void (*upsample_labels)(const struct upsample_args *args);
    /* out[x, c] = table[c][in[x, c]]: u8 pixels [width, 3] to floats. The table is that of tensor/normalization.h: its
     * values may as well be computed. */
    void (*load_u8)(const uint8_t *in, int width, const float (*table)[256], float *out);
    /* The same to bf16 [width, 4], the fourth 0. */
    void (*load_u8_bf16)(const uint8_t *in, int width, const float (*table)[256], uint16_t *out);
    /* [width, 3] to [width, 4], the fourth 0. */
    void (*load_u8_u8)(const uint8_t *in, int width, uint8_t *out);
    /* load_u8 backwards: floats [width, 3] that are all numbers of the table become its bytes, and true is returned;
     * otherwise out may hold anything. out may be in. */
    bool (*recover_u8)(const float *in, int width, const float (*table)[256], uint8_t *out);
    /* Three rows of row_bytes each to `units` units (units.h), out [units, UNIT_BYTES]; 0 where a row has ended. */
    void (*interleave_units)(const uint8_t *const *rows, int row_bytes, int units, uint8_t *out);
    /* planes [channels][width] (plane_stride apart) to [width, out_stride]; channels from `channels` on become 0. */
    void (*interleave_f32)(const float *planes, ptrdiff_t plane_stride, int width, int channels, float *out,
                           ptrdiff_t out_stride);
    /* [width, channels] (in_stride apart) to planes. */
    void (*deinterleave_f32)(const float *in, ptrdiff_t in_stride, int width, int channels, float *planes,
                             ptrdiff_t plane_stride);
    /* out = clamp(in + addend), addend NULL for none; all [width, channels] f32. */
    void (*add_f32)(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                    int channels, float low, float high, float *out, ptrdiff_t out_stride);
    /* out[c] += sum over `pixels` of in[x, c], in_stride apart, of the type's raw values. */
    void (*sum[ELEM_COUNT])(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out);
    /* Rows to f32 and back (raw values), for what is not worth kernels of its own. */
    void (*to_f32[ELEM_COUNT])(const void *in, size_t count, float *out);
    void (*from_f32[ELEM_COUNT])(const float *in, size_t count, void *out);
    /* Half precision, nearest even. */
    void (*to_half)(const float *in, size_t count, uint16_t *out);
    /* For measuring what the processor can do at most (run/peak.h): multiply-adds of a type between registers, `rounds`
     * > 0 times over; returns the operations done, multiply and add counting as two. */
    uint64_t (*peak[ELEM_COUNT])(uint64_t rounds);
    /* Reads or writes all of it; multiples of PEAK_LINE bytes. */
    void (*peak_read)(const void *data, size_t bytes);
    void (*peak_write)(void *data, size_t bytes);
};
enum { PEAK_LINE = 256 };

/* The table for a set of cpu flags (cpu/cpu.h); pass cpu_flags_used(). */
struct kernels kernels_get(uint32_t flags);

void kernels_fill_ref(struct kernels *k);
void kernels_fill_avx2(struct kernels *k);
void kernels_fill_avx_vnni(struct kernels *k);
void kernels_fill_avx512(struct kernels *k);
void kernels_fill_avx512_bf16(struct kernels *k);
void kernels_fill_avx512_vnni(struct kernels *k);
void kernels_fill_neon(struct kernels *k);
void kernels_fill_dotprod(struct kernels *k);
/* The peak members alone, of the best instructions among `flags`. */
void kernels_fill_peak_x86(struct kernels *k, uint32_t flags);
void kernels_fill_peak_neon(struct kernels *k, uint32_t flags);

#endif
