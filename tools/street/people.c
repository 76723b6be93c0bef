/* Persons, bicycles and motorcycles, with and without riders: all made of limbs. */
#include <math.h>

#include "paint.h"
#include "scene.h"

struct clothes {
    struct paint skin, hair, top, trousers, shoes;
};

static struct clothes make_clothes(struct random *random, uint8_t label) {
    static const struct colour tops[] = {{0.12F, 0.13F, 0.16F}, {0.55F, 0.15F, 0.14F}, {0.20F, 0.28F, 0.45F},
                                         {0.72F, 0.71F, 0.68F}, {0.30F, 0.32F, 0.30F}, {0.62F, 0.52F, 0.36F},
                                         {0.22F, 0.38F, 0.30F}, {0.42F, 0.42F, 0.45F}, {0.65F, 0.45F, 0.15F}};
    static const struct colour trousers[] = {{0.13F, 0.16F, 0.26F},
                                             {0.08F, 0.08F, 0.09F},
                                             {0.30F, 0.27F, 0.22F},
                                             {0.24F, 0.28F, 0.38F},
                                             {0.45F, 0.41F, 0.34F}};
    static const struct colour skins[] = {{0.72F, 0.54F, 0.44F}, {0.62F, 0.45F, 0.35F}, {0.40F, 0.27F, 0.20F}};
    static const struct colour hairs[] = {
        {0.10F, 0.08F, 0.06F}, {0.25F, 0.17F, 0.10F}, {0.50F, 0.42F, 0.28F}, {0.4F, 0.4F, 0.4F}};
    return (struct clothes){.skin = paint_plain(skins[random_below(random, 3)], label),
                            .hair = paint_plain(hairs[random_below(random, 4)], label),
                            .top = paint_rough(tops[random_below(random, 9)], label, 0.3F, 0.3F, random_bits(random)),
                            .trousers = paint_plain(trousers[random_below(random, 5)], label),
                            .shoes = paint_plain(colour(0.09F, 0.08F, 0.08F), label)};
}

static void draw_head(struct canvas *canvas, const struct place *p, float ahead, float up, const struct clothes *c) {
    struct vec head = place_point(p, ahead, 0, up);
    draw_limb(canvas, place_point(p, ahead - 0.02F, 0, up - 0.18F), 0.055F, head, 0.06F, &c->skin);
    draw_limb(canvas, place_point(p, ahead + 0.02F, 0, up - 0.04F), 0.085F, head, 0.095F, &c->skin);
    draw_limb(canvas, place_point(p, ahead - 0.03F, 0, up + 0.02F), 0.105F,
              place_point(p, ahead - 0.01F, 0, up + 0.05F), 0.10F, &c->hair);
}

/* A bent limb: two parts and a joint. */
static void draw_bent(struct canvas *canvas, struct vec a, struct vec joint, struct vec b, float thick, float thin,
                      const struct paint *upper, const struct paint *lower) {
    draw_limb(canvas, a, thick, joint, (thick + thin) / 2, upper);
    draw_limb(canvas, joint, (thick + thin) / 2, b, thin, lower);
}

