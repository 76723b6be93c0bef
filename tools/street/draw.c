#include "draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = 24 };
static const float near_plane = 0.6F;

struct vec vec_unit(struct vec a) {
    float length = sqrtf(vec_dot(a, a));
    return length > 0 ? vec_scale(a, 1 / length) : a;
}

bool canvas_create(struct canvas *canvas, int width, int height) {
    *canvas = (struct canvas){.width = 2 * width, .height = 2 * height};
    size_t count = (size_t)canvas->width * (size_t)canvas->height;
    canvas->rgb = malloc(3 * count);
    canvas->depth = malloc(count * sizeof(float));
    canvas->label = malloc(count);
    if (!canvas->rgb || !canvas->depth || !canvas->label) {
        canvas_free(canvas);
        return false;
    }
    return true;
}

void canvas_free(struct canvas *canvas) {
    free(canvas->rgb);
    free(canvas->depth);
    free(canvas->label);
    canvas->rgb = canvas->label = NULL;
    canvas->depth = NULL;
}

void canvas_clear(struct canvas *canvas) {
    size_t count = (size_t)canvas->width * (size_t)canvas->height;
    for (size_t i = 0; i < count; i++) {
        canvas->depth[i] = INFINITY;
    }
    canvas->num_shade = 0;
    memset(canvas->bin_count, 0, sizeof(canvas->bin_count));
}

static struct vec camera_of(const struct canvas *canvas) { return vec(0, canvas->camera_height, 0); }

/* The ray through a sample's centre; its z is 1. */
static struct vec ray_of(const struct canvas *canvas, int x, int y) {
    return vec(((float)x + 0.5F - canvas->centre_x) / canvas->focal,
               (canvas->horizon - (float)y - 0.5F) / canvas->focal, 1);
}

static struct colour mirrored(const struct canvas *canvas, struct vec direction, struct vec normal) {
    struct vec r = vec_sub(direction, vec_scale(normal, 2 * vec_dot(direction, normal)));
    r = vec_unit(r);
    const struct light *light = &canvas->light;
    struct colour street = r.y < 0 ? colour(0.22F, 0.22F, 0.23F) : colour(0.36F, 0.35F, 0.33F);
    struct colour sky = colour_mix(light->sky_low, light->sky_top, clamp_unit(r.y));
    return colour_mix(street, sky, smooth_step(0.12F, 0.45F, r.y));
}

static uint8_t to_byte(float value) { return (uint8_t)(255 * clamp_unit(value) + 0.5F); }

/* Lights a spot and puts it into sample i. */
static void put(struct canvas *canvas, size_t i, const struct spot *spot, struct vec normal, struct vec ray,
                float depth) {
    const struct light *light = &canvas->light;
    float sun = light->sun_strength * most(0, vec_dot(normal, light->sun)), sky = light->ambient;
    if (spot->at.y < 0.2F && normal.y > 0.9F) {
        float sun_left, sky_left;
        ground_light(canvas, spot->at.x, spot->at.z, &sun_left, &sky_left);
        sun *= sun_left;
        sky *= sky_left;
    } else {
        /* The road keeps light from what stands near it, and what faces the sky gets more of it. */
        sky *= 0.78F + 0.22F * smooth_step(0, 1.6F, spot->at.y);
        sky *= 0.88F + 0.12F * normal.y;
    }
    struct colour lit =
        colour(spot->colour.r * (sky + sun * light->sun_colour.r), spot->colour.g * (sky + sun * light->sun_colour.g),
               spot->colour.b * (sky + sun * light->sun_colour.b));
    if (spot->shine > 0) {
        /* More at grazing angles. */
        float facing = 1 - fabsf(vec_dot(vec_unit(ray), normal));
        float part = clamp_unit(spot->shine * (0.55F + 0.9F * facing * facing * facing));
        lit = colour_mix(lit, mirrored(canvas, ray, normal), part);
    }
    lit = colour_mix(lit, spot->colour, spot->glow);
    lit = colour_mix(lit, light->haze, 1 - expf(-depth / light->haze_distance));
    canvas->depth[i] = depth;
    canvas->label[i] = spot->label;
    canvas->rgb[3 * i] = to_byte(lit.r);
    canvas->rgb[3 * i + 1] = to_byte(lit.g);
    canvas->rgb[3 * i + 2] = to_byte(lit.b);
}

static bool paint_spot(const struct paint *paint, struct spot *spot) {
    spot->colour = paint->base;
    spot->shine = paint->shine;
    spot->glow = 0;
    spot->label = paint->label;
    return !paint->shade || paint->shade(paint, spot);
}

