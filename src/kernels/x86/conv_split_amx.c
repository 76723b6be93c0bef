/* Float32 convolution rows by AMX: the bfloat16 parts of every number (kernels/split.h), six products of three parts or
 * three of two.
 *
 * Pixels are split 32 at a time into the scratch, [32, parts, k]; all channels are then computed from there, 2 x 2
 * tiles of 16 pixels x 16 channels at a time. While one such place's tiles are in work, the sums of the place before
 * are stored.
 */
#include "kernels/split.h"
#include "kernels/x86/amx.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum {
    PIXEL = 2 * KERNEL_BLOCK, /* sums of one pixel */
    STEP = SPLIT_MULTIPLE     /* how many k one multiplication takes */
};

/* The bits of a number whose upper half is rounded to nearest; NaN stays as it is. */
static inline __m512i rounded(__m512 a) {
    const __m512i bits = _mm512_castps_si512(a);
    return _mm512_mask_add_epi32(bits, _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q), bits, _mm512_set1_epi32(0x8000));
}

/* Pairs of the upper halves of floats, a's in the lower words; what is left of both takes their place. */
static inline __attribute__((always_inline)) __m512i next_part(__m512 *a, __m512 *b, const bool round) {
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    const __m512i part_a = _mm512_and_si512(round ? rounded(*a) : _mm512_castps_si512(*a), upper);
    const __m512i part_b = _mm512_and_si512(round ? rounded(*b) : _mm512_castps_si512(*b), upper);
    *a = _mm512_sub_ps(*a, _mm512_castsi512_ps(part_a));
    *b = _mm512_sub_ps(*b, _mm512_castsi512_ps(part_b));
    return _mm512_or_si512(_mm512_srli_epi32(part_a, 16), part_b);
}

/* `count` floats, a multiple of 32, into parts [parts, k]. */
static inline __attribute__((always_inline)) void split_row(const float *in, int count, ptrdiff_t k, const int parts,
                                                            uint16_t *out) {
    for (int i = 0; i < count; i += STEP, out += STEP) {
        __m512 a = _mm512_loadu_ps(in + i), b = _mm512_loadu_ps(in + i + STEP / 2);
        for (int part = 0; part < parts; part++) {
            _mm512_storeu_si512(out + part * k, next_part(&a, &b, parts == 2));
        }
    }
}

/* Pixels m .. m + count - 1; what is beyond them in the scratch is computed with, but not stored. */
static inline __attribute__((always_inline)) void split_pixels(const struct conv_args *p, int m, int count, int k,
                                                               const int parts) {
    uint16_t *out = p->scratch;
    for (int i = 0; i < count; i++, out += (ptrdiff_t)parts * k) {
        ptrdiff_t at = 0;
        for (int s = 0; s < p->num_segments; s++) {
            const struct conv_segment *segment = &p->segments[s];
            split_row((const float *)segment->a + (m + i) * segment->pixel_stride, segment->length, k, parts, out + at);
            at += segment->length;
        }
    }
}

/* The tiles of one part of the pixels by those of one part of the weights. */
#define LOAD_PIXELS(part)                                                                                              \
    _tile_loadd(4, a + (part)*k, a_stride);                                                                            \
    _tile_loadd(5, a + (ptrdiff_t)16 * parts * k + (part)*k, a_stride)
#define LOAD_WEIGHTS(part)                                                                                             \
    _tile_loadd(6, w0 + (part)*2 * KERNEL_BLOCK, w_stride);                                                            \
    _tile_loadd(7, w1 + (part)*2 * KERNEL_BLOCK, w_stride)
#define MULTIPLY()                                                                                                     \
    _tile_dpbf16ps(0, 4, 6);                                                                                           \
    _tile_dpbf16ps(1, 4, 7);                                                                                           \
    _tile_dpbf16ps(2, 5, 6);                                                                                           \
    _tile_dpbf16ps(3, 5, 7)

/* Asks for a tile of weights ahead of its use: they come from the second-level cache, once for each 32 pixels. */
static inline const uint16_t *fetch(const uint16_t *weights) {
    for (int i = 0; i < STEP / 2; i++, weights += AMX_ROW_BYTES / 2) {
        _mm_prefetch((const char *)weights, _MM_HINT_T0);
    }
    return weights;
}

/* Sums of 32 pixels of the scratch, channels n0 .. n0 + 31, into sums [32, 32]. Of three parts the smallest products
 * come first; of two, products that share a tile follow each other. */
