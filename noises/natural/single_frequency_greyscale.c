/*
 * One plane wave: x ← clip(x + 19.6 level sin(f u + g v + p), 0, 255), one of the two
 * frequencies in (-pi, pi), the other within the first's absolute value.
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: ImageNet-C-bar's levels.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"
#include "noises/natural/parts/functions.h"

#include <math.h>

static const double level[5] = {1, 1.5, 2, 4.5, 5};

/* One row: x + a sin(f u + phase). */
SIMD_CLONES
static void add_wave(uint8_t *x, int width, double f, double phase, double intensity)
{
    for (int u = 0; u < width; u++, x += 3) {
        double wave = intensity * sine(u * f + phase);
        x[0] = byte_clipped(x[0] + wave);
        x[1] = byte_clipped(x[1] + wave);
        x[2] = byte_clipped(x[2] + wave);
    }
}

/* draws->uniform: the larger frequency, the other, which one is horizontal, the phase. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    double intensity = level[args->severity - 1] * 196 / 10;
    double large = M_PI * (2 * (double)draws->uniform[0] - 1);
    double small = fabs(large) * (2 * (double)draws->uniform[1] - 1);
    bool turned = draws->uniform[2] >= 0.5f;
    double f = turned ? small : large, g = turned ? large : small;
    double phase = 2 * M_PI * (double)draws->uniform[3];
    for (int v = 0; v < image->height; v++)
        add_wave(image_row(image, v), image->width, f, v * g + phase, intensity);
    return OK;
}

const struct natural natural_single_frequency_greyscale = {
    .name = "single_frequency_greyscale",
    .summary = "one plane wave over the picture: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .uniforms = {.fixed = 4},
    .render = render,
};
