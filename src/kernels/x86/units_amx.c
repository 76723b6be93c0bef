/* Interleaving rows for the first convolution (kernels/units.h) by AVX-512 VBMI, which every processor with AMX has. */
#include <immintrin.h>

#include "kernels/x86/kernels_x86.h"

enum {
    VECTOR = 64,
    PERIOD = 9,                      /* vectors until units begin at the same place again */
    PERIOD_ROW = PERIOD * VECTOR / 3 /* bytes of each row in them */
};

/* Which bytes of the rows a vector takes, counted from `base`; of the first two rows, the second's begin at 64. */
struct deal {
    uint8_t first_two[VECTOR], third[VECTOR];
    __mmask64 from_third;
    int base;
};

static void make_deals(struct deal deals[PERIOD]) {
    for (int v = 0; v < PERIOD; v++) {
        struct deal *d = &deals[v];
        *d = (struct deal){.base = v * VECTOR / UNIT_BYTES * UNIT_ROW};
        for (int i = 0; i < VECTOR; i++) {
            const int at = v * VECTOR + i, row = at % UNIT_BYTES / UNIT_ROW;
            const int byte = at / UNIT_BYTES * UNIT_ROW + at % UNIT_ROW - d->base;
            if (row == 2) {
                d->from_third |= (__mmask64)1 << i;
                d->third[i] = (uint8_t)byte;
            } else {
                d->first_two[i] = (uint8_t)(row * VECTOR + byte);
            }
        }
    }
}

static inline __mmask64 first_bytes(int count) {
    return count >= VECTOR ? ~(__mmask64)0 : count > 0 ? ((__mmask64)1 << count) - 1 : 0;
}

void interleave_units_amx(const uint8_t *const *rows, int row_bytes, int units, uint8_t *out) {
    struct deal deals[PERIOD];
    int bytes = units * UNIT_BYTES;
    make_deals(deals);
    for (int from = 0; bytes > 0; from += PERIOD_ROW) {
        for (int v = 0; v < PERIOD && bytes > 0; v++, bytes -= VECTOR, out += VECTOR) {
            const struct deal *d = &deals[v];
            const int at = from + d->base;
            const __mmask64 mask = first_bytes(row_bytes - at);
            const __m512i a = _mm512_maskz_loadu_epi8(mask, rows[0] + at),
                          b = _mm512_maskz_loadu_epi8(mask, rows[1] + at),
                          c = _mm512_maskz_loadu_epi8(mask, rows[2] + at);
            const __m512i two = _mm512_permutex2var_epi8(a, _mm512_loadu_si512(d->first_two), b);
            _mm512_mask_storeu_epi8(out, first_bytes(bytes),
                                    _mm512_mask_permutexvar_epi8(two, d->from_third, _mm512_loadu_si512(d->third), c));
        }
    }
}
