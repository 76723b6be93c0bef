/* Cars, trucks, buses and trams: side outlines with glass, drawn as thick slices. */
#include <math.h>

#include "paint.h"
#include "scene.h"

struct place place_at(float x, float y, float z, float heading) {
    return (struct place){.at = {x, y, z}, .sine = sinf(heading), .cosine = cosf(heading)};
}

struct vec place_point(const struct place *p, float ahead, float right, float up) {
    return vec(p->at.x + ahead * p->sine + right * p->cosine, p->at.y + up,
               p->at.z + ahead * p->cosine - right * p->sine);
}

static struct vec direction(const struct place *p, float ahead, float right, float up) {
    return vec_sub(place_point(p, ahead, right, up), p->at);
}

/* A point of a side outline: metres ahead of the middle and above the ground. */
struct outline {
    float ahead, up;
};

static const struct colour tyre = {0.06F, 0.06F, 0.065F}, glass = {0.09F, 0.10F, 0.11F};

static struct paint glass_paint(uint8_t label) { return (struct paint){.base = glass, .label = label, .shine = 0.5F}; }

static struct paint body_paint(struct colour base, uint8_t label) {
    return (struct paint){.base = base, .label = label, .shine = 0.16F};
}

/* The side of an outline: at `half` metres from the middle at height low and `half_top` at height high. */
static void draw_side(struct canvas *canvas, const struct place *place, const struct outline *outline, int count,
                      float side, float half, float half_top, float low, float high, const struct paint *paint) {
    struct vec points[24];
    for (int i = 0; i < count; i++) {
        float t = (outline[i].up - low) / (high - low);
        points[i] = place_point(place, outline[i].ahead, side * (half + t * (half_top - half)), outline[i].up);
    }
    struct vec up = vec_unit(direction(place, 0, side * (half_top - half), high - low));
    struct vec origin = place_point(place, 0, side * (half + (0 - low) / (high - low) * (half_top - half)), 0);
    draw_face(canvas, points, count, (struct frame){origin, direction(place, 1, 0, 0), up}, paint);
}

/* The strip between both sides along one edge of the outline; u runs across from the middle, v along the edge. */
static void draw_strip(struct canvas *canvas, const struct place *place, struct outline a, struct outline b,
                       float half_a, float half_b, const struct paint *paint) {
    struct vec points[4] = {place_point(place, a.ahead, -half_a, a.up), place_point(place, a.ahead, half_a, a.up),
                            place_point(place, b.ahead, half_b, b.up), place_point(place, b.ahead, -half_b, b.up)};
    struct vec along = vec_unit(direction(place, b.ahead - a.ahead, 0, b.up - a.up));
    struct frame frame = {place_point(place, a.ahead, 0, a.up), direction(place, 0, 1, 0), along};
    draw_face(canvas, points, 4, frame, paint);
}

static void draw_wheel(struct canvas *canvas, const struct place *place, float ahead, float half, float radius,
                       uint8_t label) {
    struct paint rubber = paint_plain(tyre, label), rim = paint_plain(colour(0.42F, 0.42F, 0.44F), label);
    enum { CORNERS = 18 };
    for (float side = -1; side <= 1; side += 2) {
        struct vec outer[CORNERS], inner[CORNERS];
        for (int i = 0; i < CORNERS; i++) {
            float angle = 6.2832F * (float)i / CORNERS, c = cosf(angle), s = sinf(angle);
            outer[i] = place_point(place, ahead + radius * c, side * (half + 0.01F), radius + radius * s);
            inner[i] = place_point(place, ahead + 0.6F * radius * c, side * (half + 0.02F), radius + 0.6F * radius * s);
        }
        struct frame frame = {outer[0], direction(place, 1, 0, 0), direction(place, 0, 0, 1)};
        draw_face(canvas, outer, CORNERS, frame, &rubber);
        frame.origin = inner[0];
        draw_face(canvas, inner, CORNERS, frame, &rim);
        /* What is seen of it from the front and from behind. */
        struct vec tread = place_point(place, ahead - radius * 0.7F, side * half, 0);
        draw_quad(canvas, tread, direction(place, 0, -side * 0.22F, 0), direction(place, 0, 0, 1.4F * radius), &rubber);
        tread = place_point(place, ahead + radius * 0.7F, side * half, 0);
        draw_quad(canvas, tread, direction(place, 0, -side * 0.22F, 0), direction(place, 0, 0, 1.4F * radius), &rubber);
    }
}

