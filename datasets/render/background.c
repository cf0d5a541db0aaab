/*
 * Backgrounds: noise whose power falls as a power of frequency, then "dead leaves",
 * ellipses and bars with sizes from a power law that cover each other. Both alone have the
 * second-order statistics of natural pictures; the leaves add their edges and occlusions.
 *
 * Source: Field 1987, doi:10.1364/JOSAA.4.002379; Lee, Mumford and Huang 2001,
 * doi:10.1023/A:1011109015675.
 */
#include "datasets/render/render.h"

#include "base/mem.h"

#include <stdlib.h>

enum { OCTAVES = 7, LARGEST_CELL = 128 };

static float smooth(float t)
{
    return t * t * (3 - 2 * t);
}

/* Adds one octave to a plane: random values `cell` pixels apart, smoothly between. */
static void add_octave(float *plane, int width, int height, int cell, float amplitude,
                       struct rng *rng)
{
    int columns = width / cell + 2, rows = height / cell + 2;
    float *values = mem_array((size_t)columns * (size_t)rows, sizeof *values);
    float *line = mem_array((size_t)columns, sizeof *line);
    float weights[LARGEST_CELL];
    for (int i = 0; i < cell; i++)
        weights[i] = smooth((float)i / (float)cell);
    rng_fill_uniform(rng, values, (size_t)columns * (size_t)rows, -amplitude, amplitude);
    for (int y = 0; y < height; y++) {
        const float *above = values + (y / cell) * columns, *below = above + columns;
        float ty = weights[y % cell];
        for (int i = 0; i < columns; i++)
            line[i] = above[i] + (below[i] - above[i]) * ty;
        for (int i = 0, x = 0; x < width; i++, x += cell) {
            float *out = plane + y * width + x;
            int count = width - x < cell ? width - x : cell;
            for (int k = 0; k < count; k++)
                out[k] += line[i] + (line[i + 1] - line[i]) * weights[k];
        }
    }
    free(values);
    free(line);
}

/* `fall` is the ratio of amplitudes from one octave to the next finer: 1 is pure 1/f. */
static float *draw_noise(int width, int height, float fall, int octaves, struct rng *rng)
{
    float *plane = mem_array((size_t)width * (size_t)height, sizeof *plane);
    float amplitude = 1, total = 0;
    for (int i = 0; i < octaves; i++, amplitude *= fall)
        total += amplitude;
    amplitude = 1;
    for (int i = 0; i < octaves; i++, amplitude *= fall)
        add_octave(plane, width, height, LARGEST_CELL >> i, amplitude / total * 1.6f,
                   rng);
    return plane;
}

struct leaf {
    float x, y, cos, sin, a, b; /* centre, axis, half lengths */
    bool bar;
    struct vec colour, slope; /* slope: how light changes across it */
};

/* 1 inside, 0 outside, between over about a pixel. */
static float leaf_cover(const struct leaf *leaf, float x, float y)
{
    float dx = x - leaf->x, dy = y - leaf->y;
    float u = (dx * leaf->cos + dy * leaf->sin) / leaf->a;
    float v = (dy * leaf->cos - dx * leaf->sin) / leaf->b;
    float least = leaf->a < leaf->b ? leaf->a : leaf->b;
    float reach =
        leaf->bar ? (fabsf(u) > fabsf(v) ? fabsf(u) : fabsf(v)) : sqrtf(u * u + v * v);
    return clamp01((1 - reach) * least + 0.5f);
}

static void put_leaf(struct canvas *canvas, const struct leaf *leaf, const float *texture,
                     float depth)
{
    float reach = sqrtf(leaf->a * leaf->a + leaf->b * leaf->b) + 1;
    int x0 = (int)floorf(leaf->x - reach), x1 = (int)floorf(leaf->x + reach) + 1;
    int y0 = (int)floorf(leaf->y - reach), y1 = (int)floorf(leaf->y + reach) + 1;
    x0 = x0 < 0 ? 0 : x0;
    y0 = y0 < 0 ? 0 : y0;
    x1 = x1 > canvas->width ? canvas->width : x1;
    y1 = y1 > canvas->height ? canvas->height : y1;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            float cover = leaf_cover(leaf, (float)x, (float)y);
            if (cover <= 0)
                continue;
            size_t at = (size_t)y * (size_t)canvas->width + (size_t)x;
            float light = 1 + ((float)x - leaf->x) * leaf->slope.x +
                          ((float)y - leaf->y) * leaf->slope.y + depth * texture[at];
            struct vec colour = vec_scale(leaf->colour, light > 0.1f ? light : 0.1f);
            struct vec *pixel = &canvas->pixels[at];
            *pixel = vec_add(vec_scale(*pixel, 1 - cover), vec_scale(colour, cover));
        }
}

