/*
 * Low contrast: x ← clip((x - mean) c + mean, 0, 1), the mean of each channel.
 *
 * A channel has 256 values, so the definition is worked out once for each. The mean comes
 * from an exact integer sum, where NumPy's is rounded: they differ by 1e-16.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

// clang-format off
static const double factor[NATURAL_SETS][5] = {
    [NATURAL_224]   = {.40, .3, .2, .1, .05},
    [NATURAL_CIFAR] = {.75, .5, .4, .3, .15},
    [NATURAL_64]    = {.40, .3, .2, .1, .05},
    [NATURAL_299]   = {.40, .3, .2, .1, .05},
};
// clang-format on

SIMD_CLONES
static void sums(const uint8_t *x, size_t count, uint64_t sum[3])
{
    uint64_t r = 0, g = 0, b = 0;
    for (size_t i = 0; i < count; i++) {
        r += x[3 * i];
        g += x[3 * i + 1];
        b += x[3 * i + 2];
    }
    sum[0] = r;
    sum[1] = g;
    sum[2] = b;
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    size_t count = (size_t)image->width * (size_t)image->height;
    double c = factor[args->set][args->severity - 1];
    uint64_t sum[3];
    sums(image->data, count, sum);
    uint8_t byte[3][256];
    for (int channel = 0; channel < 3; channel++) {
        double mean = (double)sum[channel] / 255.0 / (double)count;
        for (int v = 0; v < 256; v++)
            byte[channel][v] = byte_from_unit(((double)v / 255.0 - mean) * c + mean);
    }
    for (size_t i = 0; i < 3 * count; i += 3) {
        image->data[i] = byte[0][image->data[i]];
        image->data[i + 1] = byte[1][image->data[i + 1]];
        image->data[i + 2] = byte[2][image->data[i + 2]];
    }
    return OK;
}

const struct natural natural_contrast = {
    .name = "contrast",
    .summary = "contrast lowered around the mean of each channel",
    .source = "arXiv:1903.12261",
    .group = "digital",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .render = render,
};