/* Front and rear of a car or bus: lamps at the edges, a plate, a dark bumper. v is the height above the face's foot.
 * a: half width, b: height, c: 1 for the rear, d: height of the lamps. */
static bool shade_end(const struct paint *paint, struct spot *spot) {
    float u = fabsf(spot->u), v = spot->v, half = paint->a;
    bool rear = paint->c > 0;
    if (u < 0.26F && v > 0.28F * paint->b && v < 0.28F * paint->b + 0.12F) {
        spot->colour = colour(0.83F, 0.83F, 0.78F);
        spot->shine = 0;
    } else if (v < 0.22F * paint->b) {
        spot->colour = colour_scale(colour(0.16F, 0.16F, 0.17F), 1);
        spot->shine = 0.03F;
    } else if (u > half - (rear ? 0.17F : 0.36F) && u < half - 0.03F && fabsf(v - paint->d) < (rear ? 0.13F : 0.085F)) {
        spot->colour = rear ? colour(0.62F, 0.05F, 0.05F) : colour(0.88F, 0.89F, 0.87F);
        spot->glow = rear ? 0.35F : 0.45F;
    } else if (!rear && u < 0.55F * half && fabsf(v - paint->d) < 0.11F) {
        spot->colour = colour(0.08F, 0.08F, 0.085F);
    }
    return true;
}

static struct paint end_paint(struct colour base, uint8_t label, float half, float height, bool rear, float lamps) {
    return (struct paint){.shade = shade_end,
                          .base = base,
                          .label = label,
                          .shine = 0.12F,
                          .a = half,
                          .b = height,
                          .c = rear ? 1 : 0,
                          .d = lamps};
}

/* A car's side below the windows: arches over the wheels, joints of the doors. a, b: axles, c: radius of the arches. */
static bool shade_car_side(const struct paint *paint, struct spot *spot) {
    float front = hypotf(spot->u - paint->a, spot->v - 0.32F), rear = hypotf(spot->u - paint->b, spot->v - 0.32F);
    if (front < paint->c || rear < paint->c || spot->v < 0.27F) {
        spot->colour = colour(0.05F, 0.05F, 0.055F);
        spot->shine = 0;
    } else if (fabsf(spot->u - 0.78F) < 0.012F || fabsf(spot->u + 0.25F) < 0.012F || fabsf(spot->u + 1.15F) < 0.012F) {
        spot->colour = colour_scale(spot->colour, 0.55F);
    } else if (fabsf(spot->v - 0.8F) < 0.018F && (fabsf(spot->u) < 0.13F || fabsf(spot->u + 1) < 0.12F)) {
        spot->colour = colour_scale(spot->colour, 0.6F);
    }
    return true;
}

static struct colour car_colour(struct random *random) {
    static const struct colour colours[] = {
        {0.62F, 0.63F, 0.65F}, {0.10F, 0.10F, 0.11F}, {0.82F, 0.82F, 0.81F}, {0.30F, 0.31F, 0.33F},
        {0.14F, 0.17F, 0.30F}, {0.48F, 0.08F, 0.08F}, {0.45F, 0.46F, 0.48F}, {0.20F, 0.28F, 0.40F},
        {0.05F, 0.05F, 0.06F}, {0.55F, 0.50F, 0.40F}, {0.16F, 0.27F, 0.20F}, {0.70F, 0.70F, 0.72F},
    };
    return colour_scale(colours[random_below(random, 12)], random_range(random, 0.9F, 1.1F));
}

