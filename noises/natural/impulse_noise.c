/*
 * Salt and pepper: every channel value is replaced with probability p, by 1 or 0 alike.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261; scikit-image's
 * random_noise(mode='s&p').
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

// clang-format off
static const double amount[NATURAL_SETS][5] = {
    [NATURAL_224]   = {.03, .06, .09, .17, .27},
    [NATURAL_CIFAR] = {.01, .02, .03, .05, .07},
    [NATURAL_64]    = {.01, .02, .05, .08, .14},
    [NATURAL_299]   = {.04, .07, .10, .18, .28},
};
// clang-format on

/* A word is a uniform number of 31 bits, u <= p flips, and one bit for salt. */
SIMD_CLONES
static void flip(uint8_t *restrict x, const uint32_t *restrict words, size_t count,
                 uint32_t last)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t colour = words[i] & 1 ? 0 : 255;
        x[i] = words[i] >> 1 <= last ? colour : x[i];
    }
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    double p = amount[args->set][args->severity - 1];
    flip(image->data, draws->integer, image_size(image), (uint32_t)(p * 0x1p31));
    return OK;
}

const struct natural natural_impulse_noise = {
    .name = "impulse_noise",
    .summary = "salt and pepper, in each channel on its own",
    .source = "arXiv:1903.12261",
    .group = "noise",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .words = {.each = 3},
    .render = render,
};
