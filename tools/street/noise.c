#include "noise.h"

float cell_value(int x, int y, uint32_t seed) {
    uint32_t h = (uint32_t)x * 0x8da6b343u ^ (uint32_t)y * 0xd8163841u ^ seed * 0xcb1ab31fu;
    h = (h ^ h >> 16) * 0x7feb352du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    h ^= h >> 16;
    return (float)(h >> 8) * (1.0F / 16777216.0F);
}

float smooth_noise(float x, float y, uint32_t seed) {
    int ix = (int)x - (x < 0), iy = (int)y - (y < 0); /* floorf is a call on machines without an instruction for it */
    float tx = x - (float)ix, ty = y - (float)iy;
    tx = tx * tx * (3 - 2 * tx);
    ty = ty * ty * (3 - 2 * ty);
    float top = cell_value(ix, iy, seed) * (1 - tx) + cell_value(ix + 1, iy, seed) * tx;
    float bottom = cell_value(ix, iy + 1, seed) * (1 - tx) + cell_value(ix + 1, iy + 1, seed) * tx;
    return top * (1 - ty) + bottom * ty;
}

float layered_noise(float x, float y, float finest, uint32_t seed) {
    float sum = 0, weight = 0.5F, size = 1;
    for (int i = 0; i < 6 && size >= finest; i++) {
        sum += weight * (smooth_noise(x / size, y / size, seed + (uint32_t)i) - 0.5F);
        weight *= 0.5F;
        size *= 0.5F;
    }
    return 0.5F + sum;
}
