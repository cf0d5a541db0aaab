/*
 * Coloured swirls: x ← clip((1 - a/255) x + a n, 0, 255), a = 6.4 level; n are three sines
 * of coordinates that were bent into each other four to six times.
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: ImageNet-C-bar's levels.
 */
#include "noises/natural/parts.h"

#include <math.h>

static const double level[5] = {4.75, 7, 8.5, 9.25, 10};

struct plasma {
    double time, sharpness, scale;
    int bends;
};

static void colours(const struct plasma *p, double x, double y, double out[3])
{
    double frequency = 1, slow = 1, weight = 1;
    x /= p->scale;
    y /= p->scale;
    for (int i = 0; i < p->bends; i++) {
        double a = cos(y * frequency + p->time / slow) / weight;
        double b = sin(x * frequency + p->time / slow) / weight;
        x += a - b * 0.3;
        y += b + a * 0.3;
        frequency *= 1.93;
        slow *= 1.15;
        weight *= 2.25 - p->sharpness;
    }
    out[0] = sin(x - p->time);
    out[1] = sin((x + y + sin(p->time)) * 0.5);
    out[2] = sin(y + p->time);
}

/* draws->uniform: time, number of bends, sharpness, scale. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    int side = image->width < image->height ? image->width : image->height;
    double strength = level[args->severity - 1] * 64 / 10;
    const struct plasma plasma = {
        .time = 6 * M_PI * (double)draws->uniform[0],
        .bends = 4 + (int)(3 * (double)draws->uniform[1]),
        .sharpness = .5 + .5 * (double)draws->uniform[2],
        .scale = (.075 + .125 * (double)draws->uniform[3]) * side,
    };
    for (int y = 0; y < image->height; y++) {
        uint8_t *pixel = image_row(image, y);
        for (int x = 0; x < image->width; x++) {
            double noise[3];
            colours(&plasma, x, y, noise);
            for (int c = 0; c < 3; c++, pixel++)
                *pixel =
                    byte_clipped((1 - strength / 255) * *pixel + strength * noise[c]);
        }
    }
    return OK;
}

static enum status apply(struct image *image, const struct natural_args *args,
                         struct rng *rng)
{
    struct natural_draws draws = {0};
    enum status st = draws_uniform(&draws, rng, 4);
    if (!st)
        st = render(image, args, &draws);
    draws_clear(&draws);
    return st;
}

const struct natural natural_plasma_noise = {
    .name = "plasma_noise",
    .summary = "coloured swirls: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .apply = apply,
    .render = render,
};
