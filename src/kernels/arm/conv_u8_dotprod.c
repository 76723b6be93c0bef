/* Quantised convolution rows by the AArch64 dot product. SDOT multiplies bytes that are both signed: values are taken
 * less 128, and 128 times the sum of a channel's weights is where its sums start. */
#include "kernels/arm/kernels_arm.h"
#include "kernels/arm/vec_neon.h"

#define QUADS 4
typedef int8x16_t values;

static inline values less_128(uint8x16_t in) { return vreinterpretq_s8_u8(veorq_u8(in, vdupq_n_u8(0x80))); }
static inline values load_values(const uint8_t *in) { return less_128(vld1q_u8(in)); }

static inline values load_one_quad(const uint8_t *in) {
    uint32_t quad;
    memcpy(&quad, in, sizeof(quad));
    return less_128(vreinterpretq_u8_u32(vdupq_n_u32(quad)));
}

#define SUM_QUAD(q)                                                                                                    \
    {                                                                                                                  \
        const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + 16);                                                       \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {                                                       \
            sum[i][0] = vdotq_laneq_s32(sum[i][0], w0, a[i], q);                                                       \
            sum[i][1] = vdotq_laneq_s32(sum[i][1], w1, a[i], q);                                                       \
        }                                                                                                              \
        w += 4 * KERNEL_BLOCK;                                                                                         \
    }

static inline void start_at(const struct conv_args *p, const int8_t *w, int32x4_t start[2]) {
    const int8x16_t ones = vdupq_n_s8(1);
    int32x4_t sum[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int s = 0; s < p->num_segments; s++) {
        for (int k = 0; k < p->segments[s].length; k += 4, w += 4 * KERNEL_BLOCK) {
            sum[0] = vdotq_s32(sum[0], vld1q_s8(w), ones);
            sum[1] = vdotq_s32(sum[1], vld1q_s8(w + 16), ones);
        }
    }
    start[0] = vshlq_n_s32(sum[0], 7);
    start[1] = vshlq_n_s32(sum[1], 7);
}

#include "kernels/arm/conv_u8_neon.h"

static void conv_u8_dotprod(const struct conv_args *p) { conv_tiles(p); }

void kernels_fill_dotprod(struct kernels *k) { k->conv[ELEM_U8] = conv_u8_dotprod; }
