/*
 * One colour a pixel, as sensors see (rows RG, then GB), and the other two as means of
 * their nearest neighbours: two or four of them, all nine places of the 3x3 around a pixel
 * weighed 1 2 1, 2 4 2, 1 2 1 where they have the colour. Edges mirrored, which keeps the
 * pattern.
 *
 * Source: Bayer 1976, US patent 3,971,065; bilinear demosaicing.
 */
#include "noises/natural/parts.h"

#include <stdlib.h>

static int mirror(int i, int n)
{
    if (n == 1)
        return 0;
    i = abs(i);
    return i < n ? i : 2 * n - 2 - i;
}

/* Channel that the sensor has at (x, y). */
static int colour_at(int x, int y)
{
    return (x & 1) + (y & 1);
}

static void interpolate(const struct image *in, int x, int y, uint8_t out[3])
{
    int sum[3] = {0}, weight[3] = {0};
    for (int v = -1; v <= 1; v++)
        for (int u = -1; u <= 1; u++) {
            int sx = mirror(x + u, in->width), sy = mirror(y + v, in->height);
            int c = colour_at(sx, sy), w = (2 - abs(u)) * (2 - abs(v));
            if (c == colour_at(x, y) && (u || v))
                continue; /* what the sensor has here stays */
            sum[c] += w * image_row(in, sy)[3 * sx + c];
            weight[c] += w;
        }
    for (int c = 0; c < 3; c++)
        out[c] = (uint8_t)(weight[c] ? (sum[c] + weight[c] / 2) / weight[c]
                                     : image_row(in, y)[3 * x + c]);
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)args;
    (void)draws;
    struct image in;
    enum status st = image_copy(image, &in);
    if (st)
        return st;
    for (int y = 0; y < in.height; y++)
        for (int x = 0; x < in.width; x++)
            interpolate(&in, x, y, image_row(image, y) + 3 * x);
    image_clear(&in);
    return OK;
}

const struct natural natural_bayer = {
    .name = "bayer",
    .summary = "a sensor's mosaic, interpolated",
    .source = "US patent 3,971,065",
    .group = "extra",
    .severities = 1,
    .impl = 1,
    .render = render,
};
