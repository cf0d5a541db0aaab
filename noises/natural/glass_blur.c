/*
 * Frosted glass: Gaussian blur, pixels copied from close by, Gaussian blur.
 *
 * The original means to swap two pixels, but both sides of its swap are views of the same
 * array: the second assignment copies back what the first has just written. So a pixel is
 * overwritten and its partner stays, from the last row and column to the first. Offsets
 * lie in [-delta, delta), upper bound excluded, as NumPy's randint has it.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

#include <stdlib.h>
#include <string.h>

struct glass {
    double sigma;
    int delta, rounds;
};

// clang-format off
static const struct glass glass[NATURAL_SETS][5] = {
    [NATURAL_224]   = {{.7, 1, 2}, {.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}},
    [NATURAL_CIFAR] = {{.05, 1, 1}, {.25, 1, 1}, {.4, 1, 1}, {.25, 1, 2}, {.4, 1, 2}},
    [NATURAL_64]    = {{.1, 1, 1}, {.5, 1, 1}, {.6, 1, 2}, {.7, 2, 1}, {.9, 2, 2}},
    [NATURAL_299]   = {{.8, 1, 3}, {1, 3, 1}, {1.1, 2, 4}, {1.2, 4, 2}, {1.6, 5, 2}},
};
// clang-format on

static enum status blur(struct image *image, double sigma)
{
    struct grid grid;
    enum status st = grid_from_image(image, &grid);
    if (!st)
        st = gauss_blur(&grid, sigma, &grid);
    if (!st)
        grid_to_image(&grid, image);
    grid_clear(&grid);
    return st;
}

/* Rows and columns that have neighbours `delta` away on every side. */
static size_t places(const struct image *image, int delta)
{
    int rows = image->height - 2 * delta, columns = image->width - 2 * delta;
    return rows > 0 && columns > 0 ? (size_t)rows * (size_t)columns : 0;
}

static const uint32_t *shuffle(struct image *image, int delta, const uint32_t *offset)
{
    if (!places(image, delta))
        return offset;
    ptrdiff_t stride = 3 * (ptrdiff_t)image->width;
    for (int h = image->height - delta; h > delta; h--) {
        uint8_t *row = image_row(image, h);
        for (int w = image->width - delta; w > delta; w--, offset += 2) {
            int dx = (int)offset[0] - delta, dy = (int)offset[1] - delta;
            memcpy(row + 3 * w, row + 3 * (w + dx) + dy * stride, 3);
        }
    }
    return offset;
}

/* draws->integer: dx + delta and dy + delta for each place in turn, in [0, 2 delta). */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    struct glass c = glass[args->set][args->severity - 1];
    enum status st = blur(image, c.sigma);
    if (st)
        return st;
    const uint32_t *offset = draws->integer;
    for (int i = 0; i < c.rounds; i++)
        offset = shuffle(image, c.delta, offset);
    return blur(image, c.sigma);
}

static enum status draw(const struct image *image, const struct natural_args *args,
                        struct rng *rng, struct natural_draws *draws)
{
    struct glass c = glass[args->set][args->severity - 1];
    uint64_t range = 2 * (uint64_t)c.delta;
    size_t count = 2 * (size_t)c.rounds * places(image, c.delta);
    enum status st = draws_words(draws, rng, count);
    for (size_t i = 0; !st && i < count; i++)
        draws->integer[i] = (uint32_t)(draws->integer[i] * range >> 32);
    return st;
}

const struct natural natural_glass_blur = {
    .name = "glass_blur",
    .summary = "seen through frosted glass: pixels shuffled nearby",
    .source = "arXiv:1903.12261",
    .group = "blur",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .draw = draw,
    .render = render,
};