struct car_shape {
    float length, half, belt, roof, tail, rear_glass, roof_rear, roof_front, glass_front, nose;
};

/* Ahead of the middle, in metres; belt and nose are heights. */
static const struct car_shape car_shapes[] = {
    /* length half  belt  roof  tail  rear glass, roof rear, roof front, screen foot, nose */
    {4.3F, 0.88F, 0.93F, 1.46F, 0.95F, -1.95F, -1.45F, 0.25F, 1.05F, 0.72F}, /* hatchback */
    {4.7F, 0.90F, 0.90F, 1.42F, 0.93F, -1.65F, -0.95F, 0.30F, 1.15F, 0.70F}, /* saloon */
    {4.6F, 0.90F, 0.93F, 1.47F, 0.95F, -2.20F, -1.90F, 0.30F, 1.15F, 0.72F}, /* estate */
    {4.5F, 0.93F, 1.05F, 1.68F, 1.05F, -2.10F, -1.70F, 0.30F, 1.05F, 0.85F}, /* tall car */
    {5.0F, 0.97F, 1.10F, 1.98F, 1.10F, -2.42F, -2.30F, 0.90F, 1.70F, 0.90F}, /* van */
    {3.6F, 0.82F, 0.92F, 1.48F, 0.95F, -1.68F, -1.40F, 0.30F, 1.05F, 0.74F}, /* small */
};

static void draw_cabin(struct canvas *canvas, const struct place *place, const struct car_shape *s,
                       const struct paint *body) {
    float top = s->half - 0.24F, low_half = s->half - 0.03F;
    struct paint window = glass_paint(body->label);
    struct outline cabin[4] = {
        {s->rear_glass, s->belt}, {s->roof_rear, s->roof}, {s->roof_front, s->roof}, {s->glass_front, s->belt}};
    /* Glass within the cabin's side: two panes with a pillar between. */
    float inset = 0.09F, high = s->roof - 0.09F, pillar = -0.28F;
    struct outline rear_pane[4] = {{s->rear_glass + 0.28F, s->belt + 0.02F},
                                   {s->roof_rear + 0.22F, high},
                                   {pillar - 0.04F, high},
                                   {pillar - 0.04F, s->belt + 0.02F}};
    struct outline front_pane[4] = {{pillar + 0.05F, s->belt + 0.02F},
                                    {pillar + 0.05F, high},
                                    {s->roof_front - inset, high},
                                    {s->glass_front - 0.2F, s->belt + 0.02F}};
    for (float side = -1; side <= 1; side += 2) {
        draw_side(canvas, place, rear_pane, 4, side, low_half + 0.006F, top + 0.006F, s->belt, s->roof, &window);
        draw_side(canvas, place, front_pane, 4, side, low_half + 0.006F, top + 0.006F, s->belt, s->roof, &window);
        draw_side(canvas, place, cabin, 4, side, low_half, top, s->belt, s->roof, body);
    }
    draw_strip(canvas, place, cabin[1], cabin[2], top, top, body);
    /* Front and rear screens with a frame of body colour. */
    struct outline a = {s->glass_front - 0.02F, s->belt + 0.03F}, b = {s->roof_front + 0.03F, s->roof - 0.05F};
    a.ahead += 0.01F;
    b.ahead += 0.01F;
    draw_strip(canvas, place, a, b, low_half - 0.07F, top - 0.05F, &window);
    draw_strip(canvas, place, cabin[3], cabin[2], low_half, top, body);
    struct outline c = {s->rear_glass - 0.005F, s->belt + 0.06F}, d = {s->roof_rear - 0.04F, s->roof - 0.08F};
    draw_strip(canvas, place, c, d, low_half - 0.12F, top - 0.06F, &window);
    draw_strip(canvas, place, cabin[0], cabin[1], low_half, top, body);
}

