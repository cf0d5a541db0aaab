/*
 * JPEG at low quality, 4:2:0 as Pillow writes it.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

// clang-format off
static const int quality[NATURAL_SETS][5] = {
    [NATURAL_224]   = {25, 18, 15, 10,  7},
    [NATURAL_CIFAR] = {80, 65, 58, 50, 40},
    [NATURAL_64]    = {65, 58, 50, 40, 25},
    [NATURAL_299]   = {23, 16, 13,  8,  5},
};
// clang-format on

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    return jpeg_round_trip(image, quality[args->set][args->severity - 1]);
}

const struct natural natural_jpeg_compression = {
    .name = "jpeg_compression",
    .summary = "JPEG at low quality, there and back",
    .source = "arXiv:1903.12261",
    .group = "digital",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .render = render,
};
