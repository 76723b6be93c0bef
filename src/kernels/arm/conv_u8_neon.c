/* Quantised convolution rows by AArch64 NEON without its dot product: values and weights are widened to int16, whose
 * products are summed in int32. */
#include "kernels/arm/kernels_arm.h"
#include "kernels/arm/vec_neon.h"

#define QUADS 2
typedef int16x8_t values;

static inline values load_values(const uint8_t *in) { return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(in))); }

static inline values load_one_quad(const uint8_t *in) {
    uint32_t quad;
    memcpy(&quad, in, sizeof(quad));
    return vreinterpretq_s16_u16(vmovl_u8(vcreate_u8(quad)));
}

#define SUM_ONE(weights, k)                                                                                            \
    {                                                                                                                  \
        const int16x8_t wide = vmovl_s8(weights);                                                                      \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {                                                       \
            sum[i][0] = vmlal_laneq_s16(sum[i][0], vget_low_s16(wide), a[i], k);                                       \
            sum[i][1] = vmlal_high_laneq_s16(sum[i][1], wide, a[i], k);                                                \
        }                                                                                                              \
    }

#define SUM_QUAD(q)                                                                                                    \
    {                                                                                                                  \
        const int8x8x4_t four = vld4_s8(w); /* each k's, of 8 channels */                                              \
        SUM_ONE(four.val[0], 4 * (q))                                                                                  \
        SUM_ONE(four.val[1], 4 * (q) + 1)                                                                              \
        SUM_ONE(four.val[2], 4 * (q) + 2)                                                                              \
        SUM_ONE(four.val[3], 4 * (q) + 3)                                                                              \
        w += 4 * KERNEL_BLOCK;                                                                                         \
    }

static inline void start_at(const struct conv_args *p, const int8_t *w, int32x4_t start[2]) {
    (void)p;
    (void)w;
    start[0] = start[1] = vdupq_n_s32(0);
}

#include "kernels/arm/conv_u8_neon.h"

void conv_u8_neon(const struct conv_args *p) { conv_tiles(p); }
