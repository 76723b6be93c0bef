/* The layout of a street: sun and clouds, road and pavements, what lines them and what moves on them. */
#include "scene.h"

#include <math.h>
#include <stdlib.h>

#include "paint.h"

struct street {
    struct canvas *canvas;
    struct random random;
    struct road_plan road;
    float lane;                  /* width */
    float walk_left, walk_right; /* widths of the pavements */
    bool park_left, park_right;  /* a strip of parked cars along the kerb */
    float end;                   /* how far the houses go */
};

static const float kerb_height = 0.12F, far_away = 10000;

/* Houses and other long things cast shadows before they are drawn: a first pass adds them, the second draws. */
enum pass { PASS_SHADE, PASS_DRAW };

static void make_light(struct street *s) {
    struct random *r = &s->random;
    struct light *light = &s->canvas->light;
    float clouds = random_range(r, 0, 1);
    float turn = random_range(r, -2.6F, 2.6F), up = random_range(r, 0.5F, 1.05F);
    *light = (struct light){.sun = {sinf(turn) * cosf(up), sinf(up), cosf(turn) * cosf(up)},
                            .clouds = clouds,
                            .sun_strength = 0.85F * (1 - smooth_step(0.35F, 0.75F, clouds)) + 0.10F,
                            .ambient = 0.62F + 0.42F * smooth_step(0.35F, 0.75F, clouds),
                            .sun_colour = {1.05F, 0.98F, 0.86F},
                            .haze_distance = random_range(r, 350, 1100),
                            .cloud_seed = random_bits(r)};
    light->sky_low = colour_mix(colour(0.82F, 0.88F, 0.94F), colour(0.86F, 0.87F, 0.88F), clouds);
    light->sky_top = colour_mix(colour(0.33F, 0.53F, 0.83F), colour(0.70F, 0.73F, 0.77F), smooth_step(0.4F, 1, clouds));
    light->haze = colour_scale(light->sky_low, 0.92F);
}

static void make_plan(struct street *s) {
    struct random *r = &s->random;
    struct road_plan *road = &s->road;
    int right_lanes = 1 + random_chance(r, 0.35F), left_lanes = 1 + random_chance(r, 0.35F);
    s->lane = random_range(r, 3.0F, 3.6F);
    s->park_left = random_chance(r, 0.6F);
    s->park_right = random_chance(r, 0.6F);
    float middle = -s->lane / 2;
    *road = (struct road_plan){.left = middle - s->lane * (float)left_lanes - (s->park_left ? 2.3F : 0.2F),
                               .right = middle + s->lane * (float)right_lanes + (s->park_right ? 2.3F : 0.2F),
                               .cross0 = far_away,
                               .cross1 = far_away,
                               .rail_x = far_away,
                               .seed = random_bits(r)};
    for (int i = -left_lanes; i <= right_lanes; i++) {
        road->dashed[road->num_lines] = i > -left_lanes && i < right_lanes;
        road->line_x[road->num_lines++] = middle + s->lane * (float)i;
    }
    if (random_chance(r, 0.6F)) {
        road->cross0 = random_range(r, 17, 60);
        road->cross1 = road->cross0 + random_range(r, 8, 14);
        road->zebra = random_chance(r, 0.6F);
    }
    s->walk_left = random_range(r, 2.2F, 5);
    s->walk_right = random_range(r, 2.2F, 5);
    s->end = random_range(r, 140, 220);
}

/* Near the crossing street? `margin` metres around it. */
static bool at_crossing(const struct street *s, float z, float margin) {
    return z > s->road.cross0 - margin && z < s->road.cross1 + margin;
}

static void draw_pavement(struct street *s, float side, float z0, float z1) {
    float kerb = side < 0 ? s->road.left : s->road.right, width = side < 0 ? s->walk_left : s->walk_right;
    static const struct colour stones[] = {
        {0.50F, 0.48F, 0.46F}, {0.56F, 0.55F, 0.53F}, {0.47F, 0.44F, 0.42F}, {0.54F, 0.49F, 0.45F}};
    struct paint slabs =
        paint_paving(stones[s->road.seed % 4], 0.3F + 0.1F * (float)(s->road.seed / 4 % 3), s->road.seed);
    struct paint stone = paint_paving(colour(0.58F, 0.58F, 0.56F), 1, s->road.seed + 1);
    draw_quad(s->canvas, vec(kerb, 0, z0), vec(0, 0, z1 - z0), vec(0, kerb_height, 0), &stone);
    draw_quad(s->canvas, vec(kerb, kerb_height, z0), vec(0, 0, z1 - z0), vec(side * 0.16F, 0, 0), &stone);
    draw_quad(s->canvas, vec(kerb + side * 0.16F, kerb_height, z0), vec(0, 0, z1 - z0),
              vec(side * (width + 0.3F), 0, 0), &slabs);
}

