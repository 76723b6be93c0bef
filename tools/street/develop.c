/* Sky and ground light, and the camera's last steps: samples to pixels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

static const float grain = 2.2F; /* deviation of the camera's noise, of 255 */

void draw_sky(struct canvas *canvas) {
    const struct light *light = &canvas->light;
    for (int y = 0; y < canvas->height; y++) {
        float up = (canvas->horizon - (float)y) / canvas->focal;
        float height = most(up, 0.004F);
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
    const struct vec *sun = &canvas->light.sun;
    /* Where the shadow of the top falls, and a margin for soft edges. */
    float across = -height * sun->x / sun->y, along = -height * sun->z / sun->y, margin = 1.5F;
    struct shade_box box = {.x0 = x0,
                            .x1 = x1,
                            .z0 = z0,
                            .z1 = z1,
                            .height = height,
                            .left = least(x0, x0 + across) - margin,
                            .right = most(x1, x1 + across) + margin,
                            .near = least(z0, z0 + along) - margin,
                            .far = most(z1, z1 + along) + margin};
    canvas->shade[index] = box;
    int last = bin_of(box.far);
    for (int bin = bin_of(box.near); bin <= last; bin++) {
        if (canvas->bin_count[bin] < MAX_IN_BIN) {
            canvas->bins[bin][canvas->bin_count[bin]++] = (uint8_t)index;
        }
    }
}

/* Distance from a place to a box's outline on the ground, negative inside. */
static float outside(const struct shade_box *box, float x, float z) {
    return most(most(box->x0 - x, x - box->x1), most(box->z0 - z, z - box->z1));
}

void ground_light(const struct canvas *canvas, float x, float z, float *sun, float *sky) {
    const struct vec *s = &canvas->light.sun;
    float lean_x = s->x / s->y, lean_z = s->z / s->y;
    int bin = bin_of(z);
    *sun = *sky = 1;
    for (int k = 0; k < canvas->bin_count[bin]; k++) {
        const struct shade_box *box = &canvas->shade[canvas->bins[bin][k]];
        if (x < box->left || x > box->right || z < box->near || z > box->far) {
            continue;
        }
        float beside = most(0, outside(box, x, z));
        if (beside < 1.5F) {
            *sky *= 1 - 0.55F * expf(-beside / (0.12F + 0.14F * least(box->height, 4)));
        }
        /* Toward the sun, step by step up to the box's height; what is high has soft edges. */
        int steps = box->height > 4 ? 10 : 5;
        float up = box->height / (float)steps, base = 0.06F + (box->height > 4 ? 0.4F : 0), left = 1;
        for (int i = 0; i <= steps && *sun > 0; i++) {
            float h = up * (float)i, soft = base + 0.05F * h;
            float distance = outside(box, x + h * lean_x, z + h * lean_z);
            if (distance < soft) {
                left = least(left, smooth_step(-soft, soft, distance));
            }
        }
        *sun *= left;
    }
}

/* The four samples of a pixel vote; where two labels tie, the nearer wins. */
static uint8_t vote(const struct canvas *canvas, const size_t at[4]) {
    size_t best = at[0];
    int highest = 0;
    for (int a = 0; a < 4; a++) {
        int votes = 0;
        for (int b = 0; b < 4; b++) {
            votes += canvas->label[at[a]] == canvas->label[at[b]];
        }
        if (votes > highest || (votes == highest && canvas->depth[at[a]] < canvas->depth[best])) {
            highest = votes;
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

/* What brings the mean of the picture to a common brightness, in bounds: a dull street stays somewhat dull. */
static float exposure_for(const struct canvas *canvas) {
    size_t count = 3 * (size_t)canvas->width * (size_t)canvas->height;
    double sum = 0;
    for (size_t i = 0; i < count; i += 7) {
        sum += canvas->rgb[i];
    }
    float mean = (float)(sum / ((double)count / 7)), wanted = 92;
    return least(most(wanted / most(mean, 1), 0.85F), 1.5F);
}

void canvas_develop(const struct canvas *canvas, uint32_t seed, uint8_t *rgb, uint8_t *labels) {
    int width = canvas->width / 2, height = canvas->height / 2;
    size_t row = (size_t)canvas->width;
    struct random random = {.state = seed};
    float exposure = exposure_for(canvas);
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
                rgb[3 * i + c] = (uint8_t)least(most(value + 0.5F, 0), 255);
            }
            labels[i] = vote(canvas, at);
        }
    }
}
