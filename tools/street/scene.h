/* A street scene: what stands where, drawn into a canvas. */
#ifndef STREET_SCENE_H
#define STREET_SCENE_H

#include "draw.h"

/* Draws scene number `number` of a series into the canvas, which is cleared first. */
void draw_scene(struct canvas *canvas, uint64_t seed, int number);

/* A place on the ground and a direction; heading 0 looks along z, pi towards the camera. */
struct place {
    struct vec at;
    float sine, cosine;
};
struct place place_at(float x, float y, float z, float heading);
/* `ahead` metres forward, `right` metres to the right, `up` metres above. */
struct vec place_point(const struct place *place, float ahead, float right, float up);

/* vehicles.c: everything stands at its middle. */
void draw_car(struct canvas *canvas, struct random *random, struct place place);
void draw_truck(struct canvas *canvas, struct random *random, struct place place);
void draw_bus(struct canvas *canvas, struct random *random, struct place place);
void draw_tram(struct canvas *canvas, struct random *random, struct place place);

/* people.c */
void draw_person(struct canvas *canvas, struct random *random, struct place place);
void draw_bicycle(struct canvas *canvas, struct random *random, struct place place, bool ridden);
void draw_motorcycle(struct canvas *canvas, struct random *random, struct place place, bool ridden);

/* furniture.c */
void draw_tree(struct canvas *canvas, struct random *random, struct vec foot, float height);
void draw_bush(struct canvas *canvas, struct random *random, struct vec foot, float radius);
/* A hedge along z. */
void draw_hedge(struct canvas *canvas, struct random *random, float x, float z0, float z1, float height);
/* `side` 1: the arm reaches to the right, -1: to the left. */
void draw_lamp(struct canvas *canvas, struct vec foot, float side);
void draw_traffic_light(struct canvas *canvas, struct random *random, struct vec foot, float arm);
void draw_sign_post(struct canvas *canvas, struct random *random, struct vec foot);
void draw_bollard(struct canvas *canvas, struct vec foot);
void draw_bin(struct canvas *canvas, struct random *random, struct vec foot);

/* houses.c: a row of lots on one side (-1 left, 1 right) of the street, its front at x. */
void draw_house(struct canvas *canvas, struct random *random, float side, float x, float z0, float z1, int floors);
void draw_skyline(struct canvas *canvas, struct random *random, float z);

#endif
