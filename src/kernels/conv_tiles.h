/* What becomes of the sums of a convolution's tiles, and the walk over a row of pixels, for instruction sets whose
 * vectors have no lane masks. Included by each convolution behind vec_avx2.h or vec_neon.h and behind
 *
 *   TILE, INPUT   macros: how many pixels a tile has at most, and the type of what is convolved
 *   struct block  what the tiles of the same 2 * VEC_LANES channels have in common, and block_at(p, n0), which finds it
 *   sum_tile(p, block, m0, n0, rows, sum)   sums and bias of `rows` pixels from m0 on, 2 * VEC_LANES channels from n0
 *
 * Sums stay in 2 * TILE registers. Rows of pixels are cut into tiles of nearly one height rather than full ones and a
 * small last one. */

static inline __attribute__((always_inline)) vec add_addend(const struct conv_args *p, const int type, ptrdiff_t m,
                                                            int n, vec value, const int lanes) {
    vec addend = vec_load_row(type, p->addend, m * p->addend_stride + n, lanes);
    if (type == ELEM_U8) {
        addend = vec_fma(addend, vec_set(p->addend_scale), vec_set(p->addend_offset));
    }
    return vec_add(value, addend);
}

/* `lanes` channels of pixel m, from channel n on; 2 * VEC_LANES and more are all. */
static inline __attribute__((always_inline)) void store_pixel(const struct conv_args *p, const int type, ptrdiff_t m,
                                                              int n, vec value[2], const int lanes) {
    const int left = lanes - VEC_LANES;
    if (p->addend) {
        value[0] = add_addend(p, type, m, n, value[0], lanes);
        value[1] = left > 0 ? add_addend(p, type, m, n + VEC_LANES, value[1], left) : value[1];
    }
    const ptrdiff_t at = m * p->out_stride + n;
    if (type == ELEM_U8 && left >= VEC_LANES) {
        vec_store_two_u8((uint8_t *)p->out + at, value[0], value[1], p->low, p->high);
        return;
    }
    vec_store_row(type, p->out, at, vec_clamp(value[0], p->low, p->high), lanes);
    if (left > 0) {
        vec_store_row(type, p->out, at + VEC_LANES, vec_clamp(value[1], p->low, p->high), left);
    }
}

static inline __attribute__((always_inline)) void store_tile(const struct conv_args *p, const int type, int m0, int n0,
                                                             const int rows, vec sum[TILE][2], const int lanes) {
    const struct conv_args args = *p; /* what is written could alias the original */
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        store_pixel(&args, type, m0 + i, n0, sum[i], lanes);
    }
}

static inline __attribute__((always_inline)) void tile(const struct conv_args *p, const struct block *block, int m0,
                                                       int n0, const int rows) {
    const int input = INPUT, whole = 2 * VEC_LANES, lanes = p->channels - n0;
    vec sum[TILE][2];
    sum_tile(p, block, m0, n0, rows, sum);
    if (input == ELEM_F32 || p->out_type == ELEM_F32) { /* what does not change is a constant in each of these */
        if (lanes >= whole) {
            store_tile(p, ELEM_F32, m0, n0, rows, sum, whole);
        } else {
            store_tile(p, ELEM_F32, m0, n0, rows, sum, lanes);
        }
    } else if (lanes >= whole) {
        store_tile(p, input, m0, n0, rows, sum, whole);
    } else {
        store_tile(p, input, m0, n0, rows, sum, lanes);
    }
}

typedef void tile_fn(const struct conv_args *p, const struct block *block, int m0, int n0);

#define TILE_FUNCTION(rows)                                                                                            \
    static void tile_##rows(const struct conv_args *p, const struct block *block, int m0, int n0) {                    \
        tile(p, block, m0, n0, rows);                                                                                  \
    }
TILE_FUNCTION(1)
TILE_FUNCTION(2)
TILE_FUNCTION(3)
TILE_FUNCTION(4)
#if TILE > 4
TILE_FUNCTION(5)
TILE_FUNCTION(6)
#endif
#if TILE > 6
TILE_FUNCTION(7)
TILE_FUNCTION(8)
#endif
#undef TILE_FUNCTION

static tile_fn *const tiles[TILE] = {
    tile_1, tile_2, tile_3, tile_4,
#if TILE > 4
    tile_5, tile_6,
#endif
#if TILE > 6
    tile_7, tile_8,
#endif
};

static void conv_tiles(const struct conv_args *p) {
    int count = (p->pixels + TILE - 1) / TILE;
    for (int n0 = 0; n0 < p->channels; n0 += 2 * VEC_LANES) {
        const struct block block = block_at(p, n0);
        for (int t = 0, m0 = 0; t < count; t++) {
            int m1 = (int)((int64_t)p->pixels * (t + 1) / count);
            tiles[m1 - m0 - 1](p, &block, m0, n0);
            m0 = m1;
        }
    }
}
