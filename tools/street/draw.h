/* A small renderer: flat faces, rounded limbs and leafy puffs in space, with depth, light and a label for each sample.
 *
 * Space: x to the right, y up from the road, z forward; metres. The camera stands above the origin and looks along z.
 * Everything is drawn into samples, 2 x 2 for each pixel of the picture. */
#ifndef STREET_DRAW_H
#define STREET_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "noise.h"

struct vec {
    float x, y, z;
};
struct colour {
    float r, g, b; /* 0..1 */
};

static inline struct vec vec(float x, float y, float z) { return (struct vec){x, y, z}; }
static inline struct vec vec_add(struct vec a, struct vec b) { return vec(a.x + b.x, a.y + b.y, a.z + b.z); }
static inline struct vec vec_sub(struct vec a, struct vec b) { return vec(a.x - b.x, a.y - b.y, a.z - b.z); }
static inline struct vec vec_scale(struct vec a, float s) { return vec(a.x * s, a.y * s, a.z * s); }
static inline float vec_dot(struct vec a, struct vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline struct vec vec_cross(struct vec a, struct vec b) {
    return vec(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}
static inline struct vec vec_mix(struct vec a, struct vec b, float t) {
    return vec_add(vec_scale(a, 1 - t), vec_scale(b, t));
}
struct vec vec_unit(struct vec a);

static inline struct colour colour(float r, float g, float b) { return (struct colour){r, g, b}; }
static inline struct colour colour_scale(struct colour a, float s) { return colour(a.r * s, a.g * s, a.b * s); }
static inline struct colour colour_mix(struct colour a, struct colour b, float t) {
    return colour(a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t);
}
/* The C library's fminf and fmaxf are calls, because of rules for NaN that do not matter here. */
static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }
static inline float clamp_unit(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
/* 0 below low, 1 above high, smooth between. */
static inline float smooth_step(float low, float high, float x) {
    float t = clamp_unit((x - low) / (high - low));
    return t * t * (3 - 2 * t);
}

/* Cityscapes label ids of what is drawn. */
enum label_id {
    ID_EGO_VEHICLE = 1,
    ID_STATIC = 4,
    ID_DYNAMIC = 5,
    ID_ROAD = 7,
    ID_SIDEWALK = 8,
    ID_PARKING = 9,
    ID_RAIL_TRACK = 10,
    ID_BUILDING = 11,
    ID_WALL = 12,
    ID_FENCE = 13,
    ID_POLE = 17,
    ID_TRAFFIC_LIGHT = 19,
    ID_TRAFFIC_SIGN = 20,
    ID_VEGETATION = 21,
    ID_TERRAIN = 22,
    ID_SKY = 23,
    ID_PERSON = 24,
    ID_RIDER = 25,
    ID_CAR = 26,
    ID_TRUCK = 27,
    ID_BUS = 28,
    ID_TRAIN = 31,
    ID_MOTORCYCLE = 32,
    ID_BICYCLE = 33,
};

/* Something that keeps light off the road: a box that stands on it. */
struct shade_box {
    float x0, x1, z0, z1, height;
    float left, right, near, far; /* what its shadow covers at most */
};

enum { MAX_SHADE_BOXES = 256, SHADE_BINS = 128, SHADE_BIN_METRES = 3, MAX_IN_BIN = 48 };

struct light {
    struct vec sun; /* unit vector toward it */
    float sun_strength, ambient;
    struct colour sun_colour, haze, sky_top, sky_low;
    float haze_distance; /* metres */
    float clouds;        /* 0 clear .. 1 covered */
    uint32_t cloud_seed;
};

struct canvas {
    int width, height;              /* samples */
    float focal, centre_x, horizon; /* samples */
    float camera_height;
    struct light light;
    uint8_t *rgb;   /* [height, width, 3] */
    float *depth;   /* [height, width] metres along z, infinite where nothing is */
    uint8_t *label; /* [height, width] */
    struct shade_box shade[MAX_SHADE_BOXES];
    int num_shade;
    uint8_t bins[SHADE_BINS][MAX_IN_BIN];
    int bin_count[SHADE_BINS];
};

/* One place of a surface, as a paint sees it. */
struct spot {
    float u, v;      /* metres in the frame of the face */
    struct vec at;   /* in space */
    float footprint; /* metres that a sample covers */
    /* What the paint fills: */
    struct colour colour;
    float shine; /* 0 dull .. 1 mirror */
    float glow;  /* 0 lit from outside .. 1 a lamp */
    uint8_t label;
};

/* How a surface looks. `shade` fills the spot, whose colour, shine 0 and label are preset from here; false is a hole.
 */
struct paint {
    bool (*shade)(const struct paint *paint, struct spot *spot);
    struct colour base, accent;
    float shine;
    uint8_t label;
    uint32_t seed;
    float a, b, c, d; /* what each kind of paint makes of them */
    const void *more;
};

/* A frame for u and v: origin and two unit vectors in the face's plane. */
struct frame {
    struct vec origin, u, v;
};

/* Returns false when out of memory. Sizes are those of the picture. */
bool canvas_create(struct canvas *canvas, int width, int height);
void canvas_free(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);

/* A flat polygon of at most 24 points. */
void draw_face(struct canvas *canvas, const struct vec *points, int count, struct frame frame,
               const struct paint *paint);
/* A parallelogram with the corners origin, origin + u, origin + u + v, origin + v; u and v in metres from the origin.
 */
void draw_quad(struct canvas *canvas, struct vec origin, struct vec u, struct vec v, const struct paint *paint);
/* A round bar from a to b, with its own radius at either end; a ball where a is b. */
void draw_limb(struct canvas *canvas, struct vec a, float radius_a, struct vec b, float radius_b,
               const struct paint *paint);
/* A ball of leaves: ragged outline and mottled light. */
void draw_puff(struct canvas *canvas, struct vec centre, float radius, const struct paint *paint);
void draw_sky(struct canvas *canvas);

/* Boxes must be added before what they fall upon is drawn. */
void add_shade(struct canvas *canvas, float x0, float x1, float z0, float z1, float height);
/* Light that is left at a place of the ground: 1 all, 0 none; separately that from the sun and from the sky. */
void ground_light(const struct canvas *canvas, float x, float z, float *sun, float *sky);

/* Samples -> pixels: rgb [height / 2, width / 2, 3] with grain of the camera, labels [height / 2, width / 2]. */
void canvas_develop(const struct canvas *canvas, uint32_t seed, uint8_t *rgb, uint8_t *labels);

#endif
