/* Weights in the order in which kernels stream them. */
#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "tensor/tensor.h"

/* Room for `bytes` more at an aligned offset, zeroed; NULL when out of memory. */
static void *append(struct pack *pack, size_t bytes, uint64_t *offset) {
    size_t at = (pack->size + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
    *offset = at;
    if (at + bytes > pack->capacity) {
        size_t capacity = 2 * pack->capacity > at + bytes ? 2 * pack->capacity : at + bytes;
        capacity = (capacity + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
        uint8_t *grown = aligned_alloc(PLAN_ALIGN, capacity); /* vector loads must not straddle cache lines */
        if (!grown) {
            pack->failed = true;
            return NULL;
        }
        if (pack->size) {
            memcpy(grown, pack->bytes, pack->size);
        }
        free(pack->bytes);
        pack->bytes = grown;
        pack->capacity = capacity;
    }
    memset(pack->bytes + pack->size, 0, at + bytes - pack->size);
    pack->size = at + bytes;
    return pack->bytes + at;
}

uint64_t pack_conv(struct pack *pack, int type, const float *weights, int channels, size_t k) {
    uint64_t offset;
    void *out = append(pack, plan_blocks(channels) * k * PLAN_BLOCK * elem_size(type), &offset);
    for (size_t n = 0; out && n < (size_t)channels; n++) {
        size_t block = n / PLAN_BLOCK * k * PLAN_BLOCK, lane = n % PLAN_BLOCK;
        for (size_t i = 0; i < k; i++) {
            if (type == ELEM_F32) {
                ((float *)out)[block + i * PLAN_BLOCK + lane] = weights[n * k + i];
            } else {
                size_t pair = block + i / 2 * 2 * PLAN_BLOCK;
                ((uint16_t *)out)[pair + lane * 2 + i % 2] = float_to_bfloat16(weights[n * k + i]);
            }
        }
    }
    pack->parameters += (uint64_t)channels * k;
    return offset;
}

uint64_t pack_quads(struct pack *pack, const int8_t *weights, int channels, size_t k) {
    uint64_t offset;
    int8_t *out = append(pack, plan_blocks(channels) * k * PLAN_BLOCK, &offset);
    for (size_t n = 0; out && n < (size_t)channels; n++) {
        int8_t *block = out + n / PLAN_BLOCK * k * PLAN_BLOCK + n % PLAN_BLOCK * 4;
        for (size_t i = 0; i < k; i++) {
            block[i / 4 * 4 * PLAN_BLOCK + i % 4] = weights[n * k + i];
        }
    }
    pack->parameters += (uint64_t)channels * k;
    return offset;
}

uint64_t pack_depthwise_quads(struct pack *pack, const int8_t *weights, int channels, int kh, int kw) {
    uint64_t offset;
    size_t stride = plan_blocks(channels) * PLAN_BLOCK, quads = ((size_t)kh + 3) / 4;
    int8_t *out = append(pack, (size_t)kw * quads * stride * 4, &offset);
    for (size_t c = 0; out && c < (size_t)channels; c++) {
        for (size_t i = 0; i < (size_t)kh; i++) {
            for (size_t j = 0; j < (size_t)kw; j++) {
                out[((j * quads + i / 4) * stride + c) * 4 + i % 4] = weights[(c * (size_t)kh + i) * (size_t)kw + j];
            }
        }
    }
    pack->parameters += (uint64_t)channels * (size_t)kh * (size_t)kw;
    return offset;
}

uint64_t pack_depthwise(struct pack *pack, const float *weights, int channels, size_t taps) {
    uint64_t offset;
    size_t stride = plan_blocks(channels) * PLAN_BLOCK;
    float *out = append(pack, taps * stride * sizeof(float), &offset);
    for (size_t c = 0; out && c < (size_t)channels; c++) {
        for (size_t i = 0; i < taps; i++) {
            out[i * stride + c] = weights[c * taps + i];
        }
    }
    pack->parameters += (uint64_t)channels * taps;
    return offset;
}

uint64_t pack_bias(struct pack *pack, const float *bias, int channels) {
    uint64_t offset;
    float *out = append(pack, plan_blocks(channels) * PLAN_BLOCK * sizeof(float), &offset);
    if (out && bias) {
        memcpy(out, bias, (size_t)channels * sizeof(float));
        pack->parameters += (uint64_t)channels;
    }
    return offset;
}

uint64_t pack_pool(struct pack *pack, const struct pool_attr *pool) {
    const struct pool_axis *axes[] = {&pool->h, &pool->w};
    uint64_t offset;
    struct pool_bin *out = append(pack, (size_t)(pool->h.bins + pool->w.bins) * sizeof(struct pool_bin), &offset);
    for (int k = 0; out && k < 2; k++) {
        for (int i = 0; i < axes[k]->bins; i++) {
            *out++ = (struct pool_bin){axes[k]->start[i], axes[k]->end[i], axes[k]->divisor[i]};
        }
    }
    return offset;
}
