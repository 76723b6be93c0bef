/* The first convolution on a picture's bytes by AMX (kernels/columns.h). Columns are made 64 pixels at a time, so that
 * they are still in the first-level cache when they are multiplied; the weights of 16 channels stay in three tiles
 * meanwhile. The sums of one block of channels are stored while the next one's tiles are in work.
 *
 * Making columns takes AVX-512 with VBMI, which every processor with AMX has. */
#include "kernels/x86/amx.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

enum {
    TILES = 4,
    WEIGHTS = 5,                 /* the first tile of weights */
    PIXELS = TILES * AMX_PIXELS, /* of a run */
    VECTOR = 32,                 /* values written together */
    PERIOD = COLUMN,             /* vectors until columns begin at the same place again */
    PERIOD_COLUMNS = VECTOR,     /* columns in them */
    PERIODS = 2 * PIXELS / PERIOD_COLUMNS,
    VECTORS = PERIODS * PERIOD + 1,
    RUN = 16 /* bytes of a row that hold what a vector needs of it */
};
_Static_assert(2 * PIXELS % PERIOD_COLUMNS == 0 && 2 * COLUMN <= VECTOR, "a run of pixels is whole periods and a rest");

/* Which bytes a vector takes of the rows' runs, which lie in a register one behind the other: for the values at even
 * places, then for those at odd ones, each in the lowest byte of its four. */
struct deal {
    _Alignas(64) uint8_t bytes[2][2 * VECTOR];
};

static void make_deals(struct deal deals[PERIOD]) {
    for (int v = 0; v < PERIOD; v++) {
        struct deal *d = &deals[v];
        const int base = v * VECTOR / COLUMN * 3;
        memset(d, 0, sizeof(*d));
        for (int i = 0; i < VECTOR; i++) {
            const int at = v * VECTOR + i, row = at % COLUMN / 3;
            d->bytes[i % 2][i / 2 * 4] = (uint8_t)(row * RUN + at / COLUMN * 3 + at % 3 - base);
        }
    }
}

/* Runs of the three rows, one behind the other; the fourth part is 0. Beyond the end of a row is 0, too, unless all are
 * known to be whole. */
static inline __attribute__((always_inline)) __m512i load_runs(const struct columns_args *p, int at, const bool whole) {
    __m128i runs[3];
    const __mmask16 mask = whole ? (__mmask16)0xffff : at < p->row_bytes ? tail_mask(p->row_bytes - at) : 0;
    for (int i = 0; i < 3; i++) {
        runs[i] = whole ? _mm_loadu_si128((const __m128i *)(const void *)(p->rows[i] + at))
                        : _mm_maskz_loadu_epi8(mask, p->rows[i] + at);
    }
    return _mm512_inserti64x2(_mm512_inserti64x2(_mm512_zextsi128_si512(runs[0]), runs[1], 1), runs[2], 2);
}

/* The dealt bytes as float32 numbers, which are bfloat16 ones with 16 zeros behind them. */
static inline __m512i deal_numbers(__m512i runs, const uint8_t *bytes) {
    const __m512i dealt = _mm512_maskz_permutexvar_epi8(0x1111111111111111, _mm512_load_si512(bytes), runs);
    return _mm512_castps_si512(_mm512_cvtepi32_ps(dealt));
}

/* Columns from 2 * m on as bfloat16 numbers: `count` vectors, from the first of a period on. */
static inline __attribute__((always_inline)) void make_vectors(const struct columns_args *p, const struct deal *deals,
                                                               int at, const int count, const bool whole,
                                                               uint16_t *out) {
#pragma GCC unroll 9
    for (int v = 0; v < count; v++, out += VECTOR) {
        const __m512i runs = load_runs(p, at + v * VECTOR / COLUMN * 3, whole);
        const __m512i even = deal_numbers(runs, deals[v].bytes[0]), odd = deal_numbers(runs, deals[v].bytes[1]);
        _mm512_store_si512(out, _mm512_or_si512(_mm512_srli_epi32(even, 16), odd));
    }
}

static inline __attribute__((always_inline)) void make_run(const struct columns_args *p, const struct deal *deals,
                                                           int at, const bool whole, uint16_t *out) {
    for (int i = 0; i < PERIODS; i++, at += PERIOD_COLUMNS * 3, out += PERIOD * VECTOR) {
        make_vectors(p, deals, at, PERIOD, whole, out);
    }
    make_vectors(p, deals, at, 1, whole, out); /* the last pixel's last value */
}