void draw_car(struct canvas *canvas, struct random *random, struct place place) {
    const struct car_shape *s = &car_shapes[random_below(random, 6)];
    struct colour base = car_colour(random);
    struct paint body = body_paint(base, ID_CAR), side_paint = body;
    float rear = -s->length / 2, front = s->length / 2, foot = 0.22F;
    side_paint.shade = shade_car_side;
    side_paint.a = front - 0.85F;
    side_paint.b = rear + 0.80F;
    side_paint.c = 0.38F;
    struct outline outline[9] = {{rear + 0.10F, foot},
                                 {rear, 0.50F},
                                 {rear + 0.05F, s->tail - 0.08F},
                                 {s->rear_glass, s->tail},
                                 {s->glass_front, s->belt + 0.02F},
                                 {front - 0.25F, s->nose + 0.06F},
                                 {front - 0.03F, s->nose - 0.10F},
                                 {front, 0.42F},
                                 {front - 0.12F, foot}};
    for (float side = -1; side <= 1; side += 2) {
        draw_side(canvas, &place, outline, 9, side, s->half, s->half - 0.02F, 0.2F, 1.2F, &side_paint);
    }
    float rear_height = s->tail - 0.08F - foot, front_height = s->nose - 0.10F - foot;
    struct paint tail = end_paint(base, ID_CAR, s->half, rear_height, true, rear_height - 0.16F);
    struct paint nose = end_paint(base, ID_CAR, s->half, front_height, false, front_height - 0.10F);
    draw_strip(canvas, &place, (struct outline){rear + 0.02F, foot}, outline[2], s->half, s->half, &tail);
    draw_strip(canvas, &place, outline[2], outline[3], s->half, s->half, &body);
    draw_strip(canvas, &place, outline[4], outline[5], s->half - 0.02F, s->half, &body);
    draw_strip(canvas, &place, outline[5], outline[6], s->half, s->half, &body);
    draw_strip(canvas, &place, (struct outline){front - 0.02F, foot}, outline[6], s->half, s->half, &nose);
    draw_cabin(canvas, &place, s, &body);
    draw_wheel(canvas, &place, side_paint.a, s->half, 0.32F, ID_CAR);
    draw_wheel(canvas, &place, side_paint.b, s->half, 0.32F, ID_CAR);
    for (float side = -1; side <= 1; side += 2) { /* mirrors */
        struct vec mirror = place_point(&place, s->glass_front - 0.3F, side * (s->half + 0.09F), s->belt + 0.07F);
        draw_limb(canvas, mirror, 0.09F, vec_add(mirror, vec(0, 0.04F, 0)), 0.08F, &body);
    }
}

/* A closed box from `rear` to `front`, standing `foot` above the ground; different paints for sides and ends. */
static void draw_box(struct canvas *canvas, const struct place *place, float rear, float front, float half, float foot,
                     float top, const struct paint *side_paint, const struct paint *rear_paint,
                     const struct paint *front_paint) {
    struct outline outline[4] = {{rear, foot}, {rear, top}, {front, top}, {front, foot}};
    struct paint roof = body_paint(side_paint->base, side_paint->label);
    for (float side = -1; side <= 1; side += 2) {
        draw_side(canvas, place, outline, 4, side, half, half, foot, top, side_paint);
    }
    draw_strip(canvas, place, outline[0], outline[1], half, half, rear_paint);
    draw_strip(canvas, place, outline[3], outline[2], half, half, front_paint);
    draw_strip(canvas, place, outline[1], outline[2], half, half, &roof);
}

