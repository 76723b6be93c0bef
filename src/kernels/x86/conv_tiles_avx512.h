/* Included by the AVX-512 convolutions behind their tile(): one function for each size of tile, and the walk over a
 * row.
 *
 * Rows of pixels are cut into tiles of nearly one height rather than full ones and a small last one. */

typedef void tile_fn(const struct conv_args *p, int m0, int n0, __mmask16 last_mask);

#define TILE_FUNCTIONS(rows)                                                                                           \
    static void tile_##rows##x1(const struct conv_args *p, int m0, int n0, __mmask16 mask) {                           \
        tile(p, m0, n0, rows, 1, mask);                                                                                \
    }                                                                                                                  \
    static void tile_##rows##x2(const struct conv_args *p, int m0, int n0, __mmask16 mask) {                           \
        tile(p, m0, n0, rows, 2, mask);                                                                                \
    }
TILE_FUNCTIONS(1)
TILE_FUNCTIONS(2)
TILE_FUNCTIONS(3)
TILE_FUNCTIONS(4)
TILE_FUNCTIONS(5)
TILE_FUNCTIONS(6)
TILE_FUNCTIONS(7)
TILE_FUNCTIONS(8)
TILE_FUNCTIONS(9)
TILE_FUNCTIONS(10)
TILE_FUNCTIONS(11)
TILE_FUNCTIONS(12)
#undef TILE_FUNCTIONS

static tile_fn *const tiles[2][12] = {
    {tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1, tile_9x1, tile_10x1, tile_11x1,
     tile_12x1},
    {tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2, tile_7x2, tile_8x2, tile_9x2, tile_10x2, tile_11x2,
     tile_12x2},
};

static void conv_tiles(const struct conv_args *p) {
    int count = (p->pixels + 11) / 12;
    for (int n0 = 0; n0 < p->channels; n0 += 32) {
        int left = p->channels - n0;
        int vectors = left > 16 ? 2 : 1;
        int last = left >= 16 * vectors ? 16 : left - 16 * (vectors - 1);
        __mmask16 mask = (__mmask16)((1U << last) - 1);
        for (int t = 0, m0 = 0; t < count; t++) {
            int m1 = (int)((int64_t)p->pixels * (t + 1) / count);
            tiles[vectors - 1][m1 - m0 - 1](p, m0, n0, mask);
            m0 = m1;
        }
    }
}
