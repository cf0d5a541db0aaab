/*
 * Fog: x ← (x + a m) max(x) / (max(x) + a), m a diamond-square map in [0,1].
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

struct fog {
    double density, decay;
};

// clang-format off
static const struct fog fog[NATURAL_SETS][5] = {
    [NATURAL_224]   = {{1.5, 2}, {2.0, 2}, {2.50, 1.7}, {2.5, 1.5}, {3.0, 1.40}},
    [NATURAL_CIFAR] = {{0.2, 3}, {0.5, 3}, {0.75, 2.5}, {1.0, 2.0}, {1.5, 1.75}},
    [NATURAL_64]    = {{0.4, 3}, {0.7, 3}, {1.00, 2.5}, {1.5, 2.0}, {2.0, 1.75}},
    [NATURAL_299]   = {{1.5, 2}, {2.0, 2}, {2.50, 1.8}, {2.5, 1.6}, {3.0, 1.50}},
};
// clang-format on

/* The map is the next power of two: 256 for 224 pixels. */
static int map_side(const struct image *image)
{
    int side = 1;
    while (side < image->width || side < image->height)
        side *= 2;
    return side;
}

SIMD_CLONES
static void thicken(uint8_t *restrict row, const double *restrict map, int width,
                    double a, double top)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            double v = (double)row[3 * x + c] / 255.0 + a * map[x];
            row[3 * x + c] = byte_from_unit(v * top / (top + a));
        }
}

/* draws->uniform: what plasma_map() takes. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    struct fog c = fog[args->set][args->severity - 1];
    struct grid map;
    enum status st = plasma_map(map_side(image), c.decay, draws->uniform, &map);
    if (st)
        return st;
    uint8_t top = 0;
    for (size_t i = 0; i < image_size(image); i++)
        top = image->data[i] > top ? image->data[i] : top;
    for (int y = 0; y < image->height; y++)
        thicken(image_row(image, y), map.data + (size_t)y * (size_t)map.width,
                image->width, c.density, (double)top / 255.0);
    grid_clear(&map);
    return OK;
}

static enum status draw(const struct image *image, const struct natural_args *args,
                        struct rng *rng, struct natural_draws *draws)
{
    (void)args;
    size_t side = (size_t)map_side(image);
    return draws_uniform(draws, rng, side * side - 1);
}

const struct natural natural_fog = {
    .name = "fog",
    .summary = "fog from a diamond-square map",
    .source = "arXiv:1903.12261",
    .group = "weather",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .draw = draw,
    .render = render,
};
