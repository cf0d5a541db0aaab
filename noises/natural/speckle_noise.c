/*
 * Multiplicative Gaussian noise: x ← clip(x + x sigma n, 0, 1), n ~ N(0,1).
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261; one of the four validation
 * corruptions.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

// clang-format off
static const double sigma[NATURAL_SETS][5] = {
    [NATURAL_224]   = {.15, .20, .35, .45, .60},
    [NATURAL_CIFAR] = {.06, .10, .12, .16, .20},
    [NATURAL_64]    = {.15, .20, .25, .30, .35},
    [NATURAL_299]   = {.16, .21, .36, .46, .61},
};
// clang-format on

SIMD_CLONES
static void multiply(uint8_t *restrict bytes, const float *restrict n, size_t count,
                     double scale)
{
    for (size_t i = 0; i < count; i++) {
        double x = (double)bytes[i] / 255.0;
        bytes[i] = byte_from_unit(x + x * (scale * (double)n[i]));
    }
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    multiply(image->data, draws->normal, image_size(image),
             sigma[args->set][args->severity - 1]);
    return OK;
}

const struct natural natural_speckle_noise = {
    .name = "speckle_noise",
    .summary = "noise in proportion to the pixel",
    .source = "arXiv:1903.12261",
    .group = "noise",
    .severities = 5,
    .impl = 1,
    .normals = {.each = 3},
    .render = render,
};
