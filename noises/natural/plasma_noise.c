/*
 * Coloured swirls: x ← clip((1 - a/255) x + a n, 0, 255), a = 6.4 level; n are three sines
 * of coordinates that were bent into each other four to six times.
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: ImageNet-C-bar's levels.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"
#include "noises/natural/parts/functions.h"

#include <math.h>

static const double level[5] = {4.75, 7, 8.5, 9.25, 10};

struct plasma {
    double time, sharpness, scale;
    int bends;
};

/* A row of the picture, of which x and y are coordinates in units of the scale. */
SIMD_CLONES
static void paint(const struct plasma *p, double *restrict x, double *restrict y, int width,
                  double strength, uint8_t *restrict rgb)
{
    double frequency = 1, slow = 1, weight = 1;
    for (int i = 0; i < p->bends; i++) {
        for (int k = 0; k < width; k++) {
            double a = cosine(y[k] * frequency + p->time / slow) / weight;
            double b = sine(x[k] * frequency + p->time / slow) / weight;
            x[k] += a - b * 0.3;
            y[k] += b + a * 0.3;
        }
        frequency *= 1.93;
        slow *= 1.15;
        weight *= 2.25 - p->sharpness;
    }
    double middle = sin(p->time), rest = 1 - strength / 255;
    for (int k = 0; k < width; k++, rgb += 3) {
        double red = sine(x[k] - p->time), blue = sine(y[k] + p->time);
        double green = sine((x[k] + y[k] + middle) * 0.5);
        rgb[0] = byte_clipped(rest * rgb[0] + strength * red);
        rgb[1] = byte_clipped(rest * rgb[1] + strength * green);
        rgb[2] = byte_clipped(rest * rgb[2] + strength * blue);
    }
}

/* draws->uniform: time, number of bends, sharpness, scale. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    int side = shorter_side(image);
    double strength = level[args->severity - 1] * 64 / 10;
    const struct plasma plasma = {
        .time = 6 * M_PI * (double)draws->uniform[0],
        .bends = 4 + (int)(3 * (double)draws->uniform[1]),
        .sharpness = .5 + .5 * (double)draws->uniform[2],
        .scale = (.075 + .125 * (double)draws->uniform[3]) * side,
    };
    size_t width = (size_t)image->width;
    struct grid rows;
    enum status st = grid_init(&rows, image->width, 2, 1);
    double *x = rows.data;
    for (int row = 0; !st && row < image->height; row++) {
        for (size_t k = 0; k < width; k++) {
            x[k] = (double)k / plasma.scale;
            x[width + k] = row / plasma.scale;
        }
        paint(&plasma, x, x + width, image->width, strength, image_row(image, row));
    }
    grid_clear(&rows);
    return st;
}

const struct natural natural_plasma_noise = {
    .name = "plasma_noise",
    .summary = "coloured swirls: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .uniforms = {.fixed = 4},
    .render = render,
};
