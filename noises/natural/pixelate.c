/*
 * Pixelation: box filter down to a fraction of the size, box filter up again, both as
 * Pillow does them.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

#include "noises/system/system.h"

// clang-format off
static const double fraction[NATURAL_SETS][5] = {
    [NATURAL_224]   = {.60, .50, .40, .30, .25},
    [NATURAL_CIFAR] = {.95, .90, .85, .75, .65},
    [NATURAL_64]    = {.90, .80, .70, .60, .50},
    [NATURAL_299]   = {.50, .40, .30, .25, .20},
};
// clang-format on

static enum status apply(struct image *image, const struct natural_args *args,
                         struct rng *rng)
{
    (void)rng;
    double part = fraction[args->set][args->severity - 1];
    int width = (int)(image->width * part), height = (int)(image->height * part);
    const struct resizer *box;
    struct image small = {0}, large = {0};

    enum status st = resizer_find("pillow-box", &box);
    if (!st)
        st = box->resize(image, width > 0 ? width : 1, height > 0 ? height : 1, NULL,
                         &small);
    if (!st)
        st = box->resize(&small, image->width, image->height, NULL, &large);
    if (!st) {
        image_clear(image);
        *image = large;
    }
    image_clear(&small);
    return st;
}

const struct natural natural_pixelate = {
    .name = "pixelate",
    .summary = "shrunk and enlarged with a box filter",
    .source = "arXiv:1903.12261",
    .group = "digital",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .apply = apply,
};
