/*
 * The renderer behind synthetic:SEED:N: one solid of ten kinds before a background with
 * the statistics of natural pictures.
 *
 * Only + - * / and sqrtf are used on what becomes a pixel: IEEE 754 says their last bit,
 * so that any CPU, compiler and number of threads gives the same picture. Every draw comes
 * from the picture's own generator.
 */
#pragma once

#include "base/image.h"
#include "base/rng.h"

#include <math.h>
#include <stdbool.h>

struct vec {
    float x, y, z;
};

static inline struct vec vec_add(struct vec a, struct vec b)
{
    return (struct vec){a.x + b.x, a.y + b.y, a.z + b.z};
}

static inline struct vec vec_scale(struct vec a, float s)
{
    return (struct vec){a.x * s, a.y * s, a.z * s};
}

static inline float vec_dot(struct vec a, struct vec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline float vec_length(struct vec a)
{
    return sqrtf(vec_dot(a, a));
}

static inline struct vec vec_normal(struct vec a)
{
    float length = vec_length(a);
    return length > 0 ? vec_scale(a, 1 / length) : (struct vec){0, 0, 1};
}

static inline float clamp01(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* Uniform in [low, high); in the unit disc; on the unit sphere. */
float draw_between(struct rng *rng, float low, float high);
struct vec draw_direction(struct rng *rng);
bool draw_chance(struct rng *rng, float probability);

/* The ten kinds, in the order of their names, which is that of the labels. */
enum solid {
    SOLID_CAPSULE,
    SOLID_CONE,
    SOLID_CROSS,
    SOLID_CUBE,
    SOLID_CYLINDER,
    SOLID_OCTAHEDRON,
    SOLID_PYRAMID,
    SOLID_SPHERE,
    SOLID_STAR,
    SOLID_TORUS,
    SOLIDS
};
extern const char *const solid_names[SOLIDS];

/* A solid within the sphere of radius SHAPE_REACH; `proportion` near 1 makes it slimmer or stouter and
 * `edge` rounds it. */
#define SHAPE_REACH 1.13f
struct shape {
    enum solid solid;
    float proportion, edge;
};
/* A lower bound of the distance to the surface, negative inside. */
float shape_distance(const struct shape *shape, struct vec p);

/* What a surface is painted with: two colours (linear light) in a solid pattern. */
enum pattern {
    PATTERN_PLAIN,
    PATTERN_STRIPES,
    PATTERN_CHECKS,
    PATTERN_SPOTS,
    PATTERN_MARBLE,
    PATTERN_CLOUDS,
    PATTERNS
};
struct paint {
    enum pattern pattern;
    struct vec colour[2], direction;
    float frequency;
    uint32_t seed;
};
/* `dark` to `bright` is how light the colours are, 0 black to 1 white as perceived. */
void paint_draw(struct paint *paint, struct rng *rng, float dark, float bright);
struct vec paint_at(const struct paint *paint, struct vec p);

/* Linear light, [height][width] of three channels. */
struct canvas {
    int width, height;
    struct vec *pixels;
};

/* Noise with a power law, and leaves: ellipses and bars of all sizes upon each other. */
void background_draw(struct canvas *canvas, struct rng *rng);
/* A few leaves over the window, for what stands in front of the solid; `share` of it. */
void foreground_draw(struct canvas *canvas, struct rng *rng, struct vec centre,
                     float radius, float share);

/* A picture of `solid`; its size is drawn too, 160x120 to 320x320. ERR_NOMEM. */
enum status render_picture(enum solid solid, struct rng *rng, struct image *out);
