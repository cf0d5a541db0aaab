/*
 * Rings with a wavy edge: x ← clip(x + a (r - 1/2), 0, 255), a = 12.8 level, r the place in
 * a ring, from 0 to 1, of the distance to a centre plus a sine of the angle. (The source
 * writes the name so.)
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: ImageNet-C-bar's levels.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"
#include "noises/natural/parts/functions.h"

#include <math.h>

static const double level[5] = {3, 5, 8, 9, 10};

struct rings {
    double x, y, waves, amplitude, width, intensity;
};

/* What is left of a / b, b > 0, in [0, b). */
static inline double remainder_of(double a, double b)
{
    double rest = a - nearest(a / b) * b;
    rest = rest < 0 ? rest + b : rest;
    return rest < b ? rest : rest - b;
}

SIMD_CLONES
static void paint(const struct rings *r, int y, int width, uint8_t *restrict rgb)
{
    double dy = y - r->y;
    for (int k = 0; k < width; k++, rgb += 3) {
        double dx = k - r->x;
        double bump = sine(angle_of(dx, dy) * r->waves) * r->amplitude;
        double place = remainder_of(sqrt(dx * dx + dy * dy) + bump, r->width) / r->width;
        double wave = r->intensity * (place - 0.5);
        rgb[0] = byte_clipped(rgb[0] + wave);
        rgb[1] = byte_clipped(rgb[1] + wave);
        rgb[2] = byte_clipped(rgb[2] + wave);
    }
}

/* draws->uniform: the centre, the waves in a round, their amplitude, the width of a ring. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    int side = shorter_side(image);
    const float *u = draws->uniform;
    const struct rings rings = {
        .x = image->width * (double)u[0],
        .y = image->height * (double)u[1],
        .waves = 10 * (double)u[2],
        .amplitude = side / 10. * (double)u[3],
        .width = fmax(side / 10. * (double)u[4], 1e-6), /* the source divides by zero */
        .intensity = level[args->severity - 1] * 128 / 10,
    };
    for (int y = 0; y < image->height; y++)
        paint(&rings, y, image->width, image_row(image, y));
    return OK;
}

const struct natural natural_cocentric_sine_waves = {
    .name = "cocentric_sine_waves",
    .summary = "rings with a wavy edge: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .uniforms = {.fixed = 5},
    .render = render,
};
