/* Included by the AVX-512 convolutions behind their tile(): one function for each size of tile, and the walk over a
 * row.
 *
 * A tile's sums are in up to 27 of the 32 registers: fewer loads for each multiplication the squarer it is. Rows of
 * pixels are cut into tiles of nearly one height rather than full ones and a small last one. */

typedef void tile_fn(const struct conv_args *p, int m0, int n0, __mmask16 last_mask);

#define TILE_FUNCTION(rows, vectors)                                                                                   \
    static void tile_##rows##x##vectors(const struct conv_args *p, int m0, int n0, __mmask16 mask) {                   \
        tile(p, m0, n0, rows, vectors, mask);                                                                          \
    }
TILE_FUNCTION(1, 1)
TILE_FUNCTION(2, 1)
TILE_FUNCTION(3, 1)
TILE_FUNCTION(4, 1)
TILE_FUNCTION(5, 1)
TILE_FUNCTION(6, 1)
TILE_FUNCTION(7, 1)
TILE_FUNCTION(8, 1)
TILE_FUNCTION(9, 1)
TILE_FUNCTION(10, 1)
TILE_FUNCTION(11, 1)
TILE_FUNCTION(12, 1)
TILE_FUNCTION(1, 2)
TILE_FUNCTION(2, 2)
TILE_FUNCTION(3, 2)
TILE_FUNCTION(4, 2)
TILE_FUNCTION(5, 2)
TILE_FUNCTION(6, 2)
TILE_FUNCTION(7, 2)
TILE_FUNCTION(8, 2)
TILE_FUNCTION(9, 2)
TILE_FUNCTION(10, 2)
TILE_FUNCTION(11, 2)
TILE_FUNCTION(12, 2)
TILE_FUNCTION(1, 3)
TILE_FUNCTION(2, 3)
TILE_FUNCTION(3, 3)
TILE_FUNCTION(4, 3)
TILE_FUNCTION(5, 3)
TILE_FUNCTION(6, 3)
TILE_FUNCTION(7, 3)
TILE_FUNCTION(8, 3)
TILE_FUNCTION(9, 3)
TILE_FUNCTION(1, 4)
TILE_FUNCTION(2, 4)
TILE_FUNCTION(3, 4)
TILE_FUNCTION(4, 4)
TILE_FUNCTION(5, 4)
TILE_FUNCTION(6, 4)
#undef TILE_FUNCTION

/* By vectors of 16 channels and pixels, less 1. */
static tile_fn *const tiles[4][TILE] = {
    {tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1, tile_9x1, tile_10x1, tile_11x1,
     tile_12x1},
    {tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2, tile_7x2, tile_8x2, tile_9x2, tile_10x2, tile_11x2,
     tile_12x2},
    {tile_1x3, tile_2x3, tile_3x3, tile_4x3, tile_5x3, tile_6x3, tile_7x3, tile_8x3, tile_9x3},
    {tile_1x4, tile_2x4, tile_3x4, tile_4x4, tile_5x4, tile_6x4},
};
static const int most_rows[4] = {TILE, TILE, 9, 6};

/* How many of `left` vectors the next tiles take. */
static int take_vectors(int left) {
    if (left <= 2) {
        return left;
    }
    return left % 3 != 0 && (left % 4 == 0 || left == 7) ? 4 : 3;
}

static void conv_tiles(const struct conv_args *p) {
    for (int n0 = 0, vectors; n0 < p->channels; n0 += KERNEL_BLOCK * vectors) {
        const int left = p->channels - n0;
        vectors = take_vectors((left + KERNEL_BLOCK - 1) / KERNEL_BLOCK);
        const int last = left >= KERNEL_BLOCK * vectors ? KERNEL_BLOCK : left - KERNEL_BLOCK * (vectors - 1);
        const __mmask16 mask = (__mmask16)((1U << last) - 1);
        const int count = (p->pixels + most_rows[vectors - 1] - 1) / most_rows[vectors - 1];
        for (int t = 0, m0 = 0; t < count; t++) {
            const int m1 = (int)((int64_t)p->pixels * (t + 1) / count);
            tiles[vectors - 1][m1 - m0 - 1](p, m0, n0, mask);
            m0 = m1;
        }
    }
}