static void draw_pavements(struct street *s) {
    for (float side = -1; side <= 1; side += 2) {
        float end = s->end + 60;
        if (s->road.cross0 > end) {
            draw_pavement(s, side, 0.7F, end);
        } else {
            draw_pavement(s, side, 0.7F, s->road.cross0 - 0.5F);
            draw_pavement(s, side, s->road.cross1 + 0.5F, end);
        }
    }
}

/* Grass behind a fence, wall or hedge, with trees. */
static void draw_park(struct street *s, float side, float x, float z0, float z1, enum pass pass) {
    struct random *r = &s->random;
    struct canvas *canvas = s->canvas;
    int border = random_below(r, 4);
    uint32_t seed = random_bits(r);
    float shade = random_range(r, 0.7F, 1.1F);
    if (pass == PASS_DRAW) {
        struct paint grass = paint_grass(seed),
                     brick = paint_bricks(colour_scale(colour(0.45F, 0.34F, 0.28F), shade), ID_WALL, seed);
        struct paint plaster =
            paint_rough(colour_scale(colour(0.55F, 0.54F, 0.50F), shade), ID_WALL, 1.5F, 0.35F, seed);
        struct paint bars = paint_bars(colour_scale(colour(0.20F, 0.23F, 0.22F), shade), 0.13F, 1.3F, ID_FENCE);
        struct paint boards = paint_boards(colour_scale(colour(0.46F, 0.38F, 0.28F), shade), 0.14F, ID_FENCE, seed);
        const struct paint *fronts[4] = {&brick, &plaster, &bars, &boards};
        float height = border < 2 ? 1.9F : border == 2 ? 1.3F : 1.6F;
        draw_quad(canvas, vec(x, kerb_height, z0), vec(0, 0, z1 - z0), vec(0, height, 0), fronts[border]);
        draw_quad(canvas, vec(x + side * 0.1F, 0.10F, z0), vec(0, 0, z1 - z0), vec(side * 40, 0, 0), &grass);
        if (border == 2) {
            /* In front of the bars grass as well, so that terrain is seen from the street. */
            draw_quad(canvas, vec(x, kerb_height + 0.02F, z0), vec(0, 0, z1 - z0), vec(-side * 1.2F, 0, 0), &grass);
        }
    } else if (border < 2) {
        add_shade(canvas, least(x, x + side * 0.2F), most(x, x + side * 0.2F), z0, z1, 1.9F);
    }
    for (float z = z0 + 2; z < z1; z += random_range(r, 3, 8)) {
        struct vec foot = vec(x + side * random_range(r, 2.5F, 14), 0.1F, z);
        float height = random_range(r, 5, 13);
        struct random own = {.state = random_bits(r)};
        if (pass == PASS_DRAW) {
            draw_tree(canvas, &own, foot, height);
            draw_bush(canvas, &own, vec(x + side * 1.5F, 0.1F, z + 1), 1.1F);
        }
    }
}

/* A strip of open grass with a hedge: no fence at all. */
static void draw_green(struct street *s, float side, float x, float z0, float z1) {
    struct paint grass = paint_grass(random_bits(&s->random));
    draw_quad(s->canvas, vec(x - side * 0.8F, kerb_height + 0.02F, z0), vec(0, 0, z1 - z0), vec(side * 40, 0, 0),
              &grass);
    draw_hedge(s->canvas, &s->random, x + side * 4, z0, z1, random_range(&s->random, 1.2F, 2.4F));
    for (float z = z0 + 2; z < z1; z += random_range(&s->random, 5, 10)) {
        draw_tree(s->canvas, &s->random, vec(x + side * random_range(&s->random, 6, 16), 0.1F, z),
                  random_range(&s->random, 6, 13));
    }
}

