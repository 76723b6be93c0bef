/* The table of kernels: what the engine does to rows of pixels.
 *
 * A row is [w, c] float32 with channels innermost. Every operation has a plain C version (ref/), which specifies it,
 * and fast versions for some instruction sets; kernels_get fills a table with the C versions and overwrites them upward
 * with what the processor has. Strides count elements. No kernel reads or writes outside what its arguments describe,
 * except that weights, biases and tables are padded to whole blocks of KERNEL_BLOCK channels.
 */
#ifndef FSCNN_KERNELS_KERNELS_H
#define FSCNN_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Channels of one block of packed weights, on every instruction set, so that one offline model runs on all. */
enum { KERNEL_BLOCK = 16 };

/* One run of K: pixel m contributes a[m * pixel_stride .. + length). A k x k convolution has a segment for each kernel
 * row (length kw * cin, pixel_stride = stride * cin), a 1x1 over a concatenation one for each part. */
struct conv_segment {
    const float *a;
    ptrdiff_t pixel_stride;
    int length;
};

/* out[m, n] = clamp(bias[n] + residual[m, n] + sum over k of a[m, k] * w[n / 16, k, n % 16]) */
struct conv_args {
    int pixels, channels;
    const struct conv_segment *segments;
    int num_segments;
    const float *weights;   /* [ceil(channels / 16), K, 16]; K runs through the segments in order */
    ptrdiff_t block_stride; /* elements from one block of 16 channels to the next; K * 16, or more for a part of K */
    const float *bias;      /* [ceil(channels / 16) * 16], or NULL for zeros */
    const float *residual;  /* [pixels, channels] or NULL; may be `out` */
    ptrdiff_t residual_stride;
    float low, high;
    float *out; /* [pixels, channels] */
    ptrdiff_t out_stride;
};

/* out[m, c] = clamp(bias[c] + sum over i, j of rows[i][(m * stride + j) * in_stride + c] * w[i, j, c]) */
struct depthwise_args {
    int pixels, channels;
    int kh, kw, stride;
    const float *const *rows; /* [kh], each at the leftmost tap of output 0: padding is part of the rows */
    ptrdiff_t in_stride;
    const float *weights; /* [kh, kw, weight_stride] */
    ptrdiff_t weight_stride;
    const float *bias; /* [ceil(channels / 16) * 16] */
    float low, high;
    float *out;
    ptrdiff_t out_stride;
};

/* Where an output position samples its input: in[x0] + fraction * (in[x1] - in[x0]). */
struct tap {
    int32_t x0, x1;
    float fraction;
};

/* Bilinear over one output row from two input rows of `in_width` pixels:
 * out[x, c] = clamp(addend[x, c] + lerp over taps[x] of (upper + fraction_y * (lower - upper))) */
struct resize_args {
    int pixels, channels, in_width;
    const float *upper, *lower;
    ptrdiff_t in_stride;
    float fraction_y;
    const struct tap *taps; /* [pixels] */
    const float *addend;    /* or NULL */
    ptrdiff_t addend_stride;
    float low, high;
    float *out;
    ptrdiff_t out_stride;
    float *scratch; /* [in_width, channels] */
};

/* The last resize: planar input rows [channels, in_width], for one output row. `groups` says for each run of 16 outputs
 * where its inputs start, so that they can be permuted from one or two registers. */
struct upsample_args {
    int pixels, channels, in_width;
    const float *upper, *lower; /* [channels, in_plane]; readable for 32 elements past in_width */
    ptrdiff_t in_plane;
    float fraction_y;
    const struct tap *taps; /* [pixels rounded up to 16] */
    void *out;              /* f32: plane c at out + c * out_plane; labels: u8 [pixels] */
    ptrdiff_t out_plane;
    bool stream;    /* f32: the output is not read again soon: go around the caches */
    float *scratch; /* [channels, in_plane] */
};

struct kernels {
    const char *isa;
    void (*conv_f32)(const struct conv_args *args);
    void (*depthwise_f32)(const struct depthwise_args *args);
    void (*resize_f32)(const struct resize_args *args);
    void (*upsample_f32)(const struct upsample_args *args);
    /* Arg max over the channels after the resize, ties to the lower. */
    void (*upsample_labels)(const struct upsample_args *args);
    /* out[x, c] = table[c][in[x, c]]: u8 pixels [width, 3] to normalised floats. */
    void (*load_u8)(const uint8_t *in, int width, const float (*table)[256], float *out);
    /* planes [channels][width] (plane_stride apart) to [width, channels]. */
    void (*interleave_f32)(const float *planes, ptrdiff_t plane_stride, int width, int channels, float *out);
    /* [width, channels] (in_stride apart) to planes. */
    void (*deinterleave_f32)(const float *in, ptrdiff_t in_stride, int width, int channels, float *planes,
                             ptrdiff_t plane_stride);
    /* out = clamp(in + addend), addend NULL for none; all [width, channels]. */
    void (*add_f32)(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                    int channels, float low, float high, float *out, ptrdiff_t out_stride);
    /* out[c] += sum over `pixels` of in[x, c], in_stride apart. */
    void (*sum_f32)(const float *in, ptrdiff_t in_stride, int pixels, int channels, float *out);
    /* Half precision, nearest even. */
    void (*to_half)(const float *in, size_t count, uint16_t *out);
};

/* The table for a set of cpu flags (cpu/cpu.h); pass cpu_flags_used(). */
struct kernels kernels_get(uint32_t flags);

void kernels_fill_ref(struct kernels *k);
void kernels_fill_avx2(struct kernels *k);
void kernels_fill_avx512(struct kernels *k);

#endif
