#include "paint.h"

#include <math.h>

struct paint paint_plain(struct colour base, uint8_t label) {
    return (struct paint){.base = base, .label = label};
}

/* Finest noise worth drawing: half of what a sample covers. */
static float finest(const struct spot *spot, float size) { return 1.5F * spot->footprint / size; }

static float wrap(float value, float period) { return value - period * floorf(value / period); }

static bool shade_rough(const struct paint *paint, struct spot *spot) {
    float n = layered_noise(spot->u / paint->a, spot->v / paint->a, finest(spot, paint->a), paint->seed);
    spot->colour = colour_scale(spot->colour, 1 + paint->b * (n - 0.5F));
    return true;
}

struct paint paint_rough(struct colour base, uint8_t label, float size, float contrast, uint32_t seed) {
    return (struct paint){.shade = shade_rough, .base = base, .label = label, .a = size, .b = contrast, .seed = seed};
}

/* Asphalt: fine grain, large worn patches, darker mended strips, brighter wheel tracks. */
static struct colour asphalt_at(const struct paint *paint, const struct spot *spot) {
    float x = spot->u, z = spot->v;
    float grain = layered_noise(x / 0.05F, z / 0.05F, finest(spot, 0.05F), paint->seed + 9);
    float patch = layered_noise(x / 3.5F, z / 9, 0.1F, paint->seed + 1);
    float mend = smooth_noise(x / 2.2F, z / 14, paint->seed + 2);
    float track = 0.5F + 0.5F * cosf((x - 0.1F) * 3.7F);
    float light = 1 + 0.30F * (patch - 0.5F) + 0.05F * track + 0.22F * (grain - 0.5F);
    if (mend > 0.86F) {
        light *= 0.86F;
    }
    /* Cracks and seams. */
    float seam = fabsf(wrap(x + 0.25F * smooth_noise(z / 4, 0, paint->seed + 3), 3.3F) - 1.65F);
    if (seam < 0.02F + spot->footprint * 0.5F && smooth_noise(z / 6, x, paint->seed + 4) > 0.45F) {
        light *= 0.82F;
    }
    return colour_scale(paint->base, light);
}

/* How much white paint covers a place of the road, 0..1. */
static float marking_at(const struct road_plan *plan, float x, float z) {
    float before = plan->cross0 - 1;
    if (z > before - 5.5F && z < plan->cross1 + 6.5F) {
        bool in_road = x > plan->left && x < plan->right;
        if (plan->zebra && in_road && z > before - 4 && z < before - 0.5F) {
            return wrap(x, 1) < 0.5F;
        }
        bool own_side = x > (plan->left + plan->right) / 2 && x < plan->right;
        return own_side && z > before - 5.3F && z < before - 4.8F;
    }
    for (int i = 0; i < plan->num_lines; i++) {
        if (fabsf(x - plan->line_x[i]) < 0.065F && (!plan->dashed[i] || wrap(z, 9) < 4)) {
            return 1;
        }
    }
    return 0;
}

static bool shade_ground(const struct paint *paint, struct spot *spot) {
    const struct road_plan *plan = paint->more;
    float x = spot->u, z = spot->v;
    bool crossing = z > plan->cross0 && z < plan->cross1;
    if (!crossing && (x < plan->left || x > plan->right)) {
        spot->colour = colour(0.36F, 0.36F, 0.30F); /* yards behind the houses */
        spot->label = ID_TERRAIN;
        return true;
    }
    spot->colour = asphalt_at(paint, spot);
    float worn = smooth_step(0.25F, 0.5F, layered_noise(x / 0.3F, z / 0.6F, finest(spot, 0.3F), plan->seed));
    spot->colour = colour_mix(spot->colour, colour(0.80F, 0.80F, 0.77F), 0.9F * worn * marking_at(plan, x, z));
    if (fabsf(fabsf(x - plan->rail_x) - 0.72F) < 0.05F) {
        spot->colour = colour(0.5F, 0.48F, 0.47F);
        spot->shine = 0.3F;
    }
    float kerb = least(x - plan->left, plan->right - x);
    if (!crossing && kerb < 0.35F) { /* the gutter */
        spot->colour = colour_scale(spot->colour, 0.84F + 0.16F * clamp_unit(kerb / 0.35F));
    }
    float cover_x = wrap(x + 40, 5.1F) - 2.5F, cover_z = wrap(z + 3, 23) - 8;
    if (cover_x * cover_x + cover_z * cover_z < 0.1F) { /* manholes */
        spot->colour = colour_scale(spot->colour, 0.62F);
    }
    spot->label = ID_ROAD;
    return true;
}

struct paint paint_ground(const struct road_plan *plan, struct colour asphalt, uint32_t seed) {
    return (struct paint){.shade = shade_ground, .base = asphalt, .label = ID_ROAD, .more = plan, .seed = seed};
}