/* The lots of one side, near to far. Both passes draw the same numbers. */
static void line_side(struct street *s, float side, enum pass pass, uint64_t seed) {
    struct random *r = &s->random, saved = *r;
    r->state = seed;
    float x = side < 0 ? s->road.left - s->walk_left : s->road.right + s->walk_right;
    float houses = random_range(r, 0.3F, 0.9F);
    for (float z = random_range(r, -6, 3); z < s->end;) {
        float width = random_range(r, 9, 24), next = z + width;
        if (z < s->road.cross1 + 4 && next > s->road.cross0 - 4) {
            if (s->road.cross0 - 4 - z < 7) {
                z = s->road.cross1 + 4;
                continue;
            }
            next = s->road.cross0 - 4;
        }
        int floors = 2 + random_below(r, 5), kind = random_chance(r, houses) ? 0 : 1 + (random_below(r, 3) == 0);
        struct random own = {.state = random_bits(r)};
        struct street lot = *s;
        lot.random = own;
        if (kind == 0 && pass == PASS_DRAW) {
            draw_house(s->canvas, &own, side, x, z, next, floors);
        } else if (kind == 0) {
            add_shade(s->canvas, side < 0 ? x - 14 : x, side < 0 ? x : x + 14, z, next, 3.1F * (float)floors + 1.3F);
        } else if (kind == 1) {
            draw_park(&lot, side, x, z, next, pass);
        } else if (pass == PASS_DRAW) {
            draw_green(&lot, side, x, z, next);
        }
        z = next + (random_chance(r, 0.2F) ? random_range(r, 1.5F, 5) : 0);
    }
    *r = saved;
}

static void stand(struct street *s, float x, float z, float half_x, float half_z, float height) {
    add_shade(s->canvas, x - half_x, x + half_x, z - half_z, z + half_z, height);
}

/* Trees, lamps, signs, bins and bicycles along one pavement. */
static void furnish_side(struct street *s, float side) {
    struct random *r = &s->random;
    struct canvas *canvas = s->canvas;
    float kerb = side < 0 ? s->road.left : s->road.right, width = side < 0 ? s->walk_left : s->walk_right;
    bool trees = random_chance(r, 0.55F) && width > 2.6F;
    float gap = random_range(r, 8, 15), lamps = random_range(r, 22, 32),
          bollards = random_chance(r, 0.3F) ? 2.2F : far_away;
    for (float z = random_range(r, 5, 12); trees && z < s->end; z += gap) {
        if (!at_crossing(s, z, 7)) {
            float height = random_range(r, 5.5F, 10);
            stand(s, kerb + side * 0.9F, z, height * 0.14F, height * 0.14F, height);
            draw_tree(canvas, r, vec(kerb + side * 0.9F, kerb_height, z), height);
        }
    }
    for (float z = random_range(r, 8, 24); z < s->end; z += lamps) {
        if (!at_crossing(s, z, 2)) {
            stand(s, kerb + side * 0.5F, z, 0.05F, 0.05F, 7.6F);
            draw_lamp(canvas, vec(kerb + side * 0.5F, kerb_height, z), -side);
        }
    }
    for (float z = random_range(r, 7, 20); z < 110; z += random_range(r, 11, 30)) {
        if (!at_crossing(s, z, 1)) {
            draw_sign_post(canvas, r, vec(kerb + side * 0.45F, kerb_height, z));
        }
    }
    for (float z = 6; z < 60; z += bollards) {
        if (bollards < far_away && !at_crossing(s, z, 0)) {
            draw_bollard(canvas, vec(kerb + side * 0.3F, kerb_height, z));
        }
    }
    for (float z = random_range(r, 8, 30); z < 70; z += random_range(r, 10, 40)) {
        if (!at_crossing(s, z, 2)) {
            draw_bin(canvas, r, vec(kerb + side * (width - 0.6F), kerb_height, z));
            stand(s, kerb + side * (width - 0.6F), z + 0.3F, 0.3F, 0.3F, 1);
        }
    }
    for (float z = random_range(r, 6, 20); z < 60; z += random_range(r, 0.7F, 16)) {
        if (!at_crossing(s, z, 1) && random_chance(r, 0.6F)) {
            float heading = random_chance(r, 0.5F) ? 1.5F : random_range(r, -0.3F, 0.3F);
            draw_bicycle(canvas, r, place_at(kerb + side * (width - 0.9F), kerb_height, z, heading), false);
        }
    }
}

static void put_signals(struct street *s) {
    struct random *r = &s->random;
    if (s->road.cross0 > 200 || random_chance(r, 0.15F)) {
        return;
    }
    float z = s->road.cross0 - 1.2F;
    draw_traffic_light(s->canvas, r, vec(s->road.right + 0.5F, kerb_height, z), -random_range(r, 2.5F, 4.5F));
    draw_traffic_light(s->canvas, r, vec(s->road.left - 0.5F, kerb_height, z), 0);
    draw_traffic_light(s->canvas, r, vec(s->road.right + 0.6F, kerb_height, s->road.cross1 + 1.2F), 0);
    if (random_chance(r, 0.5F)) {
        draw_traffic_light(s->canvas, r, vec(s->road.left - 0.6F, kerb_height, s->road.cross1 + 1.2F), 4);
    }
}

