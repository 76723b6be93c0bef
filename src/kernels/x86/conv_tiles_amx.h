/* Included by the AMX convolutions behind
 *   ELEM                          type of the input's and the weights' elements,
 *   SUM                           type of a sum,
 *   multiply(c, a, b)             tile c += tile a * tile b,
 *   struct finish, finish_start(p, n, width, f)
 *                                 what the sums of channels n .. n + width - 1 need to become outputs,
 *   store_pixels(p, f, m, n, width, first, end, sums)
 *                                 sums [16, 2 * 16] of the pixels m .. m + 15, channels n .. n + width - 1, become
 *                                 outputs: those from m + first to before m + end; width is at most 32,
 *   conv_narrow(p)                the same convolution without tiles, for shapes that do not suit them:
 * sums of 2 x 2 tiles and the walk over a row.
 *
 * The last tile of a row lies over the one before it where the pixels are no multiple of 16; pixels that were stored
 * are not stored again (the output may be the addend). */

/* `rows` x `blocks` tiles, 1 or 2 each, constants where this is inlined. */
static inline __attribute__((always_inline)) void sum_tiles(const struct conv_args *p, const int *m, int n0, int depth,
                                                            const int rows, const int blocks, SUM *sums) {
    const int step = depth / (int)sizeof(ELEM);
    const ELEM *w = (const ELEM *)p->weights + n0 / KERNEL_BLOCK * p->block_stride;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int s = 0; s < p->num_segments; s++) {
        const size_t stride = (size_t)p->segments[s].pixel_stride * sizeof(ELEM);
        const ELEM *a0 = (const ELEM *)p->segments[s].a + m[0] * p->segments[s].pixel_stride;
        const ELEM *a1 = (const ELEM *)p->segments[s].a + m[rows - 1] * p->segments[s].pixel_stride;
        for (int k = 0; k < p->segments[s].length; k += step, w += step * KERNEL_BLOCK) {
            _tile_loadd(6, w, AMX_ROW_BYTES);
            _tile_loadd(4, a0 + k, stride);
            multiply(0, 4, 6);
            if (blocks > 1) {
                _tile_loadd(7, w + p->block_stride, AMX_ROW_BYTES);
                multiply(1, 4, 7);
            }
            if (rows > 1) {
                _tile_loadd(5, a1 + k, stride);
                multiply(2, 5, 6);
                if (blocks > 1) {
                    multiply(3, 5, 7);
                }
            }
        }
    }
    enum { PIXEL = 2 * KERNEL_BLOCK };
    const size_t stride = PIXEL * sizeof(SUM);
    _tile_stored(0, sums, stride);
    if (blocks > 1) {
        _tile_stored(1, sums + KERNEL_BLOCK, stride);
    }
    if (rows > 1) {
        _tile_stored(2, sums + AMX_PIXELS * PIXEL, stride);
        if (blocks > 1) {
            _tile_stored(3, sums + AMX_PIXELS * PIXEL + KERNEL_BLOCK, stride);
        }
    }
}

/* Where the sums of a pair of tiles belong. */
struct place {
    int m[2];     /* first pixels */
    int first[2]; /* how many pixels of each were in the tile before */
    int tiles, n, width;
    const struct finish *finish; /* of its channels */
};

static inline void store_place(const struct conv_args *p, const struct place *at, const SUM *sums) {
    for (int i = 0; i < at->tiles; i++) {
        store_pixels(p, at->finish, at->m[i], at->n, at->width, at->first[i], amx_pixels(p->pixels),
                     sums + i * AMX_PIXELS * 2 * KERNEL_BLOCK);
    }
}

static inline struct place place_of(const struct conv_args *p, int n, int t, const struct finish *finish) {
    const int last = p->pixels > AMX_PIXELS ? p->pixels - AMX_PIXELS : 0;
    struct place at = {.n = n, .width = p->channels - n, .finish = finish};
    at.width = at.width < 2 * KERNEL_BLOCK ? at.width : 2 * KERNEL_BLOCK;
    for (int i = 0; i < 2; i++) {
        const int start = AMX_PIXELS * (t + i);
        at.m[i] = start < last ? start : last;
        at.first[i] = start - at.m[i];
        at.tiles += start < p->pixels;
    }
    return at;
}

static void sum_place(const struct conv_args *p, const struct place *at, int depth, SUM *sums) {
    if (at->width > KERNEL_BLOCK && at->tiles == 2) {
        sum_tiles(p, at->m, at->n, depth, 2, 2, sums);
    } else if (at->width > KERNEL_BLOCK) {
        sum_tiles(p, at->m, at->n, depth, 1, 2, sums);
    } else if (at->tiles == 2) {
        sum_tiles(p, at->m, at->n, depth, 2, 1, sums);
    } else {
        sum_tiles(p, at->m, at->n, depth, 1, 1, sums);
    }
}

/* The tiles of one place are in work while the sums of the place before are stored: the two use different parts of the
 * processor, and neither waits for the other. */
static void conv_tiles(const struct conv_args *p) {
    _Alignas(64) SUM sums[2][2 * AMX_PIXELS * 2 * KERNEL_BLOCK];
    const int depth = amx_depth(p, sizeof(ELEM));
    if (depth == 0) {
        conv_narrow(p);
        return;
    }
    amx_configure(amx_pixels(p->pixels), depth, AMX_WEIGHTS);
    struct finish finish[2]; /* by turns: the place before may be of other channels */
    struct place before = {.tiles = 0};
    int turn = 0;
    for (int n = 0; n < p->channels; n += 2 * KERNEL_BLOCK) {
        struct finish *f = &finish[n / (2 * KERNEL_BLOCK) % 2];
        finish_start(p, n, p->channels - n, f);
        for (int t = 0; AMX_PIXELS * t < p->pixels; t += 2, turn ^= 1) {
            const struct place at = place_of(p, n, t, f);
            sum_place(p, &at, depth, sums[turn]);
            store_place(p, &before, sums[turn ^ 1]);
            before = at;
        }
    }
    store_place(p, &before, sums[turn ^ 1]);
    _tile_release();
}
