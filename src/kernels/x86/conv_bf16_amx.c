/* bfloat16 convolution rows by AMX: tdpbf16ps multiplies 16 pixels x 32 k by 32 k x 16 channels and sums in float32. */
#include "kernels/x86/amx.h"
#include "kernels/x86/bf16_avx512.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

typedef uint16_t ELEM;
typedef float SUM;
#define multiply(c, a, b) _tile_dpbf16ps(c, a, b)

/* What the sums of 32 channels need to become outputs. */
struct finish {
    __m512 bias[2], low, high;
};

static void finish_start(const struct conv_args *p, int n, int width, struct finish *f) {
    for (int v = 0; v < 2; v++) {
        f->bias[v] = p->bias ? _mm512_loadu_ps(p->bias + (16 * v < width ? n + 16 * v : n)) : _mm512_setzero_ps();
    }
    f->low = _mm512_set1_ps(p->low);
    f->high = _mm512_set1_ps(p->high);
}

static inline __m512 value_of(const struct conv_args *p, const float *sums, __m512 bias, ptrdiff_t addend_at,
                              __mmask16 mask) {
    __m512 value = _mm512_add_ps(_mm512_load_ps(sums), bias);
    if (p->addend && p->out_type == ELEM_F32) {
        value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, (const float *)p->addend + addend_at));
    } else if (p->addend) {
        value = _mm512_add_ps(value, load_bf16(mask, (const uint16_t *)p->addend + addend_at));
    }
    return vec_clamp(value, p->low, p->high);
}

/* Whole pixels of 32 channels, 64 bytes each. Everything the loop needs is in registers: what it writes could alias the
 * arguments. */
static inline __attribute__((always_inline)) void store_halves(const struct conv_args *p, const struct finish *f, int m,
                                                               int n, int first, int end, const float *sums,
                                                               const bool adds) {
    const __m512 low = f->low, high = f->high, bias0 = f->bias[0], bias1 = f->bias[1];
    const ptrdiff_t out_stride = p->out_stride, addend_stride = p->addend_stride;
    uint16_t *out = (uint16_t *)p->out + (m + first) * out_stride + n;
    const uint16_t *addend = adds ? (const uint16_t *)p->addend + (m + first) * addend_stride + n : NULL;
    const float *sum = sums + first * 2 * KERNEL_BLOCK, *last = sums + end * 2 * KERNEL_BLOCK;
    for (; sum < last; sum += 2 * KERNEL_BLOCK, out += out_stride) {
        __m512 value0 = _mm512_add_ps(_mm512_load_ps(sum), bias0);
        __m512 value1 = _mm512_add_ps(_mm512_load_ps(sum + 16), bias1);
        if (adds) {
            value0 = _mm512_add_ps(value0, load_bf16(0xffff, addend));
            value1 = _mm512_add_ps(value1, load_bf16(0xffff, addend + 16));
            addend += addend_stride;
        }
        value0 = _mm512_min_ps(high, _mm512_max_ps(low, value0));
        value1 = _mm512_min_ps(high, _mm512_max_ps(low, value1));
        _mm512_storeu_si512(out, (__m512i)_mm512_cvtne2ps_pbh(value1, value0));
    }
}

static inline void store_pixels(const struct conv_args *p, const struct finish *f, int m, int n, int width, int first,
                                int end, const float *sums) {
    if (width == 32 && p->out_type == ELEM_BF16 && !p->addend) {
        store_halves(p, f, m, n, first, end, sums, false);
        return;
    }
    if (width == 32 && p->out_type == ELEM_BF16) {
        store_halves(p, f, m, n, first, end, sums, true);
        return;
    }
    for (int i = first; i < end; i++) {
        const float *pixel = sums + i * 2 * KERNEL_BLOCK;
        const ptrdiff_t at = (m + i) * p->out_stride + n, added = (m + i) * p->addend_stride + n;
        for (int v = 0; 16 * v < width; v++) {
            const __mmask16 mask = tail_mask(width - 16 * v);
            const __m512 value = value_of(p, pixel + 16 * v, f->bias[v], added + 16 * v, mask);
            if (p->out_type == ELEM_F32) {
                vec_store_f32((float *)p->out + at + 16 * v, mask, value);
            } else {
                store_bf16((uint16_t *)p->out + at + 16 * v, mask, value);
            }
        }
    }
}

static void conv_narrow(const struct conv_args *p) { conv_bf16_avx512(p); }

#include "kernels/x86/conv_tiles_amx.h"

void conv_bf16_amx(const struct conv_args *p) { conv_tiles(p); }