static void put_car(struct street *s, float x, float z, float heading) {
    bool along = fabsf(sinf(heading)) < 0.7F;
    stand(s, x, z, along ? 0.85F : 2.1F, along ? 2.1F : 0.85F, 1.3F);
    draw_car(s->canvas, &s->random, place_at(x, 0, z, heading));
}

static void put_large(struct street *s, float x, float z, float heading, bool bus) {
    stand(s, x, z, 1.2F, bus ? 5.7F : 4, 3);
    if (bus) {
        draw_bus(s->canvas, &s->random, place_at(x, 0, z, heading));
    } else {
        draw_truck(s->canvas, &s->random, place_at(x, 0, z, heading));
    }
}

/* One lane of moving things. `heading` 0 with us, pi against us. */
static void fill_lane(struct street *s, float x, float heading, float first) {
    struct random *r = &s->random;
    for (float z = first + random_range(r, 0, 22); z < s->end; z += random_range(r, 9, 45)) {
        float kind = random_range(r, 0, 1), turn = heading + random_range(r, -0.03F, 0.03F),
              off = random_range(r, -0.25F, 0.25F);
        if (at_crossing(s, z, 4)) {
            continue;
        }
        if (kind < 0.70F) {
            put_car(s, x + off, z, turn);
        } else if (kind < 0.86F) {
            put_large(s, x, z + 8, turn, kind < 0.79F);
            z += 14;
        } else {
            float at = kind < 0.94F ? x + (heading == 0 ? 0.9F : -0.9F) : x + off; /* bicycles keep to the right */
            stand(s, at, z, 0.25F, 0.9F, 1.4F);
            if (kind < 0.94F) {
                draw_bicycle(s->canvas, r, place_at(at, 0, z, turn), true);
            } else {
                draw_motorcycle(s->canvas, r, place_at(at, 0, z, turn), true);
            }
        }
    }
}

static void put_traffic(struct street *s) {
    struct random *r = &s->random;
    float middle = -s->lane / 2, left = s->road.left + (s->park_left ? 2.3F : 0.2F);
    fill_lane(s, 0, 0, random_range(r, 9, 26));
    if (middle + 2 * s->lane < s->road.right) {
        fill_lane(s, s->lane, 0, 14);
    }
    for (float x = middle - s->lane / 2; x > left; x -= s->lane) {
        if (fabsf(x - s->road.rail_x) > 2) {
            fill_lane(s, x, 3.14159F, 9);
        }
    }
    for (float side = -1; side <= 1; side += 2) {
        bool parked = side < 0 ? s->park_left : s->park_right;
        float x = side < 0 ? s->road.left + 1.15F : s->road.right - 1.15F;
        for (float z = random_range(r, 8, 14); parked && z < s->end; z += random_range(r, 5.3F, 8.5F)) {
            if (!at_crossing(s, z, 6) && random_chance(r, 0.75F)) {
                if (random_chance(r, 0.06F)) {
                    stand(s, x, z, 0.3F, 0.9F, 0.9F);
                    draw_motorcycle(s->canvas, r, place_at(x, 0, z, 0.3F), false);
                } else {
                    put_car(s, x, z, random_chance(r, 0.5F) == (side < 0) ? 3.14159F : 0);
                }
            }
        }
    }
    if (s->road.cross0 < 200 && random_chance(r, 0.6F)) { /* someone crosses our way */
        float z = (s->road.cross0 + s->road.cross1) / 2, x = random_range(r, -14, 14);
        put_car(s, x, z + 1.8F, 1.5708F);
        put_car(s, x - random_range(r, 6, 12), z - 1.8F, -1.5708F);
    }
}

static void put_person(struct street *s, float x, float y, float z, float heading) {
    stand(s, x, z, 0.16F, 0.16F, 1.6F);
    draw_person(s->canvas, &s->random, place_at(x, y, z, heading));
}

