/* Random numbers and noise that depend on a seed alone. */
#ifndef STREET_NOISE_H
#define STREET_NOISE_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint32_t random_bits(struct random *r) { /* splitmix64 */
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}
/* Between low and high. */
static inline float random_range(struct random *r, float low, float high) {
    return low + (high - low) * (float)(random_bits(r) >> 8) * (1.0F / 16777216.0F);
}
static inline bool random_chance(struct random *r, float probability) { return random_range(r, 0, 1) < probability; }
/* 0..count-1 */
static inline int random_below(struct random *r, int count) { return (int)(random_bits(r) % (uint32_t)count); }

/* A hash of a cell of a grid, 0..1. */
float cell_value(int x, int y, uint32_t seed);
/* Smooth noise with features of size 1, 0..1. */
float smooth_noise(float x, float y, uint32_t seed);
/* Sum of noises of size 1, 1/2, 1/4, ... down to `finest`, with halving weight; about 0..1, mean 0.5. */
float layered_noise(float x, float y, float finest, uint32_t seed);

#endif
