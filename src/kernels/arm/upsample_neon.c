/* The last upsampling by AArch64 NEON: table lookups take the place of gathers. */
#include <stdbool.h>

#include "kernels/arm/kernels_arm.h"
#include "kernels/arm/vec_neon.h"

#include "kernels/rows_vec.h"

enum { RUN = 8, WINDOW = 8 };

/* Eight outputs: where their inputs start, and the bytes of each one's inputs in the 8 floats from there. Spans wider
 * than that (shrinking) are gathered one by one. */
struct run {
    const struct tap *taps;
    int base;
    bool wide;
    uint8x16_t bytes0[2], bytes1[2];
    vec fraction[2];
};

/* The bytes of float number index[0..3] of a table. */
static inline uint8x16_t bytes_of(const uint32_t *index) {
    return vreinterpretq_u8_u32(vmlaq_n_u32(vdupq_n_u32(0x03020100), vld1q_u32(index), 0x04040404));
}

static inline struct run run_at(const struct tap *taps, int x) {
    struct run r = {.taps = taps + x, .base = taps[x].x0};
    uint32_t index0[RUN], index1[RUN];
    float fraction[RUN];
    int last = 0;
    for (int i = 0; i < RUN; i++) {
        r.base = taps[x + i].x0 < r.base ? taps[x + i].x0 : r.base;
        last = taps[x + i].x1 > last ? taps[x + i].x1 : last;
    }
    for (int i = 0; i < RUN; i++) {
        index0[i] = (uint32_t)(taps[x + i].x0 - r.base);
        index1[i] = (uint32_t)(taps[x + i].x1 - r.base);
        fraction[i] = taps[x + i].fraction;
    }
    r.wide = last - r.base >= WINDOW;
    for (int h = 0; h < 2; h++) {
        r.bytes0[h] = bytes_of(index0 + 4 * h);
        r.bytes1[h] = bytes_of(index1 + 4 * h);
        r.fraction[h] = vec_load(fraction + 4 * h);
    }
    return r;
}

static inline void run_sample(const struct run *r, const float *plane, vec out[2]) {
    if (r->wide) {
        float left[RUN], right[RUN];
        for (int i = 0; i < RUN; i++) {
            left[i] = plane[r->taps[i].x0];
            right[i] = plane[r->taps[i].x1];
        }
        out[0] = vec_lerp(vec_load(left), vec_load(right), r->fraction[0]);
        out[1] = vec_lerp(vec_load(left + 4), vec_load(right + 4), r->fraction[1]);
        return;
    }
    const uint8x16x2_t table = {
        {vreinterpretq_u8_f32(vec_load(plane + r->base)), vreinterpretq_u8_f32(vec_load(plane + r->base + 4))}};
    for (int h = 0; h < 2; h++) {
        const vec left = vreinterpretq_f32_u8(vqtbl2q_u8(table, r->bytes0[h]));
        const vec right = vreinterpretq_f32_u8(vqtbl2q_u8(table, r->bytes1[h]));
        out[h] = vec_lerp(left, right, r->fraction[h]);
    }
}

void upsample_f32_neon(const struct upsample_args *p) {
    rows_blend_planes(p);
    for (int x = 0; x < p->pixels; x += RUN) {
        const struct run r = run_at(p->taps, x);
        const int lanes = p->pixels - x;
        float *out = (float *)p->out + x;
        for (int c = 0; c < p->channels; c++, out += p->out_plane) {
            vec value[2];
            run_sample(&r, p->scratch + c * p->in_plane, value);
            vec_store_row(ELEM_F32, out, 0, value[0], lanes);
            if (lanes > 4) {
                vec_store_row(ELEM_F32, out, 4, value[1], lanes - 4);
            }
        }
    }
}

void upsample_labels_neon(const struct upsample_args *p) {
    rows_blend_planes(p);
    for (int i = 0; i < TAP_GROUP / RUN * upsample_groups(p); i++) {
        const int x = upsample_pixel(p, i / (TAP_GROUP / RUN)) + RUN * (i % (TAP_GROUP / RUN));
        const struct run r = run_at(p->taps, x);
        vec best[2];
        uint32x4_t label[2] = {vdupq_n_u32(0), vdupq_n_u32(0)};
        run_sample(&r, p->scratch, best);
        for (int c = 1; c < p->channels; c++) {
            vec value[2];
            run_sample(&r, p->scratch + c * p->in_plane, value);
            for (int h = 0; h < 2; h++) {
                const uint32x4_t more = vcgtq_f32(value[h], best[h]);
                best[h] = vbslq_f32(more, value[h], best[h]);
                label[h] = vbslq_u32(more, vdupq_n_u32((uint32_t)c), label[h]);
            }
        }
        uint8_t labels[RUN];
        vst1_u8(labels, vmovn_u16(vcombine_u16(vmovn_u32(label[0]), vmovn_u32(label[1]))));
        for (int j = 0; j < RUN && x + j < p->pixels; j++) {
            ((uint8_t *)p->out)[x + j] = labels[j];
        }
    }
}
