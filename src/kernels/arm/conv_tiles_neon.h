/* Included by the NEON convolutions behind INPUT, the type of their input, and sum_tile(p, m0, n0, rows, sum): what
 * becomes of the sums, one function for each height of tile, and the walk over a row of pixels.
 *
 * Tiles are TILE pixels x 8 channels - half a block of packed weights - with the sums in 16 of the 32 registers, so
 * that the values of TILE pixels fit beside them. Rows of pixels are cut into tiles of nearly one height rather than
 * full ones and a small last one. */

/* `lanes` channels of pixel m, from channel n on; 4 and more are all. */
static inline __attribute__((always_inline)) void store_pixel(const struct conv_args *p, const int type, ptrdiff_t m,
                                                              int n, vec value, const int lanes) {
    if (lanes <= 0) {
        return;
    }
    if (p->addend) {
        value = vec_add(value, vec_load_row(type, p->addend, m * p->addend_stride + n, lanes));
    }
    vec_store_row(type, p->out, m * p->out_stride + n, vec_clamp(value, p->low, p->high), lanes);
}

static inline __attribute__((always_inline)) void store_tile(const struct conv_args *p, const int type, int m0, int n0,
                                                             const int rows, vec sum[TILE][2], const int lanes) {
#pragma GCC unroll 16
    for (int i = 0; i < 2 * rows; i++) {
        store_pixel(p, type, m0 + i / 2, n0 + VEC_LANES * (i % 2), sum[i / 2][i % 2], lanes - VEC_LANES * (i % 2));
    }
}

static inline __attribute__((always_inline)) void tile(const struct conv_args *p, int m0, int n0, const int rows) {
    const int lanes = p->channels - n0;
    const int input = INPUT, type = input == ELEM_F32 ? input : p->out_type;
    vec sum[TILE][2];
    sum_tile(p, m0, n0, rows, sum);
    if (type == ELEM_F32 && lanes >= 2 * VEC_LANES) { /* what does not change is a constant in each of these */
        store_tile(p, ELEM_F32, m0, n0, rows, sum, 2 * VEC_LANES);
    } else if (type == ELEM_F32) {
        store_tile(p, ELEM_F32, m0, n0, rows, sum, lanes);
    } else if (lanes >= 2 * VEC_LANES) {
        store_tile(p, ELEM_BF16, m0, n0, rows, sum, 2 * VEC_LANES);
    } else {
        store_tile(p, ELEM_BF16, m0, n0, rows, sum, lanes);
    }
}

typedef void tile_fn(const struct conv_args *p, int m0, int n0);

static void tile_1(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 1); }
static void tile_2(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 2); }
static void tile_3(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 3); }
static void tile_4(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 4); }
static void tile_5(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 5); }
static void tile_6(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 6); }
static void tile_7(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 7); }
static void tile_8(const struct conv_args *p, int m0, int n0) { tile(p, m0, n0, 8); }

static void conv_tiles(const struct conv_args *p) {
    static tile_fn *const tiles[TILE] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8};
    int count = (p->pixels + TILE - 1) / TILE;
    for (int n0 = 0; n0 < p->channels; n0 += KERNEL_BLOCK / 2) {
        for (int t = 0, m0 = 0; t < count; t++) {
            int m1 = (int)((int64_t)p->pixels * (t + 1) / count);
            tiles[m1 - m0 - 1](p, m0, n0);
            m0 = m1;
        }
    }
}
