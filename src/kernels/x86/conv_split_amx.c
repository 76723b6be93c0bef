/* Float32 convolution rows by AMX: the bfloat16 parts of every number (kernels/split.h), six products of three parts or
 * three of two.
 *
 * Pixels are split 32 at a time into the scratch, [32, parts, k]; all channels are then computed from there, 2 x 2
 * tiles of 16 pixels x 16 channels at a time, a place. Multiplying tiles takes the vector units no time: in between,
 * the sums of the place before are stored, and the next 32 pixels are split into the other half of the scratch.
 */
#include <limits.h>

#include "kernels/split.h"
#include "kernels/x86/amx.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum {
    PIXEL = 2 * KERNEL_BLOCK, /* sums of one pixel */
    STEP = SPLIT_MULTIPLE     /* how many k one multiplication takes */
};

/* Pairs of the upper halves of floats, a's in the lower words. */
static inline __m512i pair_up(__m512i a, __m512i b) {
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    return _mm512_ternarylogic_epi32(_mm512_srli_epi32(a, 16), upper, b, 0xf8); /* shifted | (upper & b) */
}

/* The next part of three; what is left of both takes their place. */
static inline __m512i cut_off(__m512 *a, __m512 *b) {
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    const __m512i ia = _mm512_castps_si512(*a), ib = _mm512_castps_si512(*b);
    *a = _mm512_sub_ps(*a, _mm512_castsi512_ps(_mm512_and_si512(ia, upper)));
    *b = _mm512_sub_ps(*b, _mm512_castsi512_ps(_mm512_and_si512(ib, upper)));
    return pair_up(ia, ib);
}

/* The upper 8 of a number's 24 bits, rounded to nearest (Dekker 1971). */
static inline __m512 round_to_8(__m512 a) {
    const __m512 shifted = _mm512_mul_ps(a, _mm512_set1_ps(65537.0F)); /* 2^16 + 1 */
    return _mm512_sub_ps(shifted, _mm512_sub_ps(shifted, a));
}

/* Of 32 floats the three parts, or two rounded ones, `k` apart. */
static inline __attribute__((always_inline)) void split_32(const float *in, ptrdiff_t k, const int parts,
                                                           uint16_t *out) {
    __m512 a = _mm512_loadu_ps(in), b = _mm512_loadu_ps(in + STEP / 2);
    if (parts == SPLIT_MOST_PARTS) {
        _mm512_storeu_si512(out, cut_off(&a, &b));
        _mm512_storeu_si512(out + k, cut_off(&a, &b));
        _mm512_storeu_si512(out + 2 * k, cut_off(&a, &b));
        return;
    }
    const __m512 high_a = round_to_8(a), high_b = round_to_8(b);
    const __m512i half = _mm512_set1_epi32(0x8000);
    const __m512i low_a = _mm512_castps_si512(_mm512_sub_ps(a, high_a));
    const __m512i low_b = _mm512_castps_si512(_mm512_sub_ps(b, high_b));
    _mm512_storeu_si512(out, pair_up(_mm512_castps_si512(high_a), _mm512_castps_si512(high_b)));
    _mm512_storeu_si512(out + k, pair_up(_mm512_add_epi32(low_a, half), _mm512_add_epi32(low_b, half)));
}

/* Pixels that are still to be split, m .. end - 1, and where the next 32 numbers are and go to. */
struct splitting {
    int m, end, segment, left; /* left: numbers of the segment; 0: it has not been begun */
    const float *in;
    uint16_t *out;
};

