/* Quantised depthwise convolution in vectors of 256 bits, for a file each that has AVX2 and that has AVX-VNNI. Included
 * behind vec_avx2.h and quads_avx2.h or quads_avxvnni.h.
 *
 * 16 channels at a time, in two vectors of 8 lanes: channels 0..3 and 8..11, and channels 4..7 and 12..15. */

/* 16 channels of a row, or the first `lanes` and zeros. */
static inline __attribute__((always_inline)) __m128i load_channels(const uint8_t *in, const int lanes) {
    __m128i bytes = _mm_setzero_si128();
    if (lanes >= KERNEL_BLOCK) {
        return _mm_loadu_si128((const __m128i *)(const void *)in);
    }
    memcpy(&bytes, in, (size_t)lanes);
    return bytes;
}

/* One column of `count` kernel rows. */
static inline __attribute__((always_inline)) void column_quads(const uint8_t *const *rows, const int count,
                                                               ptrdiff_t at, const int lanes, struct quads quads[2]) {
    __m256i wide[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        wide[i] = i < count ? _mm256_cvtepu8_epi16(load_channels(rows[i] + at, lanes)) : _mm256_setzero_si256();
    }
    quads_of_rows(wide, count, quads);
}

/* Vectors of 16 channels' numbers of 32 bits, in this order. */
static inline void load_block(const void *in, __m256i block[2]) {
    const __m256i first = _mm256_loadu_si256(in), second = _mm256_loadu_si256((const __m256i *)in + 1);
    block[0] = _mm256_permute2x128_si256(first, second, 0x20);
    block[1] = _mm256_permute2x128_si256(first, second, 0x31);
}

static inline void load_weights(const int8_t *w, struct weights weights[2]) {
    __m256i bytes[2];
    load_block(w, bytes);
    weights[0] = weights_of(bytes[0]);
    weights[1] = weights_of(bytes[1]);
}

/* What turns the sums of 16 channels into outputs. */
struct finish {
    vec multiplier[2], bias[2];
    __m128i low, high;
};

static inline struct finish finish_at(const struct depthwise_args *p, int c) {
    struct finish f = {.low = u8_bound(p->low), .high = u8_bound(p->high)};
    __m256i multiplier[2], bias[2];
    load_block(p->multiplier + c, multiplier);
    load_block(p->bias + c, bias);
    for (int v = 0; v < 2; v++) {
        f.multiplier[v] = _mm256_castsi256_ps(multiplier[v]);
        f.bias[v] = _mm256_castsi256_ps(bias[v]);
    }
    return f;
}

static inline __attribute__((always_inline)) void store_sums(const struct depthwise_args *p, const struct finish *f,
                                                             int m, int c, const int lanes, const __m256i sum[2]) {
    const vec first = vec_fma(_mm256_cvtepi32_ps(sum[0]), f->multiplier[0], f->bias[0]);
    const vec second = vec_fma(_mm256_cvtepi32_ps(sum[1]), f->multiplier[1], f->bias[1]);
    const __m128i bytes = u8_clamp(_mm256_packs_epi32(round_255(first), round_255(second)), f->low, f->high);
    uint8_t *out = (uint8_t *)p->out + m * p->out_stride + c;
    if (lanes >= KERNEL_BLOCK) {
        _mm_storeu_si128((__m128i *)(void *)out, bytes);
    } else {
        memcpy(out, &bytes, (size_t)lanes);
    }
}

/* `count` neighbouring outputs of a 3x3 kernel: each column is built once for all of them. */
static inline __attribute__((always_inline)) void depthwise_3x3(const struct depthwise_args *p, const struct finish *f,
                                                                const struct weights w[3][2], int m, int c,
                                                                const int count, const int stride, const int lanes) {
    const uint8_t *const *rows = (const uint8_t *const *)p->rows;
    __m256i sum[4][2];
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        sum[x][0] = sum[x][1] = _mm256_setzero_si256();
    }
#pragma GCC unroll 9
    for (int j = 0; j < (count - 1) * stride + 3; j++) {
        struct quads a[2];
        column_quads(rows, 3, ((ptrdiff_t)m * stride + j) * p->in_stride + c, lanes, a);
#pragma GCC unroll 4
        for (int x = 0; x < count; x++) {
            const int tap = j - x * stride;
            if (tap >= 0 && tap < 3) {
                sum[x][0] = dot(sum[x][0], a[0], w[tap][0]);
                sum[x][1] = dot(sum[x][1], a[1], w[tap][1]);
            }
        }
    }
#pragma GCC unroll 4
    for (int x = 0; x < count; x++) {
        store_sums(p, f, m + x, c, lanes, sum[x]);
    }
}

/* Outputs m to m_end: four together where they share most columns. */
static inline __attribute__((always_inline)) void depthwise_3x3_span(const struct depthwise_args *p, int m, int m_end,
                                                                     int c, const int stride, const int lanes) {
    const struct finish f = finish_at(p, c);
    struct weights w[3][2];
    for (int j = 0; j < 3; j++) {
        load_weights((const int8_t *)p->weights + 4 * (j * p->weight_stride + c), w[j]);
    }
    for (; stride == 1 && m + 4 <= m_end; m += 4) {
        depthwise_3x3(p, &f, w, m, c, 4, stride, lanes);
    }
    for (; m < m_end; m++) {
        depthwise_3x3(p, &f, w, m, c, 1, stride, lanes);
    }
}

/* Few enough pixels at a time that what they read stays in the first-level cache from block to block of channels. */
static inline __attribute__((always_inline)) void depthwise_3x3_row(const struct depthwise_args *p, const int stride) {
    const struct depthwise_args args = *p; /* what is written could alias the original */
    for (int m = 0; m < args.pixels; m += 16) {
        const int m_end = m + 16 < args.pixels ? m + 16 : args.pixels;
        int c = 0;
        for (; c + KERNEL_BLOCK <= args.channels; c += KERNEL_BLOCK) {
            depthwise_3x3_span(&args, m, m_end, c, stride, KERNEL_BLOCK);
        }
        if (c < args.channels) {
            depthwise_3x3_span(&args, m, m_end, c, stride, args.channels - c);
        }
    }
}

static void depthwise_any(const struct depthwise_args *p) {
    const int num_quads = (p->kh + 3) / 4;
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c += KERNEL_BLOCK) {
            const int lanes = p->channels - c;
            __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
            for (int j = 0; j < p->kw; j++) {
                const ptrdiff_t at = ((ptrdiff_t)m * p->stride + j) * p->in_stride + c;
                for (int q = 0; q < num_quads; q++) {
                    const uint8_t *const *rows = (const uint8_t *const *)p->rows + 4 * q;
                    struct quads a[2];
                    struct weights w[2];
                    column_quads(rows, p->kh - 4 * q, at, lanes, a);
                    load_weights((const int8_t *)p->weights + 4 * ((j * num_quads + q) * p->weight_stride + c), w);
                    sum[0] = dot(sum[0], a[0], w[0]);
                    sum[1] = dot(sum[1], a[1], w[1]);
                }
            }
            const struct finish f = finish_at(p, c);
            store_sums(p, &f, m, c, lanes, sum);
        }
    }
}

static void depthwise_u8(const struct depthwise_args *p) {
    if (p->kh == 3 && p->kw == 3 && p->stride == 1) {
        depthwise_3x3_row(p, 1);
    } else if (p->kh == 3 && p->kw == 3 && p->stride == 2) {
        depthwise_3x3_row(p, 2);
    } else {
        depthwise_any(p);
    }
}
