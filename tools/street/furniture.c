/* Trees and hedges, lamps, lights, signs and what else stands beside a street. */
#include <math.h>

#include "paint.h"
#include "scene.h"

void draw_tree(struct canvas *canvas, struct random *random, struct vec foot, float height) {
    struct paint leaves = paint_leaves(random);
    struct paint bark = paint_rough(colour(0.24F, 0.20F, 0.16F), ID_VEGETATION, 0.15F, 0.8F, random_bits(random));
    float fork = height * random_range(random, 0.30F, 0.42F), thick = 0.018F * height + 0.03F;
    float wide = height * random_range(random, 0.24F, 0.34F);
    struct vec top = vec_add(foot, vec(random_range(random, -0.3F, 0.3F), fork, random_range(random, -0.2F, 0.2F)));
    draw_limb(canvas, foot, thick, top, thick * 0.75F, &bark);
    struct vec middle = vec_add(top, vec(0, (height - fork) * 0.5F, 0));
    for (int i = 0; i < 6; i++) {
        struct vec tip = vec_add(
            middle, vec(random_range(random, -0.7F, 0.7F) * wide, random_range(random, -0.2F, 0.3F) * height, 0));
        draw_limb(canvas, top, thick * 0.5F, tip, 0.02F, &bark);
    }
    int puffs = foot.z < 60 ? 46 : 26;
    for (int i = 0; i < puffs; i++) {
        float angle = random_range(random, 0, 6.2832F), up = random_range(random, -1, 1);
        float out = sqrtf(1 - up * up) * random_range(random, 0.45F, 0.95F);
        struct vec at =
            vec_add(middle, vec(cosf(angle) * out * wide, up * (height - fork) * 0.46F, sinf(angle) * out * wide));
        struct paint paint = leaves;
        float light = 0.75F + 0.28F * up + random_range(random, -0.12F, 0.12F);
        paint.base = colour_scale(paint.base, light);
        paint.accent = colour_scale(paint.accent, light);
        paint.seed += (uint32_t)i * 131u;
        draw_puff(canvas, at, wide * random_range(random, 0.28F, 0.46F), &paint);
    }
}

void draw_bush(struct canvas *canvas, struct random *random, struct vec foot, float radius) {
    struct paint leaves = paint_leaves(random);
    for (int i = 0; i < 9; i++) {
        struct vec at =
            vec_add(foot, vec(random_range(random, -0.7F, 0.7F) * radius, random_range(random, 0.3F, 1) * radius,
                              random_range(random, -0.5F, 0.5F) * radius));
        leaves.seed += 57;
        draw_puff(canvas, at, radius * random_range(random, 0.5F, 0.75F), &leaves);
    }
}

void draw_hedge(struct canvas *canvas, struct random *random, float x, float z0, float z1, float height) {
    struct paint leaves = paint_leaves(random);
    for (float z = z0; z < z1; z += 0.55F) {
        for (float y = 0.35F; y < height; y += 0.45F) {
            leaves.seed += 91;
            draw_puff(canvas, vec(x + random_range(random, -0.12F, 0.12F), y, z), 0.5F, &leaves);
        }
    }
}

static const struct colour steel = {0.42F, 0.43F, 0.43F};

void draw_lamp(struct canvas *canvas, struct vec foot, float side) {
    struct paint pole = paint_plain(steel, ID_POLE), head = paint_plain(colour(0.55F, 0.56F, 0.56F), ID_STATIC);
    struct vec top = vec_add(foot, vec(0, 7.6F, 0)), end = vec_add(top, vec(side * 1.5F, 0.35F, 0));
    draw_limb(canvas, foot, 0.10F, vec_add(foot, vec(0, 1.2F, 0)), 0.09F, &pole);
    draw_limb(canvas, foot, 0.075F, top, 0.05F, &pole);
    draw_limb(canvas, top, 0.05F, end, 0.035F, &pole);
    draw_limb(canvas, end, 0.09F, vec_add(end, vec(side * 0.6F, 0.06F, 0)), 0.07F, &head);
}

