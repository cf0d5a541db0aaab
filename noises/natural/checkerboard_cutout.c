/*
 * Grey squares: a turned checkerboard, of whose dark fields a part is painted over.
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: levels of ImageNet-C-bar
 * and CIFAR-10-C-bar.
 */
#include "noises/natural/parts.h"

#include <math.h>

static const double level[2][5] = {{2, 3, 4, 5, 6}, {1, 2, 3, 4, 5}};

enum { FIELDS = 40, DRAWS = 2 + FIELDS * FIELDS }; /* a field is a tenth of the side or more */

static int wrapped(double at, int count)
{
    int i = (int)at % count;
    return i < 0 ? i + count : i;
}

static int parity(double at)
{
    return (int)((int64_t)floor(at) & 1);
}

/* draws->uniform: the angle, the size of a field, then which fields are painted. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    int side = shorter_side(image);
    double angle = 2 * M_PI * (double)draws->uniform[0];
    double scale = fmax((.1 + .15 * (double)draws->uniform[1]) * side, 1);
    double fraction = level[set_is_small(args->set)][args->severity - 1] / 10;
    double c = cos(angle), s = sin(angle);
    int fields = (int)floor(4 * side / scale);
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            double u = (c * y + s * x) / scale, v = (-s * y + c * x) / scale;
            size_t at = (size_t)(wrapped(u, fields) * fields + wrapped(v, fields));
            uint8_t *pixel = image_row(image, y) + 3 * x;
            if (parity(u) == parity(v) && (double)draws->uniform[2 + at] < fraction)
                pixel[0] = pixel[1] = pixel[2] = 128;
        }
    return OK;
}

const struct natural natural_checkerboard_cutout = {
    .name = "checkerboard_cutout",
    .summary = "grey fields of a turned checkerboard: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .uniforms = {.fixed = DRAWS},
    .render = render,
};