void draw_person(struct canvas *canvas, struct random *random, struct place place) {
    struct clothes c = make_clothes(random, ID_PERSON);
    float size = random_chance(random, 0.12F) ? random_range(random, 0.62F, 0.8F) : random_range(random, 0.92F, 1.06F);
    float phase = random_range(random, -1, 1), step = random_chance(random, 0.75F) ? 0.30F * phase : 0.03F;
    float broad = random_range(random, 0.92F, 1.18F);
    float hip = 0.90F * size, shoulder = 1.42F * size;
    for (float side = -1; side <= 1; side += 2) {
        float swing = side * step * size, across = side * 0.095F * broad;
        struct vec foot = place_point(&place, swing, across, 0.06F + 0.06F * most(0, -swing));
        struct vec knee = place_point(&place, 0.55F * swing + 0.05F, across, 0.48F * size);
        draw_bent(canvas, place_point(&place, 0, across, hip), knee, foot, 0.105F * broad, 0.055F, &c.trousers,
                  &c.trousers);
        draw_limb(canvas, foot, 0.055F, vec_add(foot, vec_sub(place_point(&place, 0.14F, 0, -0.02F), place.at)), 0.045F,
                  &c.shoes);
        struct vec elbow = place_point(&place, -0.5F * swing - 0.02F, side * 0.25F * broad, 1.12F * size);
        struct vec hand = place_point(&place, -0.9F * swing + 0.06F, side * 0.25F * broad, 0.86F * size);
        draw_bent(canvas, place_point(&place, 0, side * 0.20F * broad, shoulder - 0.04F), elbow, hand, 0.065F, 0.04F,
                  &c.top, &c.top);
        draw_limb(canvas, hand, 0.045F, vec_add(hand, vec(0, -0.05F, 0)), 0.04F, &c.skin);
        /* Half of the trunk: shoulder to hip. */
        draw_limb(canvas, place_point(&place, 0, side * 0.10F * broad, shoulder - 0.09F), 0.115F * broad,
                  place_point(&place, 0, side * 0.06F * broad, hip), 0.12F * broad, &c.top);
    }
    draw_limb(canvas, place_point(&place, 0, 0, shoulder - 0.10F), 0.15F * broad, place_point(&place, 0, 0, hip),
              0.145F * broad, &c.top);
    draw_head(canvas, &place, 0, 1.64F * size, &c);
    if (random_chance(random, 0.35F)) { /* a bag on the back */
        struct paint bag = paint_plain(colour(random_range(random, 0.1F, 0.5F), 0.15F, 0.2F), ID_PERSON);
        draw_limb(canvas, place_point(&place, -0.18F, 0, shoulder - 0.1F), 0.14F,
                  place_point(&place, -0.18F, 0, shoulder - 0.4F), 0.15F, &bag);
    }
}

static void draw_ring(struct canvas *canvas, const struct place *p, float ahead, float radius, float thick,
                      const struct paint *paint) {
    enum { PARTS = 20 };
    struct vec last = place_point(p, ahead + radius, 0, radius);
    for (int i = 1; i <= PARTS; i++) {
        float angle = 6.2832F * (float)i / PARTS;
        struct vec next = place_point(p, ahead + radius * cosf(angle), 0, radius + radius * sinf(angle));
        draw_limb(canvas, last, thick, next, thick, paint);
        last = next;
    }
}

/* Bent over the handlebar; `seat` is the height of the hips. */
static void draw_rider(struct canvas *canvas, struct random *random, const struct place *p, float seat, float lean,
                       bool helmet) {
    struct clothes c = make_clothes(random, ID_RIDER);
    if (helmet) {
        c.hair = paint_plain(colour_scale(colour(0.7F, 0.7F, 0.7F), random_range(random, 0.1F, 1)), ID_RIDER);
    }
    float shoulder = seat + 0.52F, phase = random_range(random, -1, 1);
    for (float side = -1; side <= 1; side += 2) {
        float crank = side * phase * 0.16F;
        struct vec foot = place_point(p, 0.05F + crank, side * 0.12F, 0.30F + 0.1F * side * phase);
        struct vec knee = place_point(p, 0.26F + 0.5F * crank, side * 0.13F, seat - 0.32F + 0.08F * side * phase);
        draw_bent(canvas, place_point(p, -0.18F, side * 0.10F, seat), knee, foot, 0.10F, 0.055F, &c.trousers,
                  &c.trousers);
        draw_limb(canvas, foot, 0.05F, vec_add(foot, vec_sub(place_point(p, 0.12F, 0, 0), p->at)), 0.045F, &c.shoes);
        struct vec elbow = place_point(p, -0.18F + lean + 0.12F, side * 0.27F, shoulder - 0.26F);
        draw_bent(canvas, place_point(p, -0.18F + lean, side * 0.20F, shoulder - 0.03F), elbow,
                  place_point(p, 0.42F, side * 0.24F, seat + 0.10F), 0.065F, 0.045F, &c.top, &c.skin);
        draw_limb(canvas, place_point(p, -0.18F + lean, side * 0.09F, shoulder - 0.08F), 0.14F,
                  place_point(p, -0.2F, side * 0.06F, seat), 0.135F, &c.top);
    }
    draw_head(canvas, p, -0.14F + 1.15F * lean, shoulder + 0.23F, &c);
    if (helmet) {
        struct vec head = place_point(p, -0.16F + 1.15F * lean, 0, shoulder + 0.27F);
        draw_limb(canvas, head, 0.125F, head, 0.125F, &c.hair);
    }
}

