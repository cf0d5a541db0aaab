/*
 * Additive Gaussian noise: x ← clip(x + sigma n, 0, 1), n ~ N(0,1), on x in [0,1].
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261; sigmas as in the
 * authors' make_imagenet_c.py and its sisters for 32, 64 and 299 pixels.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

// clang-format off
static const double sigma[NATURAL_SETS][5] = {
    [NATURAL_224]   = {.08, .12, .18, .26, .38},
    [NATURAL_CIFAR] = {.04, .06, .08, .09, .10},
    [NATURAL_64]    = {.04, .08, .12, .15, .18},
    [NATURAL_299]   = {.09, .13, .19, .27, .40},
};
// clang-format on

SIMD_CLONES
static void add(uint8_t *restrict x, const float *restrict n, size_t count, double scale)
{
    for (size_t i = 0; i < count; i++)
        x[i] = byte_from_unit((double)x[i] / 255.0 + scale * (double)n[i]);
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    add(image->data, draws->normal, image_size(image),
        sigma[args->set][args->severity - 1]);
    return OK;
}

const struct natural natural_gaussian_noise = {
    .name = "gaussian_noise",
    .summary = "additive Gaussian noise, as of a sensor in low light",
    .source = "arXiv:1903.12261",
    .group = "noise",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .normals = {.each = 3},
    .render = render,
};