static inline __attribute__((always_inline)) void sum_place(const struct conv_args *p, int n0, int k, const int parts,
                                                            float *sums) {
    const uint16_t *a = p->scratch;
    const uint16_t *w0 = (const uint16_t *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    const bool two = n0 + KERNEL_BLOCK < p->channels;
    const uint16_t *w1 = two ? w0 + p->block_stride : w0;
    const size_t a_stride = (size_t)(k * parts) * sizeof(*a), w_stride = (size_t)parts * AMX_ROW_BYTES;
    const ptrdiff_t one_step = (ptrdiff_t)STEP * parts * KERNEL_BLOCK;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int i = 0; i < k; i += STEP, a += STEP, w0 += one_step, w1 += one_step) {
        const bool more = i + STEP < k;
        const uint16_t *next = more ? w0 + one_step : n0 + PIXEL < p->channels ? w1 + one_step : p->weights;
        if (parts == 2) {
            LOAD_PIXELS(1);
            LOAD_WEIGHTS(0);
            next = fetch(next);
            MULTIPLY();
            LOAD_PIXELS(0);
            next = fetch(next);
            next = more ? w1 + one_step : next + (p->block_stride - one_step);
            MULTIPLY();
            next = fetch(next);
            LOAD_WEIGHTS(1);
            fetch(next);
            MULTIPLY();
            continue;
        }
        LOAD_PIXELS(2);
        LOAD_WEIGHTS(0);
        next = fetch(next);
        MULTIPLY();
        LOAD_PIXELS(1);
        next = fetch(next);
        MULTIPLY();
        LOAD_WEIGHTS(1);
        next = fetch(next);
        MULTIPLY();
        next = more ? w1 + one_step : next + (p->block_stride - one_step);
        LOAD_PIXELS(0);
        next = fetch(next);
        MULTIPLY();
        LOAD_WEIGHTS(2);
        next = fetch(next);
        MULTIPLY();
        LOAD_WEIGHTS(0);
        fetch(next);
        MULTIPLY();
    }
    _tile_stored(0, sums, PIXEL * sizeof(float));
    _tile_stored(1, sums + KERNEL_BLOCK, PIXEL * sizeof(float));
    _tile_stored(2, sums + AMX_PIXELS * PIXEL, PIXEL * sizeof(float));
    _tile_stored(3, sums + AMX_PIXELS * PIXEL + KERNEL_BLOCK, PIXEL * sizeof(float));
}

/* Where sums belong: `pixels` from m on, channels from n on. */
struct place {
    int m, pixels, n;
};

static void store_place(const struct conv_args *p, const struct place *at, const float *sums) {
    const int width = p->channels - at->n, n = at->n;
    const __mmask16 mask[2] = {tail_mask(width), width > 16 ? tail_mask(width - 16) : 0};
    const __m512 low = _mm512_set1_ps(p->low), high = _mm512_set1_ps(p->high), none = _mm512_setzero_ps();
    const __m512 bias0 = p->bias ? _mm512_loadu_ps(p->bias + n) : none;
    const __m512 bias1 = p->bias && mask[1] ? _mm512_loadu_ps(p->bias + n + 16) : none;
    const ptrdiff_t out_stride = p->out_stride, addend_stride = p->addend ? p->addend_stride : 0;
    const float *addend = p->addend ? (const float *)p->addend + at->m * addend_stride + n : NULL;
    float *out = (float *)p->out + at->m * out_stride + n;
    for (int i = 0; i < at->pixels; i++, sums += PIXEL, out += out_stride, addend += addend_stride) {
        __m512 value0 = _mm512_add_ps(_mm512_load_ps(sums), bias0);
        __m512 value1 = _mm512_add_ps(_mm512_load_ps(sums + 16), bias1);
        if (addend) {
            value0 = _mm512_add_ps(value0, _mm512_maskz_loadu_ps(mask[0], addend));
            value1 = _mm512_add_ps(value1, _mm512_maskz_loadu_ps(mask[1], addend + 16));
        }
        _mm512_mask_storeu_ps(out, mask[0], _mm512_min_ps(high, _mm512_max_ps(low, value0)));
        _mm512_mask_storeu_ps(out + 16, mask[1], _mm512_min_ps(high, _mm512_max_ps(low, value1)));
    }
}

static inline __attribute__((always_inline)) void conv_parts(const struct conv_args *p, const int parts) {
    _Alignas(64) float sums[2][SPLIT_PIXELS * PIXEL];
    int k = 0, turn = 0;
    for (int s = 0; s < p->num_segments; s++) {
        k += p->segments[s].length;
    }
    struct place before = {0, 0, 0};
    amx_configure(AMX_PIXELS, AMX_ROW_BYTES, AMX_WEIGHTS);
    for (int m = 0; m < p->pixels; m += SPLIT_PIXELS) {
        const int count = p->pixels - m < SPLIT_PIXELS ? p->pixels - m : SPLIT_PIXELS;
        split_pixels(p, m, count, k, parts);
        amx_see_stores();
        for (int n = 0; n < p->channels; n += PIXEL, turn ^= 1) {
            sum_place(p, n, k, parts, sums[turn]);
            store_place(p, &before, sums[turn ^ 1]);
            before = (struct place){m, count, n};
        }
    }
    store_place(p, &before, sums[turn ^ 1]);
    _tile_release();
}

void conv_split_amx(const struct conv_args *p) {
    if (p->parts == 2) {
        conv_parts(p, 2);
    } else {
        conv_parts(p, SPLIT_MOST_PARTS);
    }
}
