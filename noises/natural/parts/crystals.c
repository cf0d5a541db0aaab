/*
 * Ice crystals: feathers of needles that branch at sixty degrees, dense at the rim of the
 * pane and sparse in its middle, over a thin haze. Our own, for those without photographs.
 */
#include "noises/natural/parts.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

struct pane {
    int side;
    double *ice;
    struct rng rng;
};

static double between(struct pane *pane, double low, double high)
{
    return low + (high - low) * rng_uniform(&pane->rng);
}

/* Adds `strength` around (x, y), shared by the four pixels about it. The pane wraps. */
static void dot(struct pane *pane, double x, double y, double strength)
{
    int mask = pane->side - 1, left = (int)floor(x), top = (int)floor(y);
    double fx = x - left, fy = y - top;
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++) {
            double share = (i ? fx : 1 - fx) * (j ? fy : 1 - fy);
            double *at =
                pane->ice + ((top + j) & mask) * pane->side + ((left + i) & mask);
            *at += strength * share * (1 - *at); /* never beyond 1 */
        }
}

/* A needle thins out towards its tip and sends out pairs of smaller ones. */
static void needle(struct pane *pane, double x, double y, double angle, double length,
                   int depth)
{
    double until_branch = between(pane, 2, 5), bend = between(pane, -.004, .004);
    for (double at = 0; at < length; at += .7) {
        double left = 1 - at / length;
        x += .7 * cos(angle);
        y += .7 * sin(angle);
        angle += bend;
        dot(pane, x, y, (.25 + .45 * left) * (depth ? .8 : 1));
        until_branch -= .7;
        if (until_branch > 0 || depth >= 2 || length < 8)
            continue;
        until_branch = between(pane, depth ? 4 : 3, depth ? 10 : 8);
        double part = left * between(pane, .08, .3) * length;
        needle(pane, x, y, angle + 1.0472, part, depth + 1);
        needle(pane, x, y, angle - 1.0472, part * between(pane, .7, 1), depth + 1);
    }
}

/* Seeds are likelier near the rim of the pane, and grow from there. */
static void grow(struct pane *pane)
{
    int feathers = pane->side;
    for (int i = 0; i < feathers; i++) {
        double x = between(pane, 0, pane->side), y = between(pane, 0, pane->side);
        double dx = x / pane->side - .5, dy = y / pane->side - .5;
        double rim = 2 * fmax(fabs(dx), fabs(dy));
        if (between(pane, 0, 1) > .1 + .9 * rim * rim * rim)
            continue;
        double angle = between(pane, 0, 6.2831853), length = between(pane, 30, 150);
        int arms = between(pane, 0, 1) < .06 ? 6 : 1;
        for (int arm = 0; arm < arms; arm++)
            needle(pane, x, y, angle + arm * 1.0472, arms > 1 ? length / 2 : length, 0);
    }
}

struct image overlay_crystals(int side, uint64_t seed)
{
    struct image image;
    struct grid ice = {side, side, 1,
                       mem_array((size_t)side * (size_t)side, sizeof(double))};
    struct grid glow = {0}, fine = {0};
    struct pane pane = {.side = side, .ice = ice.data};
    rng_open(&pane.rng, seed, "frost", "crystals", 1);
    grow(&pane);
    /* Memory for one texture: nobody can go on without it, so as mem_new() does, stop. */
    if (gauss_blur(&ice, .6, &fine) || gauss_blur(&ice, 24, &glow) ||
        image_init(&image, side, side, 3))
        abort();
    for (size_t i = 0; i < (size_t)side * (size_t)side; i++) {
        double v = .36 + .40 * fine.data[i] + .50 * glow.data[i];
        v = v < 1 ? v : 1;
        image.data[3 * i] = (uint8_t)(235 * v * (.8 + .2 * v));
        image.data[3 * i + 1] = (uint8_t)(243 * v * (.9 + .1 * v));
        image.data[3 * i + 2] = (uint8_t)(252 * v);
    }
    grid_clear(&ice);
    grid_clear(&fine);
    grid_clear(&glow);
    return image;
}