/* Sides of buses and trams: a band of windows, doors, a stripe. a: lower, b: upper edge of the glass, c: door pitch. */
static bool shade_coach_side(const struct paint *paint, struct spot *spot) {
    float door = spot->u - paint->c * floorf(spot->u / paint->c), pane = spot->u - 1.5F * floorf(spot->u / 1.5F);
    bool is_door = door < 1.3F;
    float low = is_door ? 0.55F : paint->a;
    if (spot->v > low && spot->v < paint->b) {
        bool frame = is_door ? fabsf(door - 0.65F) < 0.04F || door < 0.05F || door > 1.25F : pane < 0.07F;
        spot->colour = frame ? colour(0.10F, 0.10F, 0.10F) : glass;
        spot->shine = frame ? 0 : 0.45F;
    } else if (spot->v > paint->a - 0.3F && spot->v < paint->a - 0.12F) {
        spot->colour = paint->accent;
    } else if (spot->v < 0.5F) {
        spot->colour = colour_scale(spot->colour, 0.5F);
    }
    return true;
}

/* Front or rear of a coach: a large pane above, lamps below. a: half width, b: height, c: 1 for the rear. */
static bool shade_coach_end(const struct paint *paint, struct spot *spot) {
    float u = fabsf(spot->u), v = spot->v;
    bool rear = paint->c > 0;
    if (v > (rear ? 1.45F : 0.95F) && v < paint->b - (rear ? 0.5F : 0.55F) && u < paint->a - 0.12F) {
        spot->colour = glass;
        spot->shine = 0.45F;
    } else if (v > paint->b - 0.45F && v < paint->b - 0.15F && u < paint->a - 0.35F) {
        bool lit = smooth_noise(spot->u * 6, v * 9, 3) > 0.55F && u < paint->a - 0.5F;
        spot->colour = lit ? colour(0.95F, 0.62F, 0.10F) : colour(0.05F, 0.05F, 0.05F);
        spot->glow = lit ? 0.7F : 0;
    } else if (v > 0.35F && v < 0.62F && u > paint->a - 0.4F && u < paint->a - 0.06F) {
        spot->colour = rear ? colour(0.62F, 0.06F, 0.05F) : colour(0.85F, 0.86F, 0.84F);
        spot->glow = 0.35F;
    } else if (v < 0.3F) {
        spot->colour = colour_scale(spot->colour, 0.45F);
    } else if (u < 0.26F && v > 0.36F && v < 0.5F) {
        spot->colour = colour(0.82F, 0.82F, 0.78F);
    }
    return true;
}

static void draw_coach(struct canvas *canvas, const struct place *place, float length, float half, float foot,
                       float top, struct colour base, struct colour accent, uint8_t label) {
    struct paint side = {.shade = shade_coach_side,
                         .base = base,
                         .accent = accent,
                         .label = label,
                         .shine = 0.10F,
                         .a = 1.35F,
                         .b = top - 0.45F,
                         .c = length / 3};
    struct paint front = {
        .shade = shade_coach_end, .base = base, .label = label, .shine = 0.10F, .a = half, .b = top - foot};
    struct paint rear = front;
    rear.c = 1;
    draw_box(canvas, place, -length / 2, length / 2, half, foot, top, &side, &rear, &front);
}

void draw_bus(struct canvas *canvas, struct random *random, struct place place) {
    static const struct colour liveries[] = {{0.80F, 0.66F, 0.12F},
                                             {0.72F, 0.12F, 0.10F},
                                             {0.80F, 0.80F, 0.78F},
                                             {0.16F, 0.30F, 0.55F},
                                             {0.22F, 0.45F, 0.25F}};
    struct colour base = liveries[random_below(random, 5)];
    draw_coach(canvas, &place, 11.5F, 1.26F, 0.30F, 3.05F, base, colour(0.75F, 0.75F, 0.74F), ID_BUS);
    draw_wheel(canvas, &place, 3.1F, 1.26F, 0.47F, ID_BUS);
    draw_wheel(canvas, &place, -2.9F, 1.26F, 0.47F, ID_BUS);
}

