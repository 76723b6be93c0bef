/* Surfaces of a street. */
#ifndef STREET_PAINT_H
#define STREET_PAINT_H

#include "draw.h"

/* The road as seen from above; x positions and distances in metres. */
struct road_plan {
    float left, right;
    int num_lines;
    float line_x[8];
    bool dashed[8];
    float cross0, cross1; /* a crossing street lies between these distances; both far beyond where there is none */
    bool zebra;
    float rail_x; /* middle of a tram track, beyond 1000 where there is none */
    uint32_t seed;
};

struct paint paint_plain(struct colour base, uint8_t label);
/* Uneven: noise with spots of `size` metres and strength `contrast`. */
struct paint paint_rough(struct colour base, uint8_t label, float size, float contrast, uint32_t seed);
/* Whole ground at height 0: `plan` must outlive the paint. u is x, v is z. */
struct paint paint_ground(const struct road_plan *plan, struct colour asphalt, uint32_t seed);
/* Slabs of `size` metres. */
struct paint paint_paving(struct colour base, float size, uint32_t seed);
struct paint paint_grass(uint32_t seed);
/* A house front of width x height metres; v is the height above the ground. */
struct paint paint_facade(struct colour wall, struct colour trim, float width, float height, bool shops, uint32_t seed);
struct paint paint_roof(struct colour tiles, uint32_t seed);
struct paint paint_bricks(struct colour base, uint8_t label, uint32_t seed);
/* Upright bars every `pitch` metres between two rails, `height` metres high; holes between. */
struct paint paint_bars(struct colour base, float pitch, float height, uint8_t label);
/* Boards every `pitch` metres. */
struct paint paint_boards(struct colour base, float pitch, uint8_t label, uint32_t seed);
struct paint paint_leaves(struct random *random);
/* A disc or triangle of a traffic sign in a square of side 2a around the origin of u, v. */
enum sign_kind {
    SIGN_STOP_AHEAD,
    SIGN_SPEED,
    SIGN_BLUE,
    SIGN_WARNING,
    SIGN_YIELD,
    SIGN_PRIORITY,
    SIGN_BOARD,
    SIGN_KINDS
};
struct paint paint_sign(enum sign_kind kind, float half_side);

#endif
