/*
 * Saturation: S ← clip(a S + b, 0, 1) in HSV; paler first, then gaudier.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261; one of the four validation
 * corruptions.
 */
#include "noises/natural/parts.h"

struct line {
    double a, b;
};

// clang-format off
static const struct line shift[NATURAL_SETS][5] = {
    [NATURAL_224]   = {{.3, 0}, {.1, 0}, {2.0, 0}, {5, .1}, {20., .2}},
    [NATURAL_CIFAR] = {{.3, 0}, {.1, 0}, {1.5, 0}, {2, .1}, {2.5, .2}},
    [NATURAL_64]    = {{.3, 0}, {.1, 0}, {2.0, 0}, {5, .1}, {30., .2}},
    [NATURAL_299]   = {{.3, 0}, {.1, 0}, {2.0, 0}, {5, .1}, {20., .2}},
};
// clang-format on

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    struct line line = shift[args->set][args->severity - 1];
    hsv_shift(image, line.a, line.b, 0);
    return OK;
}

const struct natural natural_saturate = {
    .name = "saturate",
    .summary = "the S of HSV scaled down, then up",
    .source = "arXiv:1903.12261",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .render = render,
};