static bool shade_paving(const struct paint *paint, struct spot *spot) {
    float size = paint->a, u = spot->u / size, v = spot->v / size;
    float row = floorf(v), shifted = u + 0.5F * wrap(row, 2);
    float slab = cell_value((int)floorf(shifted), (int)row, paint->seed);
    float joint = least(least(wrap(shifted, 1), 1 - wrap(shifted, 1)), least(wrap(v, 1), 1 - wrap(v, 1))) * size;
    float dirt = layered_noise(spot->u / 2, spot->v / 2, finest(spot, 2), paint->seed + 5);
    float light = 0.94F + 0.12F * slab + 0.30F * (dirt - 0.5F);
    light *= 0.80F + 0.20F * smooth_step(0, 0.012F + spot->footprint, joint);
    spot->colour = colour_scale(spot->colour, light);
    return true;
}

struct paint paint_paving(struct colour base, float size, uint32_t seed) {
    return (struct paint){.shade = shade_paving, .base = base, .label = ID_SIDEWALK, .a = size, .seed = seed};
}

static bool shade_grass(const struct paint *paint, struct spot *spot) {
    float large = layered_noise(spot->u / 2.5F, spot->v / 2.5F, finest(spot, 2.5F), paint->seed);
    float blades = layered_noise(spot->u / 0.09F, spot->v / 0.16F, finest(spot, 0.09F), paint->seed + 7);
    spot->colour = colour_mix(paint->base, paint->accent, clamp_unit(2 * large - 0.6F));
    spot->colour = colour_scale(spot->colour, 0.65F + 0.7F * blades);
    return true;
}

struct paint paint_grass(uint32_t seed) {
    return (struct paint){.shade = shade_grass,
                          .base = colour(0.30F, 0.38F, 0.16F),
                          .accent = colour(0.47F, 0.46F, 0.26F),
                          .label = ID_TERRAIN,
                          .seed = seed};
}

/* Glass of one window: dark rooms, curtains in some, blinds half down in others. */
static void shade_window(const struct paint *paint, struct spot *spot, int column, int floor, float down) {
    float chance = cell_value(column, floor, paint->seed + 11), light = 0.10F + 0.14F * chance;
    spot->colour = colour(light, light * 1.05F, light * 1.12F);
    spot->shine = 0.42F;
    if (chance > 0.72F) {
        spot->colour = colour(0.55F, 0.54F, 0.50F);
        spot->shine = 0.15F;
    } else if (chance > 0.5F && down < 0.45F) {
        spot->colour = colour(0.50F, 0.49F, 0.46F);
        spot->shine = 0.1F;
    }
}

static const float ground_floor = 3.7F, floor_height = 3.1F;

static void shade_shop(const struct paint *paint, struct spot *spot) {
    float pitch = 3.4F, u = wrap(spot->u, pitch), v = spot->v;
    int panel = (int)floorf(spot->u / pitch);
    float chance = cell_value(panel, 77, paint->seed);
    if (v > 2.85F && v < 3.45F && chance > 0.35F) { /* the name above the shop */
        struct colour sign = colour(0.25F + 0.5F * cell_value(panel, 1, paint->seed), 0.2F + 0.4F * chance,
                                    0.2F + 0.5F * cell_value(panel, 2, paint->seed));
        bool letter = v > 3 && v < 3.3F && u > 0.6F && u < 2.8F && smooth_noise(u * 9, v * 6, paint->seed) > 0.55F;
        spot->colour = letter ? colour(0.85F, 0.84F, 0.8F) : sign;
    } else if (u > 0.25F && u < pitch - 0.25F && v < 2.7F && v > (chance < 0.3F ? 0.05F : 0.55F)) {
        float goods = layered_noise(spot->u * 1.8F, v * 1.5F, 0.2F, paint->seed + 21);
        spot->colour = colour_scale(colour(0.35F, 0.31F, 0.27F), 0.35F + 0.9F * goods);
        spot->shine = 0.30F;
        if (fabsf(u - pitch / 2) < 0.05F) {
            spot->colour = colour_scale(paint->accent, 0.7F);
            spot->shine = 0;
        }
    } else {
        spot->colour = colour_scale(spot->colour, v < 0.4F ? 0.68F : 0.88F);
    }
}