/* The part of a polygon in front of the camera; out has room for one point more. */
static int clip_near(const struct vec *in, int count, struct vec *out) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
        struct vec a = in[i], b = in[(i + 1) % count];
        if (a.z >= near_plane) {
            out[kept++] = a;
        }
        if ((a.z >= near_plane) != (b.z >= near_plane)) {
            out[kept++] = vec_mix(a, b, (near_plane - a.z) / (b.z - a.z));
        }
    }
    return kept;
}

struct screen_point {
    float x, y;
};

/* Where row y crosses the outline, ascending. */
static int find_crossings(const struct screen_point *p, int count, float y, float *out) {
    int found = 0;
    for (int i = 0; i < count; i++) {
        struct screen_point a = p[i], b = p[(i + 1) % count];
        if ((a.y <= y) == (b.y <= y)) {
            continue;
        }
        float x = a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x);
        int at = found++;
        for (; at > 0 && out[at - 1] > x; at--) {
            out[at] = out[at - 1];
        }
        out[at] = x;
    }
    return found;
}

static int to_sample(float value, int limit) { return value <= 0 ? 0 : value >= (float)limit ? limit : (int)value; }

/* Samples x0 <= x < x1 of row y of a face. */
static void fill_span(struct canvas *canvas, int y, int x0, int x1, struct frame frame, struct vec normal,
                      const struct paint *paint) {
    struct vec camera = camera_of(canvas);
    float offset = vec_dot(normal, vec_sub(frame.origin, camera));
    for (int x = x0; x < x1; x++) {
        size_t i = (size_t)y * (size_t)canvas->width + (size_t)x;
        struct vec ray = ray_of(canvas, x, y);
        float slope = vec_dot(normal, ray), depth = offset / slope;
        if (!(depth > 0) || depth >= canvas->depth[i]) {
            continue;
        }
        struct spot spot = {.at = vec_add(camera, vec_scale(ray, depth)), .footprint = depth / canvas->focal};
        struct vec from = vec_sub(spot.at, frame.origin);
        spot.u = vec_dot(from, frame.u);
        spot.v = vec_dot(from, frame.v);
        if (paint_spot(paint, &spot)) {
            put(canvas, i, &spot, slope > 0 ? vec_scale(normal, -1) : normal, ray, depth);
        }
    }
}

void draw_face(struct canvas *canvas, const struct vec *points, int count, struct frame frame,
               const struct paint *paint) {
    struct vec clipped[MAX_POINTS + 2];
    struct screen_point p[MAX_POINTS + 2];
    float top = INFINITY, bottom = -INFINITY, crossings[MAX_POINTS + 2];
    count = clip_near(points, count, clipped);
    for (int i = 0; i < count; i++) {
        p[i].x = canvas->centre_x + canvas->focal * clipped[i].x / clipped[i].z;
        p[i].y = canvas->horizon - canvas->focal * (clipped[i].y - canvas->camera_height) / clipped[i].z;
        top = least(top, p[i].y);
        bottom = most(bottom, p[i].y);
    }
    if (count < 3) {
        return;
    }
    struct vec normal = vec_unit(vec_cross(frame.u, frame.v));
    int y1 = to_sample(bottom + 0.5F, canvas->height);
    for (int y = to_sample(top - 0.5F, canvas->height); y < y1; y++) {
        int found = find_crossings(p, count, (float)y + 0.5F, crossings);
        for (int k = 0; k + 1 < found; k += 2) {
            int x0 = to_sample(ceilf(crossings[k] - 0.5F), canvas->width);
            int x1 = to_sample(ceilf(crossings[k + 1] - 0.5F), canvas->width);
            fill_span(canvas, y, x0, x1, frame, normal, paint);
        }
    }
}

void draw_quad(struct canvas *canvas, struct vec origin, struct vec u, struct vec v, const struct paint *paint) {
    struct vec points[4] = {origin, vec_add(origin, u), vec_add(vec_add(origin, u), v), vec_add(origin, v)};
    draw_face(canvas, points, 4, (struct frame){origin, vec_unit(u), vec_unit(v)}, paint);
}

struct disc {
    float x, y, radius, depth;
};

static struct disc project(const struct canvas *canvas, struct vec at, float radius) {
    float scale = canvas->focal / at.z;
    return (struct disc){.x = canvas->centre_x + scale * at.x,
                         .y = canvas->horizon - scale * (at.y - canvas->camera_height),
                         .radius = most(scale * radius, 0.7F), /* nothing gets too thin to be seen */
                         .depth = at.z};
}

