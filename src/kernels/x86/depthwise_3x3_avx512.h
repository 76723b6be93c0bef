/* Included by the 3x3 depthwise convolutions of AVX-512 behind
 *   CHANNELS                                   channels of a block,
 *   struct block, block_start(p, c, b)         weights and what else channels c .. of a block need, in registers,
 *   struct column, column_load(p, at, b)       three rows of one column: elements from `at` on,
 *   struct sums, sums_first(v, b)              tap 0 of column v, on top of the bias,
 *   sums_add(s, v, b, tap)                     s + tap 1 or 2 of it,
 *   sums_store(p, m, c, s, b)                  pixel m of the output:
 * the walk along a row, one block of channels after another. Each column is loaded once, and goes into the sums of the
 * up to three outputs that it belongs to. */

#define INLINE static inline __attribute__((always_inline))

INLINE void walk_dense(const struct depthwise_args *p, int c, const struct block *b) {
    struct column v = column_load(p, c, b);
    struct sums middle, left = sums_first(&v, b);
    v = column_load(p, p->in_stride + c, b);
    middle = sums_add(&left, &v, b, 1);
    left = sums_first(&v, b);
    ptrdiff_t at = 2 * p->in_stride + c;
    const ptrdiff_t stride = p->in_stride;
    for (int m = 0, end = p->pixels; m < end; m++, at += stride) {
        v = column_load(p, at, b);
        const struct sums done = sums_add(&middle, &v, b, 2);
        middle = sums_add(&left, &v, b, 1);
        left = sums_first(&v, b);
        sums_store(p, m, c, &done, b);
    }
}

INLINE void walk_strided(const struct depthwise_args *p, int c, const struct block *b) {
    struct column v = column_load(p, c, b);
    struct sums left = sums_first(&v, b);
    ptrdiff_t at = c;
    const ptrdiff_t stride = p->in_stride;
    for (int m = 0, end = p->pixels; m < end; m++) {
        v = column_load(p, at += stride, b);
        left = sums_add(&left, &v, b, 1);
        v = column_load(p, at += stride, b);
        const struct sums done = sums_add(&left, &v, b, 2);
        left = sums_first(&v, b);
        sums_store(p, m, c, &done, b);
    }
}

static void depthwise_3x3(const struct depthwise_args *p) {
    for (int c = 0; c < p->channels; c += CHANNELS) {
        struct block b;
        block_start(p, c, &b);
        if (p->stride == 1) {
            walk_dense(p, c, &b);
        } else {
            walk_strided(p, c, &b);
        }
    }
}

static inline bool is_3x3(const struct depthwise_args *p) {
    return p->kh == 3 && p->kw == 3 && (p->stride == 1 || p->stride == 2);
}