/* A housing with three lamps, facing the camera; `at` is its middle. */
static void draw_signal(struct canvas *canvas, struct vec at, int lit) {
    static const struct colour lamps[3] = {{0.95F, 0.12F, 0.08F}, {0.98F, 0.66F, 0.08F}, {0.12F, 0.85F, 0.45F}};
    struct paint box = paint_plain(colour(0.09F, 0.10F, 0.10F), ID_TRAFFIC_LIGHT);
    draw_quad(canvas, vec_add(at, vec(-0.17F, -0.48F, 0)), vec(0.34F, 0, 0), vec(0, 0.96F, 0), &box);
    draw_quad(canvas, vec_add(at, vec(-0.17F, -0.48F, 0)), vec(0, 0.96F, 0), vec(0, 0, 0.25F), &box);
    draw_quad(canvas, vec_add(at, vec(0.17F, -0.48F, 0)), vec(0, 0.96F, 0), vec(0, 0, 0.25F), &box);
    for (int i = 0; i < 3; i++) {
        struct vec lamp = vec_add(at, vec(0, 0.30F - 0.30F * (float)i, -0.03F));
        struct paint paint = paint_plain(colour_scale(lamps[i], i == lit ? 1 : 0.18F), ID_TRAFFIC_LIGHT);
        draw_limb(canvas, lamp, 0.11F, lamp, 0.11F, &paint);
        if (i == lit) { /* brighter than what any surface sends back */
            paint.base = colour_mix(lamps[i], colour(1, 1, 1), 0.35F);
            draw_limb(canvas, vec_add(lamp, vec(0, 0, -0.05F)), 0.09F, vec_add(lamp, vec(0, 0, -0.05F)), 0.09F, &paint);
        }
    }
}

void draw_traffic_light(struct canvas *canvas, struct random *random, struct vec foot, float arm) {
    struct paint pole = paint_plain(colour(0.36F, 0.37F, 0.37F), ID_POLE);
    int lit = random_below(random, 3);
    float height = arm != 0 ? 5.6F : 3.1F;
    struct vec top = vec_add(foot, vec(0, height, 0));
    draw_limb(canvas, foot, 0.075F, top, 0.06F, &pole);
    draw_signal(canvas, vec_add(foot, vec(0, 2.6F, -0.15F)), lit);
    if (arm != 0) {
        struct vec end = vec_add(top, vec(arm, 0.1F, 0));
        draw_limb(canvas, top, 0.06F, end, 0.045F, &pole);
        draw_signal(canvas, vec_add(end, vec(0, -0.3F, -0.15F)), lit);
    }
}

void draw_sign_post(struct canvas *canvas, struct random *random, struct vec foot) {
    enum sign_kind kind = (enum sign_kind)random_below(random, SIGN_KINDS);
    float half = kind == SIGN_BOARD ? 0.45F : random_range(random, 0.34F, 0.42F), middle = 2.45F;
    struct paint pole = paint_plain(steel, ID_POLE), sign = paint_sign(kind, half);
    struct vec at = vec_add(foot, vec(0, middle, -0.06F));
    float wide = kind == SIGN_BOARD ? 1.3F : 1;
    struct vec corners[4] = {vec_add(at, vec(-half * wide, -half, 0)), vec_add(at, vec(half * wide, -half, 0)),
                             vec_add(at, vec(half * wide, half, 0)), vec_add(at, vec(-half * wide, half, 0))};
    draw_face(canvas, corners, 4, (struct frame){at, vec(1, 0, 0), vec(0, 1, 0)}, &sign);
    draw_limb(canvas, foot, 0.038F, vec_add(foot, vec(0, middle + half + 0.05F, 0)), 0.038F, &pole);
}

void draw_bollard(struct canvas *canvas, struct vec foot) {
    struct paint post = paint_plain(colour(0.30F, 0.30F, 0.30F), ID_POLE);
    struct paint ring = paint_plain(colour(0.80F, 0.80F, 0.78F), ID_POLE);
    draw_limb(canvas, foot, 0.06F, vec_add(foot, vec(0, 0.85F, 0)), 0.06F, &post);
    draw_limb(canvas, vec_add(foot, vec(0, 0.66F, 0)), 0.064F, vec_add(foot, vec(0, 0.74F, 0)), 0.064F, &ring);
}

void draw_bin(struct canvas *canvas, struct random *random, struct vec foot) {
    struct colour base = random_chance(random, 0.5F) ? colour(0.20F, 0.22F, 0.20F) : colour(0.45F, 0.40F, 0.10F);
    struct paint body = paint_plain(base, ID_STATIC), lid = paint_plain(colour_scale(base, 0.6F), ID_STATIC);
    draw_quad(canvas, vec_add(foot, vec(-0.28F, 0.05F, 0)), vec(0.56F, 0, 0), vec(0, 0.9F, 0), &body);
    draw_quad(canvas, vec_add(foot, vec(-0.28F, 0.05F, 0)), vec(0, 0, 0.6F), vec(0, 0.9F, 0), &body);
    draw_quad(canvas, vec_add(foot, vec(0.28F, 0.05F, 0)), vec(0, 0, 0.6F), vec(0, 0.9F, 0), &body);
    draw_quad(canvas, vec_add(foot, vec(-0.3F, 0.95F, -0.02F)), vec(0.6F, 0, 0), vec(0, 0.14F, 0.2F), &lid);
}