/* At most `count` times 32 numbers. */
static inline __attribute__((always_inline)) void split_some(const struct conv_args *p, struct splitting *to, int count,
                                                             ptrdiff_t k, const int parts) {
    struct splitting s = *to;
    for (; count > 0 && s.m < s.end; count--, s.in += STEP, s.out += STEP) {
        if (s.left == 0) {
            const struct conv_segment *segment = &p->segments[s.segment];
            s.left = segment->length;
            s.in = (const float *)segment->a + s.m * segment->pixel_stride;
        }
        split_32(s.in, k, parts, s.out);
        s.left -= STEP;
        if (s.left == 0 && ++s.segment == p->num_segments) {
            s.segment = 0;
            s.m++;
            s.out += (parts - 1) * k;
        }
    }
    *to = s;
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

/* Sums [32, 32] to be stored: what is left of them. */
struct storing {
    const float *sums, *addend;
    float *out;
    int rows, n; /* channels from n on */
};

/* At most `count` rows. */
static inline __attribute__((always_inline)) void store_some(const struct conv_args *p, struct storing *to, int count) {
    struct storing s = *to;
    const int width = p->channels - s.n;
    const __mmask16 mask[2] = {tail_mask(width), width > 16 ? tail_mask(width - 16) : 0};
    const __m512 low = _mm512_set1_ps(p->low), high = _mm512_set1_ps(p->high), none = _mm512_setzero_ps();
    const __m512 bias0 = p->bias ? _mm512_loadu_ps(p->bias + s.n) : none;
    const __m512 bias1 = p->bias && mask[1] ? _mm512_loadu_ps(p->bias + s.n + 16) : none;
    for (; count > 0 && s.rows > 0; count--, s.rows--, s.sums += PIXEL, s.out += p->out_stride) {
        __m512 value0 = _mm512_add_ps(_mm512_load_ps(s.sums), bias0);
        __m512 value1 = _mm512_add_ps(_mm512_load_ps(s.sums + 16), bias1);
        if (s.addend) {
            value0 = _mm512_add_ps(value0, _mm512_maskz_loadu_ps(mask[0], s.addend));
            value1 = _mm512_add_ps(value1, _mm512_maskz_loadu_ps(mask[1], s.addend + 16));
            s.addend += p->addend_stride;
        }
        _mm512_mask_storeu_ps(s.out, mask[0], _mm512_min_ps(high, _mm512_max_ps(low, value0)));
        _mm512_mask_storeu_ps(s.out + 16, mask[1], _mm512_min_ps(high, _mm512_max_ps(low, value1)));
    }
    *to = s;
}

/* What is done between multiplications: so many splits and rows each time. */
struct chores {
    struct splitting splitting;
    struct storing storing;
    int splits, stores;
};

#define CHORES()                                                                                                       \
    store_some(p, &chores->storing, chores->stores);                                                                   \
    split_some(p, &chores->splitting, chores->splits, k, parts)

/* Sums of 32 pixels of the scratch `a`, channels n0 .. n0 + 31, into sums [32, 32]. Of three parts the smallest
 * products come first; of two, products that share a tile follow each other. */
static inline __attribute__((always_inline)) void sum_place(const struct conv_args *p, const uint16_t *a, int n0, int k,
                                                            const int parts, float *sums, struct chores *chores) {
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
        if (parts == 2) {
            LOAD_PIXELS(1);
            LOAD_WEIGHTS(0);
            MULTIPLY();
            CHORES();
            LOAD_PIXELS(0);
            MULTIPLY();
            CHORES();
            LOAD_WEIGHTS(1);
            MULTIPLY();
            CHORES();
            continue;
        }
        LOAD_PIXELS(2);
        LOAD_WEIGHTS(0);
        MULTIPLY();
        CHORES();
        LOAD_PIXELS(1);
        MULTIPLY();
        CHORES();
        LOAD_WEIGHTS(1);
        MULTIPLY();
        CHORES();
        LOAD_PIXELS(0);
        MULTIPLY();
        CHORES();
        LOAD_WEIGHTS(2);
        MULTIPLY();
        CHORES();
        LOAD_WEIGHTS(0);
        MULTIPLY();
        CHORES();
    }
    _tile_stored(0, sums, PIXEL * sizeof(float));
    _tile_stored(1, sums + KERNEL_BLOCK, PIXEL * sizeof(float));
    _tile_stored(2, sums + AMX_PIXELS * PIXEL, PIXEL * sizeof(float));
    _tile_stored(3, sums + AMX_PIXELS * PIXEL + KERNEL_BLOCK, PIXEL * sizeof(float));
}

static int share(int all, int turns) { return turns > 0 ? (all + turns - 1) / turns : 0; }

static inline __attribute__((always_inline)) void conv_parts(const struct conv_args *p, const int parts) {
    _Alignas(64) float sums[2][SPLIT_PIXELS * PIXEL];
    int k = 0, turn = 0;
    for (int s = 0; s < p->num_segments; s++) {
        k += p->segments[s].length;
    }
    const int products = parts == 2 ? 3 : 6, places = (p->channels + PIXEL - 1) / PIXEL;
    const ptrdiff_t block = (ptrdiff_t)SPLIT_PIXELS * parts * k;
    uint16_t *scratch = p->scratch;
    struct chores chores = {.splits = share(SPLIT_PIXELS * (k / STEP), k / STEP * products * places),
                            .stores = share(SPLIT_PIXELS, k / STEP * products)};
    amx_configure(AMX_PIXELS, AMX_ROW_BYTES, AMX_WEIGHTS);
    /* a round before the first, in which its pixels are split */
    for (int m = -SPLIT_PIXELS, half = 1; m < p->pixels; m += SPLIT_PIXELS, half ^= 1) {
        const int next = m + SPLIT_PIXELS;
        chores.splitting = (struct splitting){.m = next,
                                              .end = next + SPLIT_PIXELS < p->pixels ? next + SPLIT_PIXELS : p->pixels,
                                              .out = scratch + (half ^ 1) * block};
        for (int n = 0; m >= 0 && n < p->channels; n += PIXEL, turn ^= 1) {
            sum_place(p, scratch + half * block, n, k, parts, sums[turn], &chores);
            store_some(p, &chores.storing, SPLIT_PIXELS);
            chores.storing =
                (struct storing){.sums = sums[turn],
                                 .addend = p->addend ? (const float *)p->addend + m * p->addend_stride + n : NULL,
                                 .out = (float *)p->out + m * p->out_stride + n,
                                 .rows = p->pixels - m < SPLIT_PIXELS ? p->pixels - m : SPLIT_PIXELS,
                                 .n = n};
        }
        split_some(p, &chores.splitting, INT_MAX, k, parts);
        amx_see_stores();
    }
    store_some(p, &chores.storing, SPLIT_PIXELS);
    _tile_release();
}

void conv_split_amx(const struct conv_args *p) {
    if (p->parts == 2) {
        conv_parts(p, 2);
    } else {
        conv_parts(p, SPLIT_MOST_PARTS);
    }
}