void draw_bicycle(struct canvas *canvas, struct random *random, struct place place, bool ridden) {
    struct paint rubber = paint_plain(colour(0.07F, 0.07F, 0.07F), ID_BICYCLE);
    struct paint frame = paint_plain(
        colour(random_range(random, 0.1F, 0.7F), random_range(random, 0.1F, 0.4F), random_range(random, 0.1F, 0.5F)),
        ID_BICYCLE);
    if (ridden) {
        draw_rider(canvas, random, &place, 0.92F, 0.22F, random_chance(random, 0.5F));
    }
    draw_ring(canvas, &place, 0.52F, 0.34F, 0.024F, &rubber);
    draw_ring(canvas, &place, -0.52F, 0.34F, 0.024F, &rubber);
    struct vec hub_rear = place_point(&place, -0.52F, 0, 0.34F), hub_front = place_point(&place, 0.52F, 0, 0.34F);
    struct vec crank = place_point(&place, -0.05F, 0, 0.30F), seat = place_point(&place, -0.22F, 0, 0.82F);
    struct vec head = place_point(&place, 0.36F, 0, 0.80F), bar = place_point(&place, 0.34F, 0, 1.0F);
    const struct vec tubes[][2] = {{hub_rear, crank}, {hub_rear, seat},  {crank, seat}, {crank, head},
                                   {seat, head},      {head, hub_front}, {head, bar}};
    for (int i = 0; i < 7; i++) {
        draw_limb(canvas, tubes[i][0], 0.02F, tubes[i][1], 0.02F, &frame);
    }
    draw_limb(canvas, place_point(&place, 0.34F, -0.27F, 1.0F), 0.018F, place_point(&place, 0.34F, 0.27F, 1.0F), 0.018F,
              &rubber);
    draw_limb(canvas, place_point(&place, -0.32F, 0, 0.86F), 0.06F, place_point(&place, -0.12F, 0, 0.86F), 0.035F,
              &rubber);
    draw_limb(canvas, place_point(&place, -0.9F, 0, 0.5F), 0.03F, place_point(&place, -0.45F, 0, 0.72F), 0.03F, &frame);
}

void draw_motorcycle(struct canvas *canvas, struct random *random, struct place place, bool ridden) {
    struct paint rubber = paint_plain(colour(0.06F, 0.06F, 0.06F), ID_MOTORCYCLE);
    struct paint metal = {.base = {0.35F, 0.35F, 0.36F}, .label = ID_MOTORCYCLE, .shine = 0.25F};
    struct paint body = {.base = {random_range(random, 0.1F, 0.7F), 0.1F, random_range(random, 0.08F, 0.4F)},
                         .label = ID_MOTORCYCLE,
                         .shine = 0.2F};
    struct paint lamp = {.base = {0.75F, 0.08F, 0.06F}, .label = ID_MOTORCYCLE};
    if (ridden) {
        draw_rider(canvas, random, &place, 0.80F, 0.16F, true);
    }
    draw_ring(canvas, &place, 0.70F, 0.28F, 0.065F, &rubber);
    draw_ring(canvas, &place, -0.66F, 0.28F, 0.075F, &rubber);
    draw_limb(canvas, place_point(&place, 0.15F, 0, 0.45F), 0.19F, place_point(&place, -0.2F, 0, 0.42F), 0.17F, &metal);
    draw_limb(canvas, place_point(&place, 0.30F, 0, 0.82F), 0.16F, place_point(&place, -0.05F, 0, 0.74F), 0.14F, &body);
    draw_limb(canvas, place_point(&place, -0.1F, 0, 0.74F), 0.12F, place_point(&place, -0.75F, 0, 0.80F), 0.09F,
              &rubber);
    draw_limb(canvas, place_point(&place, 0.70F, 0, 0.28F), 0.04F, place_point(&place, 0.45F, 0, 0.95F), 0.05F, &metal);
    draw_limb(canvas, place_point(&place, 0.40F, -0.34F, 1.0F), 0.022F, place_point(&place, 0.40F, 0.34F, 1.0F), 0.022F,
              &rubber);
    draw_limb(canvas, place_point(&place, 0.55F, 0, 0.88F), 0.11F, place_point(&place, 0.50F, 0, 0.9F), 0.12F, &body);
    draw_limb(canvas, place_point(&place, -0.84F, 0, 0.74F), 0.06F, place_point(&place, -0.84F, 0, 0.74F), 0.06F,
              &lamp);
}