static void shade_floor(const struct paint *paint, struct spot *spot, float up) {
    float pitch = paint->c, half = paint->d, bottom = 0.85F, top = 2.45F;
    float u = wrap(spot->u - 0.4F, pitch) - pitch / 2, v = wrap(up, floor_height);
    int column = (int)floorf((spot->u - 0.4F) / pitch), floor = (int)floorf(up / floor_height);
    bool edge = spot->u < 0.5F || spot->u > paint->a - 0.5F;
    if (edge || fabsf(u) > half + 0.14F || v < bottom - 0.18F || v > top + 0.14F) {
        if (v > 2.95F) {
            spot->colour = colour_mix(spot->colour, paint->accent, 0.5F); /* a string course */
        }
        return;
    }
    if (fabsf(u) < half && v > bottom && v < top) {
        float bar = least(fabsf(u), fabsf(v - 1.95F));
        if (bar < 0.035F || half - fabsf(u) < 0.06F || top - v < 0.06F || v - bottom < 0.06F) {
            spot->colour = colour(0.74F, 0.73F, 0.70F); /* the frame */
        } else {
            shade_window(paint, spot, column, floor, (top - v) / (top - bottom));
        }
        if (top - v < 0.16F) {
            spot->colour = colour_scale(spot->colour, 0.7F); /* in the shade of the lintel */
        }
    } else {
        spot->colour = v < bottom ? colour_scale(paint->accent, v < bottom - 0.12F ? 0.6F : 1.05F) : paint->accent;
    }
}

static bool shade_facade(const struct paint *paint, struct spot *spot) {
    float dirt = layered_noise(spot->u / 1.3F, spot->v / 3.5F, finest(spot, 1.3F), paint->seed);
    float plaster = layered_noise(spot->u / 0.12F, spot->v / 0.12F, finest(spot, 0.12F), paint->seed + 1);
    spot->colour = colour_scale(paint->base, 1 + 0.22F * (dirt - 0.5F) + 0.10F * (plaster - 0.5F));
    if (spot->v > paint->b - 0.55F) {
        spot->colour = colour_scale(paint->accent, spot->v > paint->b - 0.12F ? 0.55F : 1); /* the cornice */
    } else if (spot->v > ground_floor) {
        shade_floor(paint, spot, spot->v - ground_floor);
    } else if (paint->seed & 1) { /* shops, see paint_facade */
        shade_shop(paint, spot);
    } else if (spot->v < 0.7F) {
        spot->colour = colour_scale(spot->colour, 0.7F);
    } else {
        shade_floor(paint, spot, spot->v - 0.5F);
    }
    return true;
}

struct paint paint_facade(struct colour wall, struct colour trim, float width, float height, bool shops,
                          uint32_t seed) {
    return (struct paint){.shade = shade_facade,
                          .base = wall,
                          .accent = trim,
                          .label = ID_BUILDING,
                          .a = width,
                          .b = height,
                          .c = 2.0F + 1.3F * cell_value(1, 2, seed), /* window to window */
                          .d = 0.45F + 0.25F * cell_value(3, 4, seed),
                          .seed = (seed & ~1u) | (shops ? 1 : 0)};
}

static bool shade_roof(const struct paint *paint, struct spot *spot) {
    float row = wrap(spot->v, 0.33F) / 0.33F;
    float spotty = layered_noise(spot->u / 0.4F, spot->v / 0.4F, finest(spot, 0.4F), paint->seed);
    spot->colour = colour_scale(paint->base, 0.75F + 0.15F * row + 0.3F * (spotty - 0.5F) + 0.1F);
    return true;
}

struct paint paint_roof(struct colour tiles, uint32_t seed) {
    return (struct paint){.shade = shade_roof, .base = tiles, .label = ID_BUILDING, .seed = seed};
}

static bool shade_bricks(const struct paint *paint, struct spot *spot) {
    float row = floorf(spot->v / 0.16F), u = spot->u / 0.42F + 0.5F * wrap(row, 2), v = spot->v / 0.16F;
    float one = cell_value((int)floorf(u), (int)row, paint->seed);
    float joint = least(least(wrap(u, 1), 1 - wrap(u, 1)) * 0.42F, least(wrap(v, 1), 1 - wrap(v, 1)) * 0.16F);
    float dirt = layered_noise(spot->u, spot->v, 0.1F, paint->seed + 3);
    float light = 0.8F + 0.3F * one + 0.4F * (dirt - 0.5F);
    spot->colour = colour_mix(colour(0.55F, 0.53F, 0.50F), colour_scale(paint->base, light),
                              smooth_step(0.004F, 0.012F + spot->footprint, joint));
    return true;
}

struct paint paint_bricks(struct colour base, uint8_t label, uint32_t seed) {
    return (struct paint){.shade = shade_bricks, .base = base, .label = label, .seed = seed};
}

static bool shade_bars(const struct paint *paint, struct spot *spot) {
    float bar = fabsf(wrap(spot->u, paint->a) - paint->a / 2), post = fabsf(wrap(spot->u, 2.4F) - 1.2F);
    float rail = least(fabsf(spot->v - 0.15F), fabsf(spot->v - paint->b + 0.12F));
    spot->colour = colour_scale(paint->base, post < 0.06F ? 0.8F : 1);
    return bar < 0.012F + 0.5F * spot->footprint || rail < 0.03F || post < 0.05F;
}

