/*
 * A camera at high ISO: photon counting, x ← clip(Poisson(25 x) / 25, 0, 1), then
 * electronics, x ← clip(x + .7 sigma n, 0, 1). The source does so with sRGB values; a sensor
 * counts light: space=linear.
 *
 * Source: Kar et al., CVPR 2022, arXiv:2203.01441.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

#include <math.h>
#include <string.h>

static const struct param params[] = {
    {"space", PARAM_WORD, "srgb", 0, 0, "srgb linear", "what is counted: values, or light"},
    {0},
};

static const double sigma[5] = {.08, .12, .18, .26, .38};

enum { PHOTONS = 25 };

SIMD_CLONES
static void expose(uint8_t *restrict x, const uint32_t *restrict counts,
                   const float *restrict n, size_t size, double scale)
{
    for (size_t i = 0; i < size; i++) {
        double light = (double)(int32_t)counts[i] / PHOTONS;
        light = light < 1 ? light : 1;
        x[i] = byte_from_unit(light + scale * (double)n[i]);
    }
}

static bool is_linear(const struct natural_args *args)
{
    return args->params && !strcmp(params_word(args->params, "space"), "linear");
}

/* The light of a byte: IEC 61966-2-1. */
static double light_of(int byte)
{
    double v = byte / 255.0;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static void count_light(const uint8_t *x, size_t size, struct rng *rng, uint32_t *counts)
{
    double mean[256];
    for (int v = 0; v < 256; v++)
        mean[v] = PHOTONS * light_of(v);
    poisson_counts_of(x, size, mean, rng, counts);
}

/* Back to the highest byte that is no lighter: values are truncated, as everywhere here. */
static void expose_light(uint8_t *x, const uint32_t *counts, const float *n, size_t size,
                         double scale)
{
    double light[256];
    for (int v = 0; v < 256; v++)
        light[v] = light_of(v);
    for (size_t i = 0; i < size; i++) {
        double seen = fmin((double)counts[i] / PHOTONS, 1) + scale * (double)n[i];
        int byte = 0;
        for (int step = 128; step; step /= 2)
            byte += seen >= light[byte + step] ? step : 0;
        x[i] = (uint8_t)byte;
    }
}

/* draws->integer: the photons; draws->normal: the electronics. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (is_linear(args) ? expose_light : expose)(image->data, draws->integer, draws->normal,
                                              image_size(image),
                                              0.7 * sigma[args->severity - 1]);
    return OK;
}

static enum status draw(const struct image *image, const struct natural_args *args,
                        struct rng *rng, struct natural_draws *draws)
{
    size_t size = image_size(image);
    enum status st = draws_room(draws, size);
    if (st)
        return st;
    if (is_linear(args))
        count_light(image->data, size, rng, draws->integer);
    else
        poisson_counts(image->data, size, PHOTONS, rng, draws->integer);
    return draws_normal(draws, rng, size);
}

const struct natural natural_iso_noise = {
    .name = "iso_noise",
    .summary = "a camera at high ISO: photons, then electronics",
    .source = "arXiv:2203.01441",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .params = params,
    .draw = draw,
    .render = render,
};
