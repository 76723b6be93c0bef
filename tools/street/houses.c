/* Houses along the street and the skyline at its end. */
#include <math.h>

#include "paint.h"
#include "scene.h"

static const struct colour walls[] = {
    {0.62F, 0.57F, 0.48F}, {0.66F, 0.63F, 0.57F}, {0.52F, 0.48F, 0.43F}, {0.58F, 0.50F, 0.38F}, {0.48F, 0.47F, 0.46F},
    {0.60F, 0.48F, 0.40F}, {0.46F, 0.36F, 0.30F}, {0.70F, 0.68F, 0.63F}, {0.55F, 0.53F, 0.44F}, {0.44F, 0.43F, 0.40F},
};

/* Balconies: slabs with a rail in front of the windows of one column. */
static void draw_balconies(struct canvas *canvas, struct random *random, float side, float x, float z, int floors) {
    struct colour base = colour_scale(colour(0.6F, 0.59F, 0.56F), random_range(random, 0.8F, 1.1F));
    struct paint slab = paint_plain(base, ID_BUILDING);
    struct paint panel = paint_boards(colour_scale(base, 0.9F), 0.6F, ID_BUILDING, random_bits(random));
    for (int i = 1; i < floors; i++) {
        float y = 3.7F + 3.1F * (float)(i - 1) + 0.1F, front = x - side * 1.1F;
        draw_quad(canvas, vec(front, y, z), vec(0, 0, 2.8F), vec(0, 1.0F, 0), &panel);
        draw_quad(canvas, vec(front, y, z), vec(side * 1.1F, 0, 0), vec(0, 1.0F, 0), &panel);
        draw_quad(canvas, vec(front, y, z), vec(side * 1.1F, 0, 0), vec(0, 0, 2.8F), &slab);
    }
}

void draw_house(struct canvas *canvas, struct random *random, float side, float x, float z0, float z1, int floors) {
    float width = z1 - z0, height = 3.7F + 3.1F * (float)(floors - 1) + 0.7F, deep = 14;
    struct colour wall = colour_scale(walls[random_below(random, 10)], random_range(random, 0.85F, 1.1F));
    struct colour trim = colour_mix(wall, colour(0.75F, 0.73F, 0.70F), random_range(random, 0.3F, 0.8F));
    uint32_t seed = random_bits(random);
    struct paint front = paint_facade(wall, trim, width, height, random_chance(random, 0.5F), seed);
    struct paint flank = paint_facade(colour_scale(wall, 0.94F), trim, deep, height, false, seed + 2);
    struct paint bare = paint_rough(colour_scale(wall, 0.85F), ID_BUILDING, 2, 0.25F, seed + 4);
    draw_quad(canvas, vec(x, 0, z0), vec(0, 0, width), vec(0, height, 0), &front);
    draw_quad(canvas, vec(x, 0, z0), vec(side * deep, 0, 0), vec(0, height, 0),
              random_chance(random, 0.6F) ? &flank : &bare);
    if (random_chance(random, 0.7F)) { /* a tiled roof, its ridge along the street */
        static const struct colour tiles[] = {{0.42F, 0.22F, 0.16F}, {0.30F, 0.28F, 0.28F}, {0.36F, 0.24F, 0.18F}};
        struct paint roof = paint_roof(tiles[random_below(random, 3)], seed);
        float rise = random_range(random, 2.2F, 4);
        draw_quad(canvas, vec(x - side * 0.3F, height, z0), vec(0, 0, width), vec(side * deep / 2, rise, 0), &roof);
        struct vec gable[3] = {vec(x, height, z0), vec(x + side * deep, height, z0),
                               vec(x + side * deep / 2, height + rise, z0)};
        draw_face(canvas, gable, 3, (struct frame){gable[0], vec(1, 0, 0), vec(0, 1, 0)}, &bare);
        if (random_chance(random, 0.6F)) {
            float z = z0 + width * random_range(random, 0.2F, 0.8F);
            draw_quad(canvas, vec(x + side * 5.5F, height + rise - 1, z), vec(side * 0.9F, 0, 0), vec(0, 2, 0), &bare);
            draw_quad(canvas, vec(x + side * 5.5F, height + rise - 1, z), vec(0, 0, 0.9F), vec(0, 2, 0), &bare);
        }
    }
    if (random_chance(random, 0.35F)) {
        draw_balconies(canvas, random, side, x, z0 + width * random_range(random, 0.2F, 0.6F), floors);
    }
}

/* Far houses and trees that close the view. */
void draw_skyline(struct canvas *canvas, struct random *random, float z) {
    for (float x = -170; x < 170;) {
        float width = random_range(random, 12, 30);
        if (random_chance(random, 0.55F)) {
            float height = random_range(random, 8, 22);
            struct colour wall = colour_scale(walls[random_below(random, 10)], 0.9F);
            struct paint front = paint_facade(wall, wall, width, height, false, random_bits(random));
            draw_quad(canvas, vec(x, 0, z), vec(width, 0, 0), vec(0, height, 0), &front);
        }
        if (random_chance(random, 0.75F)) {
            draw_tree(canvas, random, vec(x + width / 2, 0, z - 6), random_range(random, 7, 15));
        }
        x += width;
    }
}
