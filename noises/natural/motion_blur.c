/*
 * Camera motion: ImageMagick's one-sided motion blur at an angle within 45 degrees of the
 * horizontal.
 *
 * variant=imagecorruptions cuts the sum to a byte without ImageMagick's 16 bits between.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261; pixels checked against
 * ImageMagick 6.9.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

struct motion {
    double radius, sigma;
};

// clang-format off
static const struct motion motion[NATURAL_SETS][5] = {
    [NATURAL_224]   = {{10, 3}, {15, 5.0}, {15, 8}, {15, 12.0}, {20, 15.0}},
    [NATURAL_CIFAR] = {{ 6, 1}, { 6, 1.5}, { 6, 2}, { 8,  2.0}, { 9,  2.5}},
    [NATURAL_64]    = {{10, 1}, {10, 1.5}, {10, 2}, {10,  2.5}, {12,  3.0}},
    [NATURAL_299]   = {{12, 4}, {17, 6.0}, {17, 9}, {17, 13.0}, {22, 16.0}},
};
// clang-format on

SIMD_CLONES
static void widen(const uint8_t *restrict in, size_t count, double *restrict out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (double)in[i];
}

SIMD_CLONES
static void cut(const double *restrict in, size_t count, bool magick,
                uint8_t *restrict out)
{
    if (magick)
        for (size_t i = 0; i < count; i++)
            out[i] = byte_from_magick(in[i]);
    else
        for (size_t i = 0; i < count; i++)
            out[i] = (uint8_t)(int)(in[i] < 255 ? in[i] : 255);
}

/* draws->uniform[0]: the angle. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    struct motion c = motion[args->set][args->severity - 1];
    bool magick = is_original(args);
    struct trail trail = {
        .radius = c.radius,
        .sigma = c.sigma,
        .angle = -45.0 + (45.0 - -45.0) * (double)draws->uniform[0],
        .stop = !magick,
    };
    struct grid grid, blurred = {0};
    enum status st = grid_init(&grid, image->width, image->height, 3);
    if (!st) {
        widen(image->data, image_size(image), grid.data);
        st = motion_trail(&grid, &trail, &blurred);
    }
    if (!st)
        cut(blurred.data, image_size(image), magick, image->data);
    grid_clear(&grid);
    grid_clear(&blurred);
    return st;
}

static const struct param params[] = {
    VARIANT_PARAM,
    {0},
};

const struct natural natural_motion_blur = {
    .name = "motion_blur",
    .summary = "a moving camera: one-sided trail at a random angle",
    .source = "arXiv:1903.12261",
    .group = "blur",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .params = params,
    .uniforms = {.fixed = 1},
    .render = render,
};
