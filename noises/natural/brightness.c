/*
 * Daylight: V ← clip(V + c, 0, 1) in HSV.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

// clang-format off
static const double raise[NATURAL_SETS][5] = {
    [NATURAL_224]   = {.10, .20, .30, .40, .50},
    [NATURAL_CIFAR] = {.05, .10, .15, .20, .30},
    [NATURAL_64]    = {.10, .20, .30, .40, .50},
    [NATURAL_299]   = {.10, .20, .30, .40, .50},
};
// clang-format on

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    hsv_shift(image, 1, 0, raise[args->set][args->severity - 1]);
    return OK;
}

const struct natural natural_brightness = {
    .name = "brightness",
    .summary = "more daylight: the V of HSV raised",
    .source = "arXiv:1903.12261",
    .group = "weather",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .render = render,
};
