/*
 * JPEG again and again, as a picture sees that is passed on from network to network: as
 * many generations as the severity says, 4:2:0, each on a grid of blocks moved by (3, 5)
 * pixels against the one before, as crops and frames do. The edges are repeated to make
 * room, and cut off again.
 *
 * Source: a model of our own; qualities of common services.
 */
#include "noises/natural/parts.h"

#include <string.h>

static const int quality[5] = {90, 75, 85, 60, 70};

static enum status one_generation(struct image *image, int left, int top, int q)
{
    struct image moved;
    enum status st = image_init(&moved, image->width + left, image->height + top, 3);
    if (st)
        return st;
    for (int y = 0; y < moved.height; y++) {
        const uint8_t *from = image_row(image, y < top ? 0 : y - top);
        uint8_t *to = image_row(&moved, y);
        for (int x = 0; x < left; x++)
            memcpy(to + 3 * x, from, 3);
        memcpy(to + 3 * left, from, 3 * (size_t)image->width);
    }
    st = jpeg_round_trip(&moved, q);
    for (int y = 0; !st && y < image->height; y++)
        memcpy(image_row(image, y), image_row(&moved, top + y) + 3 * left,
               3 * (size_t)image->width);
    image_clear(&moved);
    return st;
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    enum status st = OK;
    for (int i = 0; !st && i < args->severity; i++)
        st = one_generation(image, 3 * i % 8, 5 * i % 8, quality[i]);
    return st;
}

const struct natural natural_jpeg_chain = {
    .name = "jpeg_chain",
    .summary = "JPEG generations of a picture that is passed on",
    .source = "ours",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .render = render,
};