struct paint paint_bars(struct colour base, float pitch, float height, uint8_t label) {
    return (struct paint){.shade = shade_bars, .base = base, .label = label, .a = pitch, .b = height};
}

static bool shade_boards(const struct paint *paint, struct spot *spot) {
    float at = spot->u / paint->a, gap = least(wrap(at, 1), 1 - wrap(at, 1)) * paint->a;
    float grain = layered_noise(spot->u / 0.06F, spot->v / 0.9F, finest(spot, 0.06F), paint->seed + 1);
    float board = cell_value((int)floorf(at), 5, paint->seed);
    float light = (0.85F + 0.2F * board + 0.25F * (grain - 0.5F)) * (gap < 0.012F ? 0.5F : 1);
    spot->colour = colour_scale(paint->base, light);
    return true;
}

struct paint paint_boards(struct colour base, float pitch, uint8_t label, uint32_t seed) {
    return (struct paint){.shade = shade_boards, .base = base, .label = label, .a = pitch, .seed = seed};
}

struct paint paint_leaves(struct random *random) {
    static const struct colour greens[][2] = {
        {{0.20F, 0.28F, 0.10F}, {0.42F, 0.50F, 0.20F}}, {{0.17F, 0.25F, 0.12F}, {0.33F, 0.43F, 0.20F}},
        {{0.24F, 0.28F, 0.10F}, {0.50F, 0.50F, 0.20F}}, {{0.14F, 0.21F, 0.11F}, {0.27F, 0.36F, 0.18F}},
        {{0.30F, 0.26F, 0.10F}, {0.55F, 0.47F, 0.18F}},
    };
    const struct colour *green = greens[random_below(random, 5)];
    return (struct paint){.base = green[0], .accent = green[1], .label = ID_VEGETATION, .seed = random_bits(random)};
}

static const struct colour sign_white = {0.86F, 0.86F, 0.84F}, sign_red = {0.76F, 0.09F, 0.10F},
                           sign_blue = {0.08F, 0.24F, 0.60F}, sign_yellow = {0.90F, 0.72F, 0.08F};

/* Triangle of a warning sign, pointing up; below 0 outside, else the distance from its border (half side 1). */
static float triangle(float u, float v) { return least(v + 0.85F, (0.9F - v) * 0.5F - fabsf(u) * 0.98F); }

static bool shade_sign(const struct paint *paint, struct spot *spot) {
    float u = spot->u / paint->a, v = spot->v / paint->a, round = sqrtf(u * u + v * v);
    enum sign_kind kind = (enum sign_kind)paint->b;
    bool flat_symbol = fabsf(u) < 0.12F && fabsf(v) < 0.4F;
    float inner;
    switch (kind) {
    case SIGN_STOP_AHEAD: spot->colour = fabsf(v) < 0.2F && fabsf(u) < 0.7F ? sign_white : sign_red; return round < 1;
    case SIGN_SPEED:
        spot->colour = round > 0.75F ? sign_red : sign_white;
        if (round < 0.6F && fabsf(v) < 0.35F && fabsf(fabsf(u) - 0.27F) < 0.15F &&
            fabsf(fabsf(u) - 0.27F) + fabsf(v) > 0.16F) {
            spot->colour = colour(0.08F, 0.08F, 0.08F);
        }
        return round < 1;
    case SIGN_BLUE: spot->colour = round > 0.92F || flat_symbol ? sign_white : sign_blue; return round < 1;
    case SIGN_WARNING:
    case SIGN_YIELD:
        inner = triangle(u, kind == SIGN_YIELD ? -v : v);
        spot->colour = inner < 0.17F ? sign_red : sign_white;
        if (kind == SIGN_WARNING && fabsf(u) < 0.09F && v > -0.55F && v < 0.2F) {
            spot->colour = colour(0.08F, 0.08F, 0.08F);
        }
        return inner > 0;
    case SIGN_PRIORITY:
        inner = fabsf(u) + fabsf(v);
        spot->colour = inner < 0.72F ? sign_yellow : sign_white;
        return inner < 1;
    case SIGN_BOARD:
    case SIGN_KINDS: break;
    }
    spot->colour = sign_yellow;
    if (fabsf(v) < 0.62F && wrap(v, 0.62F) > 0.2F && wrap(v, 0.62F) < 0.45F && smooth_noise(u * 9, v * 3, 5) > 0.45F) {
        spot->colour = colour(0.12F, 0.12F, 0.12F);
    }
    return true;
}

struct paint paint_sign(enum sign_kind kind, float half_side) {
    return (struct paint){.shade = shade_sign,
                          .base = sign_white,
                          .label = ID_TRAFFIC_SIGN,
                          .a = half_side,
                          .b = (float)kind,
                          .shine = 0.05F};
}
