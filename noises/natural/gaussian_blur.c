/*
 * Gaussian blur, cut off at four sigma, edges repeated.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261; one of the four validation
 * corruptions.
 */
#include "noises/natural/parts.h"

// clang-format off
static const double sigma[NATURAL_SETS][5] = {
    [NATURAL_224]   = {1.0, 2.00, 3.0, 4.00, 6.0},
    [NATURAL_CIFAR] = {0.4, 0.60, 0.7, 0.80, 1.0},
    [NATURAL_64]    = {0.5, 0.75, 1.0, 1.25, 1.5},
    [NATURAL_299]   = {1.5, 2.50, 3.5, 4.50, 6.5},
};
// clang-format on

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    struct grid grid;
    enum status st = grid_from_image(image, &grid);
    if (!st)
        st = gauss_blur(&grid, sigma[args->set][args->severity - 1], &grid);
    if (!st)
        grid_to_image(&grid, image);
    grid_clear(&grid);
    return st;
}

const struct natural natural_gaussian_blur = {
    .name = "gaussian_blur",
    .summary = "Gaussian blur",
    .source = "arXiv:1903.12261",
    .group = "blur",
    .severities = 5,
    .impl = 1,
    .render = render,
};