void draw_limb(struct canvas *canvas, struct vec a, float radius_a, struct vec b, float radius_b,
               const struct paint *paint) {
    if (a.z < near_plane || b.z < near_plane) {
        return;
    }
    struct disc p = project(canvas, a, radius_a), q = project(canvas, b, radius_b);
    float dx = q.x - p.x, dy = q.y - p.y, squared = dx * dx + dy * dy, reach = most(p.radius, q.radius);
    float length = sqrtf(squared);
    struct vec side = length > 0 ? vec(-dy / length, -dx / length, 0) : vec(1, 0, 0); /* screen y points down */
    int x0 = to_sample(least(p.x, q.x) - reach, canvas->width),
        x1 = to_sample(most(p.x, q.x) + reach + 1, canvas->width);
    int y0 = to_sample(least(p.y, q.y) - reach, canvas->height),
        y1 = to_sample(most(p.y, q.y) + reach + 1, canvas->height);
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) {
            float px = (float)x + 0.5F - p.x, py = (float)y + 0.5F - p.y;
            float t = squared > 0 ? clamp_unit((px * dx + py * dy) / squared) : 0;
            float ox = px - t * dx, oy = py - t * dy, radius = p.radius + t * (q.radius - p.radius);
            float distance = (ox * ox + oy * oy) / (radius * radius);
            size_t i = (size_t)y * (size_t)canvas->width + (size_t)x;
            if (distance > 1) {
                continue;
            }
            float round = sqrtf(1 - distance), real = radius_a + t * (radius_b - radius_a);
            float depth = 1 / ((1 - t) / p.depth + t / q.depth) - real * round;
            if (depth >= canvas->depth[i] || depth < near_plane) {
                continue;
            }
            struct vec ray = ray_of(canvas, x, y);
            struct spot spot = {.u = (ox * side.x - oy * side.y) / radius,
                                .v = t,
                                .at = vec_add(camera_of(canvas), vec_scale(ray, depth)),
                                .footprint = depth / canvas->focal};
            if (paint_spot(paint, &spot)) {
                put(canvas, i, &spot, vec(ox / radius, -oy / radius, -round), ray, depth);
            }
        }
    }
}

/* Twigs of 35 cm and leaves of 6 cm, where they can be seen: 0..1 at x, y metres. */
static float leaves_at(float x, float y, float finest, uint32_t seed) {
    float twigs = layered_noise(x / 0.35F, y / 0.35F, most(finest / 0.35F, 0.2F), seed);
    float seen = 1 - smooth_step(0.03F, 0.08F, finest);
    if (seen > 0) {
        twigs += seen * 0.55F * (smooth_noise(x / 0.06F, y / 0.06F, seed + 77) - 0.5F);
    }
    return clamp_unit(twigs);
}

void draw_puff(struct canvas *canvas, struct vec centre, float radius, const struct paint *paint) {
    if (centre.z < near_plane + radius) {
        return;
    }
    struct disc p = project(canvas, centre, radius * 1.15F);
    int x0 = to_sample(p.x - p.radius, canvas->width), x1 = to_sample(p.x + p.radius + 1, canvas->width);
    int y0 = to_sample(p.y - p.radius, canvas->height), y1 = to_sample(p.y + p.radius + 1, canvas->height);
    float unit = canvas->focal / centre.z; /* samples to a metre */
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) {
            float ox = ((float)x + 0.5F - p.x) / p.radius, oy = ((float)y + 0.5F - p.y) / p.radius;
            float distance = ox * ox + oy * oy;
            size_t i = (size_t)y * (size_t)canvas->width + (size_t)x;
            if (distance > 1 || centre.z - radius >= canvas->depth[i]) {
                continue;
            }
            float mottle = leaves_at((float)x / unit, (float)y / unit, 1.5F / unit, paint->seed);
            if (sqrtf(distance) > 0.5F + 0.9F * (mottle - 0.18F)) {
                continue;
            }
            float round = sqrtf(1 - distance), depth = centre.z - radius * (round * 0.8F + (mottle - 0.5F) * 0.4F);
            if (depth >= canvas->depth[i]) {
                continue;
            }
            struct vec ray = ray_of(canvas, x, y);
            struct spot spot = {.at = vec_add(camera_of(canvas), vec_scale(ray, depth)), .footprint = 1 / unit};
            paint_spot(paint, &spot);
            float light = 0.35F + 1.15F * mottle - 0.30F * oy;
            spot.colour = colour_scale(colour_mix(spot.colour, paint->accent, clamp_unit(1.6F * mottle - 0.5F)),
                                       most(light, 0.15F));
            put(canvas, i, &spot, vec_unit(vec(ox, -oy + 0.3F, -round)), ray, depth);
        }
    }
}