void draw_tram(struct canvas *canvas, struct random *random, struct place place) {
    static const struct colour liveries[] = {{0.78F, 0.70F, 0.15F}, {0.70F, 0.13F, 0.11F}, {0.24F, 0.40F, 0.58F}};
    struct colour base = liveries[random_below(random, 3)];
    struct paint wire = paint_plain(colour(0.12F, 0.12F, 0.12F), ID_TRAIN);
    for (int i = -1; i <= 1; i++) { /* three cars */
        struct place car = place;
        car.at = place_point(&place, 10.2F * (float)i, 0, 0);
        draw_coach(canvas, &car, 9.9F, 1.22F, 0.25F, 3.35F, base, colour(0.80F, 0.80F, 0.78F), ID_TRAIN);
    }
    struct vec foot = place_point(&place, 0, 0, 3.35F), elbow = place_point(&place, 0.9F, 0, 4.2F);
    draw_limb(canvas, foot, 0.04F, elbow, 0.04F, &wire);
    draw_limb(canvas, elbow, 0.04F, place_point(&place, 0, 0, 5), 0.04F, &wire);
}

/* The sides of a truck's box: plain or canvas with a stripe. */
static bool shade_load(const struct paint *paint, struct spot *spot) {
    float fold = layered_noise(spot->u / 0.9F, spot->v / 3, 0.2F, paint->seed);
    spot->colour = colour_scale(spot->colour, 0.9F + 0.2F * fold);
    if (fabsf(spot->v - paint->a) < 0.28F && fabsf(spot->u) < 2.4F &&
        smooth_noise(spot->u * 3, spot->v * 2, paint->seed) > 0.4F) {
        spot->colour = paint->accent;
    }
    return true;
}

void draw_truck(struct canvas *canvas, struct random *random, struct place place) {
    float length = random_range(random, 6.2F, 9.5F), top = random_range(random, 2.9F, 3.7F), half = 1.22F;
    float rear = -length / 2, front = length / 2, split = front - 1.9F;
    struct colour cab = car_colour(random);
    struct colour load = random_chance(random, 0.5F) ? colour(0.78F, 0.78F, 0.76F) : car_colour(random);
    struct paint side = {.shade = shade_load,
                         .base = load,
                         .accent = car_colour(random),
                         .label = ID_TRUCK,
                         .a = 2,
                         .seed = random_bits(random)};
    struct paint back = paint_boards(colour_scale(load, 0.92F), 1.2F, ID_TRUCK, side.seed);
    struct paint cab_paint = body_paint(cab, ID_TRUCK), window = glass_paint(ID_TRUCK);
    struct paint dark = paint_plain(colour(0.07F, 0.07F, 0.07F), ID_TRUCK);
    struct paint lamps = end_paint(colour(0.10F, 0.10F, 0.10F), ID_TRUCK, half, 0.5F, true, 0.3F);
    struct paint nose = end_paint(cab, ID_TRUCK, half, 1.2F, false, 0.5F);
    draw_box(canvas, &place, rear, split - 0.15F, half, 1.0F, top, &side, &back, &back);
    draw_box(canvas, &place, rear + 0.2F, front - 0.2F, half - 0.25F, 0.45F, 1.0F, &dark, &lamps, &dark);
    draw_box(canvas, &place, split, front, half - 0.03F, 0.42F, 2.55F, &cab_paint, &cab_paint, &nose);
    struct outline pane[4] = {{split + 0.6F, 1.5F}, {split + 0.6F, 2.2F}, {front - 0.25F, 2.2F}, {front - 0.2F, 1.5F}};
    for (float s = -1; s <= 1; s += 2) {
        draw_side(canvas, &place, pane, 4, s, half - 0.02F, half - 0.02F, 1, 2, &window);
    }
    draw_strip(canvas, &place, (struct outline){front + 0.01F, 1.45F}, (struct outline){front + 0.01F, 2.3F},
               half - 0.15F, half - 0.15F, &window);
    draw_wheel(canvas, &place, front - 1.0F, half - 0.03F, 0.46F, ID_TRUCK);
    draw_wheel(canvas, &place, rear + 1.4F, half - 0.03F, 0.46F, ID_TRUCK);
}
