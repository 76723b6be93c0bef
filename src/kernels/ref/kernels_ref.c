/* The plain C kernels: the specification of each operation, and the fallback. */
#include "kernels/kernels.h"

#include "tensor/tensor.h"

static float clamp(float value, float low, float high) {
    value = value < low ? low : value;
    return value > high ? high : value;
}

static void conv_f32_ref(const struct conv_args *p) {
    for (int m = 0; m < p->pixels; m++) {
        for (int n0 = 0; n0 < p->channels; n0 += KERNEL_BLOCK) {
            int width = p->channels - n0 < KERNEL_BLOCK ? p->channels - n0 : KERNEL_BLOCK;
            const float *w = p->weights + n0 / KERNEL_BLOCK * p->block_stride;
            float sum[KERNEL_BLOCK];
            for (int n = 0; n < KERNEL_BLOCK; n++) {
                sum[n] = p->bias ? p->bias[n0 + n] : 0.0F;
            }
            for (int s = 0; s < p->num_segments; s++) {
                const float *a = p->segments[s].a + m * p->segments[s].pixel_stride;
                for (int k = 0; k < p->segments[s].length; k++, w += KERNEL_BLOCK) {
                    for (int n = 0; n < KERNEL_BLOCK; n++) {
                        sum[n] += a[k] * w[n];
                    }
                }
            }
            for (int n = 0; n < width; n++) {
                float r = p->residual ? p->residual[m * p->residual_stride + n0 + n] : 0.0F;
                p->out[m * p->out_stride + n0 + n] = clamp(sum[n] + r, p->low, p->high);
            }
        }
    }
}

static void depthwise_f32_ref(const struct depthwise_args *p) {
    for (int m = 0; m < p->pixels; m++) {
        for (int c = 0; c < p->channels; c++) {
            float sum = p->bias[c];
            for (int i = 0; i < p->kh; i++) {
                for (int j = 0; j < p->kw; j++) {
                    sum += p->rows[i][(m * p->stride + j) * p->in_stride + c] *
                           p->weights[(i * p->kw + j) * p->weight_stride + c];
                }
            }
            p->out[m * p->out_stride + c] = clamp(sum, p->low, p->high);
        }
    }
}

static float lerp(float a, float b, float fraction) { return a + fraction * (b - a); }

static void resize_f32_ref(const struct resize_args *p) {
    for (int x = 0; x < p->in_width; x++) {
        for (int c = 0; c < p->channels; c++) {
            p->scratch[x * p->channels + c] =
                lerp(p->upper[x * p->in_stride + c], p->lower[x * p->in_stride + c], p->fraction_y);
        }
    }
    for (int x = 0; x < p->pixels; x++) {
        const float *left = p->scratch + p->taps[x].x0 * p->channels;
        const float *right = p->scratch + p->taps[x].x1 * p->channels;
        for (int c = 0; c < p->channels; c++) {
            float value = lerp(left[c], right[c], p->taps[x].fraction);
            value += p->addend ? p->addend[x * p->addend_stride + c] : 0.0F;
            p->out[x * p->out_stride + c] = clamp(value, p->low, p->high);
        }
    }
}

static void blend_planes(const struct upsample_args *p) {
    for (int c = 0; c < p->channels; c++) {
        for (int x = 0; x < p->in_width; x++) {
            ptrdiff_t i = c * p->in_plane + x;
            p->scratch[i] = lerp(p->upper[i], p->lower[i], p->fraction_y);
        }
    }
}

static void upsample_f32_ref(const struct upsample_args *p) {
    blend_planes(p);
    for (int c = 0; c < p->channels; c++) {
        const float *in = p->scratch + c * p->in_plane;
        float *out = (float *)p->out + c * p->out_plane;
        for (int x = 0; x < p->pixels; x++) {
            out[x] = lerp(in[p->taps[x].x0], in[p->taps[x].x1], p->taps[x].fraction);
        }
    }
}

static void upsample_labels_ref(const struct upsample_args *p) {
    blend_planes(p);
    uint8_t *out = p->out;
    for (int x = 0; x < p->pixels; x++) {
        const struct tap *tap = &p->taps[x];
        float best = lerp(p->scratch[tap->x0], p->scratch[tap->x1], tap->fraction);
        out[x] = 0;
        for (int c = 1; c < p->channels; c++) {
            const float *in = p->scratch + c * p->in_plane;
            float value = lerp(in[tap->x0], in[tap->x1], tap->fraction);
            if (value > best) {
                best = value;
                out[x] = (uint8_t)c;
            }
        }
    }
}

static void load_u8_ref(const uint8_t *in, int width, const float (*table)[256], float *out) {
    for (int x = 0; x < width; x++) {
        out[3 * x] = table[0][in[3 * x]];
        out[3 * x + 1] = table[1][in[3 * x + 1]];
        out[3 * x + 2] = table[2][in[3 * x + 2]];
    }
}

static void interleave_f32_ref(const float *planes, ptrdiff_t plane_stride, int width, int channels, float *out) {
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < channels; c++) {
            out[x * channels + c] = planes[c * plane_stride + x];
        }
    }
}

static void deinterleave_f32_ref(const float *in, ptrdiff_t in_stride, int width, int channels, float *planes,
                                 ptrdiff_t plane_stride) {
    for (int c = 0; c < channels; c++) {
        for (int x = 0; x < width; x++) {
            planes[c * plane_stride + x] = in[x * in_stride + c];
        }
    }
}

static void add_f32_ref(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                        int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < channels; c++) {
            float value = in[x * in_stride + c] + (addend ? addend[x * addend_stride + c] : 0.0F);
            out[x * out_stride + c] = clamp(value, low, high);
        }
    }
}

static void sum_f32_ref(const float *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    for (int x = 0; x < pixels; x++) {
        for (int c = 0; c < channels; c++) {
            out[c] += in[x * in_stride + c];
        }
    }
}

static void to_half_ref(const float *in, size_t count, uint16_t *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = float_to_half(in[i]);
    }
}

void kernels_fill_ref(struct kernels *k) {
    *k = (struct kernels){
        .isa = "c",
        .conv_f32 = conv_f32_ref,
        .depthwise_f32 = depthwise_f32_ref,
        .resize_f32 = resize_f32_ref,
        .upsample_f32 = upsample_f32_ref,
        .upsample_labels = upsample_labels_ref,
        .load_u8 = load_u8_ref,
        .interleave_f32 = interleave_f32_ref,
        .deinterleave_f32 = deinterleave_f32_ref,
        .add_f32 = add_f32_ref,
        .sum_f32 = sum_f32_ref,
        .to_half = to_half_ref,
    };
}