/* Columns from 2 * m on as bfloat16 numbers. */
static void make_columns(const struct columns_args *p, const struct deal *deals, int m, uint16_t *out) {
    const int at = 2 * m * 3;
    if (at + PERIODS * PERIOD_COLUMNS * 3 + RUN <= p->row_bytes) {
        make_run(p, deals, at, true, out);
    } else {
        make_run(p, deals, at, false, out);
    }
}

/* Sums [PIXELS, 16] of pixels from m on, channels n .. n + 15. */
struct place {
    int m, n;
    const float *sums;
};

/* The sums of one tile become outputs. */
static inline __attribute__((always_inline)) void store_tile(const struct columns_args *p, const struct place *at,
                                                             int tile) {
    const int m = at->m + tile * AMX_PIXELS, left = p->pixels - m;
    const __mmask16 mask = tail_mask(p->channels - at->n);
    const __m512 low = _mm512_set1_ps(p->low), high = _mm512_set1_ps(p->high), bias = _mm512_loadu_ps(p->bias + at->n);
    const ptrdiff_t stride = p->out_stride;
    const float *sums = at->sums + (ptrdiff_t)tile * AMX_PIXELS * KERNEL_BLOCK;
    float *out = p->out + m * stride + at->n;
    for (int i = 0, count = left < AMX_PIXELS ? left : AMX_PIXELS; i < count; i++) {
        const __m512 value = _mm512_add_ps(_mm512_load_ps(sums), bias);
        _mm512_mask_storeu_ps(out, mask, _mm512_min_ps(high, _mm512_max_ps(low, value)));
        sums += KERNEL_BLOCK;
        out += stride;
    }
}

/* Sums of a block of channels; those of the place before are stored while they are in work. */
static void sum_block(const struct columns_args *p, const struct place *before, const uint16_t *columns,
                      const uint16_t *w, float *sums) {
    enum { PART = COLUMNS_K * KERNEL_BLOCK, STRIDE = 2 * COLUMN * sizeof(*columns), TILE = AMX_PIXELS * KERNEL_BLOCK };
    _tile_loadd(5, w, AMX_ROW_BYTES);
    _tile_loadd(6, w + PART, AMX_ROW_BYTES);
    _tile_loadd(7, w + 2 * PART, AMX_ROW_BYTES);
#define SUM_TILE(tile)                                                                                                 \
    _tile_zero(tile);                                                                                                  \
    _tile_loadd(4, columns + (ptrdiff_t)(tile)*2 * AMX_PIXELS * COLUMN, STRIDE);                                       \
    _tile_dpbf16ps(tile, 4, 5);                                                                                        \
    _tile_dpbf16ps(tile, 4, 6);                                                                                        \
    _tile_dpbf16ps(tile, 4, 7);                                                                                        \
    store_tile(p, before, tile)
    SUM_TILE(0);
    SUM_TILE(1);
    SUM_TILE(2);
    SUM_TILE(3);
#undef SUM_TILE
    _tile_stored(0, sums, AMX_ROW_BYTES);
    _tile_stored(1, sums + TILE, AMX_ROW_BYTES);
    _tile_stored(2, sums + (ptrdiff_t)2 * TILE, AMX_ROW_BYTES);
    _tile_stored(3, sums + (ptrdiff_t)3 * TILE, AMX_ROW_BYTES);
}

void conv_columns_amx(const struct columns_args *p) {
    _Alignas(64) uint16_t columns[VECTORS * VECTOR];
    _Alignas(64) float sums[2][PIXELS * KERNEL_BLOCK];
    struct deal deals[PERIOD];
    struct place before = {p->pixels, 0, sums[1]}; /* no pixel */
    int turn = 0;
    make_deals(deals);
    amx_configure(AMX_PIXELS, COLUMNS_K * (int)sizeof(*columns), WEIGHTS);
    for (int m = 0; m < p->pixels; m += PIXELS) {
        make_columns(p, deals, m, columns);
        amx_see_stores();
        for (int n = 0; n < p->channels; n += KERNEL_BLOCK, turn ^= 1) {
            sum_block(p, &before, columns, p->weights + n / KERNEL_BLOCK * COLUMNS_BLOCK, sums[turn]);
            before = (struct place){m, n, sums[turn]};
        }
    }
    for (int tile = 0; tile < TILES; tile++) {
        store_tile(p, &before, tile);
    }
    _tile_release();
}
