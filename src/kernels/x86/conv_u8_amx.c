/* Quantised convolution rows by AMX: tdpbusd multiplies 16 pixels x 64 k by 64 k x 16 channels, uint8 by int8, and sums
 * in int32. */
#include "kernels/x86/amx.h"
#include "kernels/x86/kernels_x86.h"
#include "kernels/x86/vec_avx512.h"

typedef uint8_t ELEM;
typedef int32_t SUM;
#define multiply(c, a, b) _tile_dpbusd(c, a, b)

/* What the sums of 32 channels need to become outputs. */
struct finish {
    __m512 multiplier[2], bias[2];
    __m512 addend_scale, addend_offset;
    __m512i low, high; /* whole numbers of 0..255, 16 lanes */
    __m512i low_bytes, high_bytes;
};

static void finish_start(const struct conv_args *p, int n, int width, struct finish *f) {
    for (int v = 0; v < 2; v++) {
        const int at = 16 * v < width ? n + 16 * v : n;
        f->multiplier[v] = _mm512_loadu_ps(p->multiplier + at);
        f->bias[v] = p->bias ? _mm512_loadu_ps(p->bias + at) : _mm512_setzero_ps();
    }
    f->addend_scale = _mm512_set1_ps(p->addend_scale);
    f->addend_offset = _mm512_set1_ps(p->addend_offset);
    f->low = vec_bound_u8(p->low);
    f->high = vec_bound_u8(p->high);
    f->low_bytes = vec_bound_bytes(p->low);
    f->high_bytes = vec_bound_bytes(p->high);
}

static inline __attribute__((always_inline)) __m512 value_of(const struct conv_args *p, const struct finish *f,
                                                             const int32_t *sums, const int v, ptrdiff_t addend_at,
                                                             __mmask16 mask) {
    __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums + 16 * v)), f->multiplier[v], f->bias[v]);
    if (p->addend && p->out_type == ELEM_F32) {
        return _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, (const float *)p->addend + addend_at + 16 * v));
    }
    if (p->addend) {
        __m128i bytes = vec_load_u8((const uint8_t *)p->addend + addend_at + 16 * v, mask);
        __m512 addend = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
        value = _mm512_add_ps(value, _mm512_fmadd_ps(addend, f->addend_scale, f->addend_offset));
    }
    return value;
}

static inline __m512i finish_sums(const int32_t *sums, __m512 multiplier, __m512 bias) {
    return vec_whole_u8(_mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums)), multiplier, bias));
}

static inline __m512i finish_added(const int32_t *sums, __m512 multiplier, __m512 bias, const uint8_t *addend,
                                   __m512 addend_scale, __m512 addend_offset) {
    const __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums)), multiplier, bias);
    const __m512 added =
        _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)addend)));
    return vec_whole_u8(_mm512_add_ps(value, _mm512_fmadd_ps(added, addend_scale, addend_offset)));
}

/* Two pixels of 32 channels become 64 bytes. Everything the loop needs is in registers: bytes written could alias the
 * arguments. */
static inline __attribute__((always_inline)) void store_bytes(const struct conv_args *p, const struct finish *f, int m,
                                                              int n, const int32_t *sums, const bool adds) {
    const __m512i low = f->low_bytes, high = f->high_bytes;
    const __m512 multiplier0 = f->multiplier[0], multiplier1 = f->multiplier[1], bias0 = f->bias[0], bias1 = f->bias[1];
    const __m512 scale = f->addend_scale, offset = f->addend_offset;
    const ptrdiff_t out_stride = p->out_stride, addend_stride = p->addend_stride;
    uint8_t *out = (uint8_t *)p->out + m * out_stride + n;
    const uint8_t *addend = adds ? (const uint8_t *)p->addend + m * addend_stride + n : NULL;
    for (int i = 0; i < AMX_PIXELS; i += 2, sums += 4 * KERNEL_BLOCK, out += 2 * out_stride) {
        __m512i i0, i1, j0, j1;
        if (adds) {
            const uint8_t *next = addend + addend_stride;
            i0 = finish_added(sums, multiplier0, bias0, addend, scale, offset);
            i1 = finish_added(sums + 16, multiplier1, bias1, addend + 16, scale, offset);
            j0 = finish_added(sums + 32, multiplier0, bias0, next, scale, offset);
            j1 = finish_added(sums + 48, multiplier1, bias1, next + 16, scale, offset);
            addend = next + addend_stride;
        } else {
            i0 = finish_sums(sums, multiplier0, bias0);
            i1 = finish_sums(sums + 16, multiplier1, bias1);
            j0 = finish_sums(sums + 32, multiplier0, bias0);
            j1 = finish_sums(sums + 48, multiplier1, bias1);
        }
        const __m512i bytes = _mm512_min_epu8(high, _mm512_max_epu8(low, vec_pack_u8(i0, i1, j0, j1)));
        _mm256_storeu_si256((__m256i *)(void *)out, _mm512_castsi512_si256(bytes));
        _mm256_storeu_si256((__m256i *)(void *)(out + out_stride), _mm512_extracti64x4_epi64(bytes, 1));
    }
}

static inline void store_pixels(const struct conv_args *p, const struct finish *f, int m, int n, int width, int first,
                                int end, const int32_t *sums) {
    if (width == 32 && p->out_type == ELEM_U8 && first == 0 && end == AMX_PIXELS && !p->addend) {
        store_bytes(p, f, m, n, sums, false);
        return;
    }
    if (width == 32 && p->out_type == ELEM_U8 && first == 0 && end == AMX_PIXELS) {
        store_bytes(p, f, m, n, sums, true);
        return;
    }
    for (int i = first; i < end; i++) {
        for (int v = 0; 16 * v < width; v++) {
            const __mmask16 mask = tail_mask(width - 16 * v);
            const ptrdiff_t at = (m + i) * p->out_stride + n + 16 * v;
            const __m512 value = value_of(p, f, sums + i * 2 * KERNEL_BLOCK, v, (m + i) * p->addend_stride + n, mask);
            if (p->out_type == ELEM_F32) {
                vec_store_f32((float *)p->out + at, mask, vec_clamp(value, p->low, p->high));
            } else {
                vec_store_u8((uint8_t *)p->out + at, mask, vec_round_u8(value, f->low, f->high));
            }
        }
    }
}

static void conv_narrow(const struct conv_args *p) { conv_u8_avx512vnni(p); }

#include "kernels/x86/conv_tiles_amx.h"

void conv_u8_amx(const struct conv_args *p) { conv_tiles(p); }
