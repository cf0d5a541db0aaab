/*
 * Five white stars of 50 to 199 uneven rays: x ← x + f (255 - x), f the light of a star.
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: levels of ImageNet-C-bar
 * and CIFAR-10-C-bar.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"
#include "noises/natural/parts/star.h"

#include <math.h>

static const double level[2][5] = {{1, 2, 3, 5, 6}, {.7, 3.5, 5.6, 6.3, 7}};

enum { STARS = 5 };

/* Star i: its centre and its number of rays are uniform numbers, the rays normal ones. */
static void place(struct star *star, int i, const struct image *image, double radius,
                  const struct natural_draws *draws)
{
    double lengths[STAR_RAYS];
    const float *u = draws->uniform + 3 * i, *n = draws->normal + STAR_RAYS * i;
    int rays = STAR_FEWEST + (int)((STAR_RAYS - STAR_FEWEST) * (double)u[2]);
    for (int ray = 0; ray < rays; ray++)
        lengths[ray] = fmax(1, radius + 0.25 * radius * (double)n[ray]);
    star->y = image->height * (double)u[0];
    star->x = image->width * (double)u[1];
    star->exponent = 1;
    star_init(star, lengths, rays);
}

/* NumPy keeps the picture in single precision between two stars. */
SIMD_CLONES
static void lighten(double *restrict value, const double *restrict light, int width)
{
    for (int k = 0; k < width; k++)
        for (int c = 0; c < 3; c++) {
            double v = (double)(float)value[3 * k + c];
            value[3 * k + c] = v + light[k] * (255 - v);
        }
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    int side = shorter_side(image);
    double radius = level[set_is_small(args->set)][args->severity - 1] * 0.1 / 10 * side;
    size_t width = (size_t)image->width;
    struct star star[STARS];
    struct grid rows;
    enum status st = grid_init(&rows, image->width, 5, 1);
    if (st)
        return st;
    double *light = rows.data, *value = light + 2 * width;
    for (int i = 0; i < STARS; i++)
        place(&star[i], i, image, radius, draws);
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image_row(image, y);
        for (size_t k = 0; k < 3 * width; k++)
            value[k] = row[k];
        for (int i = 0; i < STARS; i++) {
            star_row(&star[i], y, image->width, light);
            lighten(value, light, image->width);
        }
        for (size_t k = 0; k < 3 * width; k++)
            row[k] = byte_clipped(value[k]);
    }
    grid_clear(&rows);
    return OK;
}

const struct natural natural_sparkles = {
    .name = "sparkles",
    .summary = "five bright stars: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .normals = {.fixed = STARS * STAR_RAYS},
    .uniforms = {.fixed = 3 * STARS},
    .render = render,
};
