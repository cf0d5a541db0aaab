/*
 * White all around one star, through which the picture shows: x ← 255 + f (x - 255).
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: levels of ImageNet-C-bar
 * and CIFAR-10-C-bar.
 */
#include "noises/natural/parts.h"

#include "noises/natural/parts/star.h"

static const double level[2][5] = {{1, 2, 4, 9, 10}, {1, 1.5, 2.5, 4.5, 5}};

static void place(struct star *star, const struct image *image, double level_now,
                  const struct natural_draws *draws)
{
    int side = shorter_side(image);
    double lengths[STAR_RAYS], radius = 0.25 * side, amount = 100 - level_now * 65 / 10;
    const float *u = draws->uniform;
    int rays = STAR_FEWEST + (int)((STAR_RAYS - STAR_FEWEST) * (double)u[2]);
    for (int ray = 0; ray < rays; ray++)
        lengths[ray] = radius + 0.25 * radius * (double)draws->normal[ray];
    star->y = (0.25 + 0.5 * (double)u[0]) * image->height;
    star->x = (0.25 + 0.5 * (double)u[1]) * image->width;
    star->exponent = (100 - amount) / 50;
    star_init(star, lengths, rays);
}

/* draws->uniform: the centre, the number of rays; draws->normal: their lengths. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    struct star star;
    struct grid rows;
    enum status st = grid_init(&rows, image->width, 2, 1);
    double *light = rows.data;
    place(&star, image, level[set_is_small(args->set)][args->severity - 1], draws);
    for (int y = 0; !st && y < image->height; y++) {
        uint8_t *p = image_row(image, y);
        star_row(&star, y, image->width, light);
        for (int k = 0; k < 3 * image->width; k++)
            p[k] = byte_clipped(255 + light[k / 3] * (p[k] - 255));
    }
    grid_clear(&rows);
    return st;
}

const struct natural natural_inverse_sparkles = {
    .name = "inverse_sparkles",
    .summary = "white around a star of light: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .normals = {.fixed = STAR_RAYS},
    .uniforms = {.fixed = 3},
    .render = render,
};
