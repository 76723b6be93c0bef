/* Sky and ground light, and the camera's last steps: samples to pixels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

void draw_sky(struct canvas *canvas) {
    const struct light *light = &canvas->light;
    for (int y = 0; y < canvas->height; y++) {
        float up = (canvas->horizon - (float)y) / canvas->focal;
        float height = fmaxf(up, 0.004F);
        struct colour clear = colour_mix(light->sky_low, light->sky_top, smooth_step(-0.05F, 0.45F, up));
        for (int x = 0; x < canvas->width; x++) {
            size_t i = (size_t)y * (size_t)canvas->width + (size_t)x;
            if (canvas->depth[i] < INFINITY) {
                continue;
            }
            /* A flat layer of clouds high above, so that they get smaller towards the horizon. */
            float across = ((float)x - canvas->centre_x) / canvas->focal / (height + 0.15F);
            float cover = layered_noise(2.2F * across, 2.2F / (height + 0.15F), 0.02F, light->cloud_seed);
            float cloud = smooth_step(0.62F - 0.35F * light->clouds, 0.85F - 0.35F * light->clouds, cover);
            float grey = 0.97F - 0.25F * light->clouds * smooth_step(0.45F, 0.8F, cover);
            struct colour c = colour_mix(clear, colour(grey, grey, grey * 1.01F), 0.9F * cloud);
            canvas->rgb[3 * i] = (uint8_t)(255 * clamp_unit(c.r));
            canvas->rgb[3 * i + 1] = (uint8_t)(255 * clamp_unit(c.g));
            canvas->rgb[3 * i + 2] = (uint8_t)(255 * clamp_unit(c.b));
            canvas->label[i] = ID_SKY;
        }
    }
}

static int bin_of(float z) {
    int bin = (int)floorf(z / SHADE_BIN_METRES);
    return bin < 0 ? 0 : bin >= SHADE_BINS ? SHADE_BINS - 1 : bin;
}

void add_shade(struct canvas *canvas, float x0, float x1, float z0, float z1, float height) {
    if (canvas->num_shade == MAX_SHADE_BOXES) {
        return;
    }
    int index = canvas->num_shade++;
    canvas->shade[index] = (struct shade_box){x0, x1, z0, z1, height};
    const struct vec *sun = &canvas->light.sun;
    float reach = -height * sun->z / sun->y; /* where the shadow of the top falls, along z */
    int last = bin_of(fmaxf(z1, z1 + reach) + 1);
    for (int bin = bin_of(fminf(z0, z0 + reach) - 1); bin <= last; bin++) {
        if (canvas->bin_count[bin] < MAX_IN_BIN) {
            canvas->bins[bin][canvas->bin_count[bin]++] = (uint8_t)index;
        }
    }
}

/* Distance from a place to a box's outline on the ground, negative inside. */
static float outside(const struct shade_box *box, float x, float z) {
    return fmaxf(fmaxf(box->x0 - x, x - box->x1), fmaxf(box->z0 - z, z - box->z1));
}

void ground_light(const struct canvas *canvas, float x, float z, float *sun, float *sky) {
    const struct vec *s = &canvas->light.sun;
    int bin = bin_of(z);
    *sun = *sky = 1;
    for (int k = 0; k < canvas->bin_count[bin]; k++) {
        const struct shade_box *box = &canvas->shade[canvas->bins[bin][k]];
        /* Toward the sun, step by step up to the box's height; far ones have soft edges. */
        float steps = box->height > 4 ? 12 : 6, least = 1;
        for (float i = 0; i <= steps && least > 0; i++) {
            float h = box->height * i / steps;
            float distance = outside(box, x + h * s->x / s->y, z + h * s->z / s->y);
            float soft = 0.06F + 0.05F * h + (box->height > 4 ? 0.4F : 0);
            least = fminf(least, smooth_step(-soft, soft, distance));
        }
        *sun *= least;
        float near = fmaxf(0, outside(box, x, z));
        *sky *= 1 - 0.55F * expf(-near / (0.12F + 0.14F * fminf(box->height, 4)));
    }
}

/* The four samples of a pixel vote; where two labels tie, the nearer wins. */
static uint8_t vote(const struct canvas *canvas, const size_t at[4]) {
    size_t best = at[0];
    int most = 0;
    for (int a = 0; a < 4; a++) {
        int votes = 0;
        for (int b = 0; b < 4; b++) {
            votes += canvas->label[at[a]] == canvas->label[at[b]];
        }
        if (votes > most || (votes == most && canvas->depth[at[a]] < canvas->depth[best])) {
            most = votes;
            best = at[a];
        }
    }
    return canvas->label[best];
}

/* Roughly normal with deviation 1. */
static float grain_value(struct random *random) {
    float sum = -2;
    for (int i = 0; i < 4; i++) {
        sum += random_range(random, 0, 1);
    }
    return sum * 1.73F;
}

void canvas_develop(const struct canvas *canvas, float exposure, float grain, uint32_t seed, uint8_t *rgb,
                    uint8_t *labels) {
    int width = canvas->width / 2, height = canvas->height / 2;
    size_t row = (size_t)canvas->width;
    struct random random = {.state = seed};
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            size_t first = 2 * (size_t)y * row + 2 * (size_t)x;
            size_t at[4] = {first, first + 1, first + row, first + row + 1};
            size_t i = (size_t)y * (size_t)width + (size_t)x;
            float dx = 2 * (float)x / (float)width - 1, dy = 2 * (float)y / (float)height - 1;
            float light = exposure * (1 - 0.10F * (dx * dx + dy * dy)), common = grain_value(&random);
            for (size_t c = 0; c < 3; c++) {
                float sum = 0;
                for (int k = 0; k < 4; k++) {
                    sum += (float)canvas->rgb[3 * at[k] + c];
                }
                float value = sum / 4 * light;
                value += grain * (0.5F + value / 255) * (0.8F * common + 0.5F * grain_value(&random));
                rgb[3 * i + c] = (uint8_t)fminf(fmaxf(value + 0.5F, 0), 255);
            }
            labels[i] = vote(canvas, at);
        }
    }
}