/* A half length with density 1/r^3 between the limits: r = low / sqrt(1 - u (1 - q^2)). */
static float draw_size(struct rng *rng, float low, float high)
{
    float ratio = low / high, u = draw_between(rng, 0, 1);
    return low / sqrtf(1 - u * (1 - ratio * ratio));
}

static void draw_leaf(struct leaf *leaf, struct rng *rng, float size)
{
    struct vec axis = draw_direction(rng);
    float flat = sqrtf(axis.x * axis.x + axis.y * axis.y);
    struct paint paint;
    paint_draw(&paint, rng, 0.15f, 0.75f);
    leaf->cos = flat > 0.01f ? axis.x / flat : 1;
    leaf->sin = flat > 0.01f ? axis.y / flat : 0;
    leaf->a = size;
    leaf->b = size * draw_between(rng, 0.15f, 1);
    leaf->bar = draw_chance(rng, 0.4f);
    leaf->colour = paint.colour[0];
    leaf->slope = vec_scale(draw_direction(rng), 0.5f / (size + 1));
}

/* Noise as the ground: a colour, its light and its tint changing with the planes. */
static void put_ground(struct canvas *canvas, const float *light, const float *tint,
                       struct rng *rng)
{
    struct paint paint;
    paint_draw(&paint, rng, 0.15f, 0.75f);
    struct vec a = paint.colour[0], b = paint.colour[1];
    float depth = draw_between(rng, 0.15f, 0.6f);
    size_t count = (size_t)canvas->width * (size_t)canvas->height;
    for (size_t i = 0; i < count; i++) {
        float t = clamp01(0.5f + 0.8f * tint[i]), l = 1 + depth * light[i];
        struct vec colour = vec_add(vec_scale(a, 1 - t), vec_scale(b, t));
        canvas->pixels[i] = vec_scale(colour, l > 0.05f ? l : 0.05f);
    }
}

void background_draw(struct canvas *canvas, struct rng *rng)
{
    float fall = draw_between(rng, 0.6f, 0.95f);
    float *light = draw_noise(canvas->width, canvas->height, fall, OCTAVES, rng);
    float *tint = draw_noise(canvas->width, canvas->height, 0.6f, 4, rng);
    put_ground(canvas, light, tint, rng);
    float side = (float)(canvas->width < canvas->height ? canvas->width : canvas->height);
    int leaves = (int)rng_below(rng, 16);
    float depth = draw_between(rng, 0.2f, 1);
    for (int i = 0; i < leaves; i++) {
        struct leaf leaf = {.x = draw_between(rng, 0, (float)canvas->width),
                            .y = draw_between(rng, 0, (float)canvas->height)};
        draw_leaf(&leaf, rng, draw_size(rng, 0.05f * side, 0.6f * side));
        put_leaf(canvas, &leaf, light, depth);
    }
    free(light);
    free(tint);
}

/* Leaves at the solid's rim: the centre of each lies where it hides a part, not the whole. */
void foreground_draw(struct canvas *canvas, struct rng *rng, struct vec centre,
                     float radius, float share)
{
    float *light = draw_noise(canvas->width, canvas->height, 0.75f, OCTAVES, rng);
    int leaves = 1 + (int)rng_below(rng, 3);
    for (int i = 0; i < leaves; i++) {
        struct vec out = draw_direction(rng);
        float away = radius * draw_between(rng, 0.65f, 1.2f);
        struct leaf leaf = {.x = centre.x + out.x * away, .y = centre.y + out.y * away};
        draw_leaf(&leaf, rng, radius * share * draw_between(rng, 0.6f, 1.4f));
        put_leaf(canvas, &leaf, light, 0.6f);
    }
    free(light);
}