static void put_people(struct street *s) {
    struct random *r = &s->random;
    for (float side = -1; side <= 1; side += 2) {
        float kerb = side < 0 ? s->road.left : s->road.right, width = side < 0 ? s->walk_left : s->walk_right;
        float crowd = random_range(r, 3, 22);
        for (float z = random_range(r, 5, 14); z < 100; z += random_range(r, 0.6F, crowd)) {
            if (!at_crossing(s, z, 0)) {
                float heading = random_chance(r, 0.5F) ? random_range(r, -0.4F, 0.4F) : random_range(r, 2.8F, 3.5F);
                put_person(s, kerb + side * random_range(r, 0.8F, width - 0.4F), kerb_height, z, heading);
            }
        }
    }
    if (s->road.cross0 < 200) { /* on the crossing, and waiting before it */
        int count = random_below(r, 6);
        for (int i = 0; i < count; i++) {
            float z = s->road.cross0 - 3.3F + random_range(r, -1, 1);
            put_person(s, random_range(r, s->road.left, s->road.right), 0, z, random_chance(r, 0.5F) ? 1.5F : -1.5F);
        }
    }
}

/* Rails in the middle of the road and a tram on them. */
static void put_tram(struct street *s) {
    struct random *r = &s->random;
    s->road.rail_x = -s->lane;
    float z = most(random_range(r, 26, 60), s->road.cross0 < 200 ? s->road.cross1 + 18 : 0);
    stand(s, s->road.rail_x, z, 1.2F, 15, 3.3F);
    draw_tram(s->canvas, r, place_at(s->road.rail_x, 0, z, 3.14159F));
}

/* The own bonnet at the lower edge, as the camera behind the windscreen sees it. */
static void draw_bonnet(struct canvas *canvas, struct random *random) {
    float rise = random_range(random, 0.04F, 0.075F), shade = random_range(random, 0.05F, 0.2F);
    struct colour sky = canvas->light.sky_low;
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            float u = 2 * (float)x / (float)canvas->width - 1, v = 1 - (float)y / (float)canvas->height;
            float edge = rise * (1 - 0.75F * u * u * u * u) - 0.006F;
            if (v > edge) {
                continue;
            }
            size_t i = (size_t)y * (size_t)canvas->width + (size_t)x;
            float gloss =
                0.10F + 0.5F * smooth_step(0.3F, 1, v / edge) * (0.6F + 0.4F * smooth_noise(u * 7, v * 60, 5));
            struct colour c = colour_mix(colour(shade, shade, shade * 1.1F), sky, 0.7F * gloss);
            canvas->rgb[3 * i] = (uint8_t)(255 * clamp_unit(c.r));
            canvas->rgb[3 * i + 1] = (uint8_t)(255 * clamp_unit(c.g));
            canvas->rgb[3 * i + 2] = (uint8_t)(255 * clamp_unit(c.b));
            canvas->label[i] = ID_EGO_VEHICLE;
            canvas->depth[i] = 0;
        }
    }
}

static void aim_camera(struct canvas *canvas, struct random *random) {
    canvas->focal = 1.105F * (float)canvas->width;
    canvas->centre_x = (float)canvas->width * (0.5F + random_range(random, -0.06F, 0.06F));
    canvas->horizon = (float)canvas->height * random_range(random, 0.40F, 0.46F);
    canvas->camera_height = random_range(random, 1.2F, 1.55F);
}

void draw_scene(struct canvas *canvas, uint64_t seed, int number) {
    struct street s = {.canvas = canvas,
                       .random = {.state = seed * 0x9e3779b97f4a7c15u + (uint64_t)number * 0xd1b54a32d192ed03u}};
    canvas_clear(canvas);
    aim_camera(canvas, &s.random);
    make_light(&s);
    make_plan(&s);
    uint64_t left = random_bits(&s.random), right = random_bits(&s.random);
    line_side(&s, -1, PASS_SHADE, left);
    line_side(&s, 1, PASS_SHADE, right);
    /* Near and small things first: what is hidden behind them is not painted at all. Shadows come with them, so that
     * pavements and road are painted after everything that stands there. */
    if (number % 4 == 2) {
        put_tram(&s);
    }
    put_traffic(&s);
    put_people(&s);
    furnish_side(&s, -1);
    furnish_side(&s, 1);
    put_signals(&s);
    line_side(&s, -1, PASS_DRAW, left);
    line_side(&s, 1, PASS_DRAW, right);
    draw_skyline(canvas, &s.random, s.end + 40);
    draw_pavements(&s);
    float grey = random_range(&s.random, 0.34F, 0.46F);
    struct paint ground = paint_ground(&s.road, colour(grey, grey, grey * 1.02F), random_bits(&s.random));
    struct vec corners[4] = {vec(-400, 0, 0.7F), vec(400, 0, 0.7F), vec(400, 0, 600), vec(-400, 0, 600)};
    draw_face(canvas, corners, 4, (struct frame){vec(0, 0, 0), vec(1, 0, 0), vec(0, 0, 1)}, &ground);
    draw_sky(canvas);
    draw_bonnet(canvas, &s.random);
}
