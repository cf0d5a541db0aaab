/*
 * Pixelation: box filter down to a fraction of the size, box filter up again, both as
 * Pillow does them.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

#include "noises/system/system.h"

#include <string.h>

// clang-format off
static const double fraction[NATURAL_SETS][5] = {
    [NATURAL_224]   = {.60, .50, .40, .30, .25},
    [NATURAL_CIFAR] = {.95, .90, .85, .75, .65},
    [NATURAL_64]    = {.90, .80, .70, .60, .50},
    [NATURAL_299]   = {.50, .40, .30, .25, .20},
};
// clang-format on

/*
 * Pillow's box filter enlarging: a result reaches half a source pixel to either side of its
 * centre, and so takes the one whose square the centre lies in.
 */
static void enlarge(const struct image *small, struct image *image)
{
    double step = (double)small->width / image->width,
           down = (double)small->height / image->height;
    int last = -1;
    for (int y = 0; y < image->height; y++) {
        uint8_t *to = image_row(image, y);
        int row = (int)((y + 0.5) * down);
        if (row == last) {
            memcpy(to, image_row(image, y - 1), 3 * (size_t)image->width);
            continue;
        }
        last = row;
        const uint8_t *from = image_row(small, row);
        for (int x = 0; x < image->width; x++)
            memcpy(to + 3 * x, from + 3 * (int)((x + 0.5) * step), 3);
    }
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    double part = fraction[args->set][args->severity - 1];
    int width = (int)(image->width * part), height = (int)(image->height * part);
    const struct resizer *box;
    struct image small = {0};

    enum status st = resizer_find("pillow-box", &box);
    if (!st)
        st = box->resize(image, width > 0 ? width : 1, height > 0 ? height : 1, NULL,
                         &small);
    if (!st)
        enlarge(&small, image);
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
    .render = render,
};
