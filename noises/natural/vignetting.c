/*
 * Vignetting: light falls off as the fourth power of the cosine of its angle, which reaches
 * 20, 30, 38, 45 or 52 degrees in the corners; in linear light, back to sRGB.
 *
 * Source: the cosine-fourth law; sRGB by IEC 61966-2-1.
 */
#include "noises/natural/parts.h"

#include <math.h>

static const double corner[5] = {20, 30, 38, 45, 52};

enum { LEVELS = 4096 };

static double to_linear(double x)
{
    return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
}

static double to_srgb(double x)
{
    return x <= 0.0031308 ? x * 12.92 : 1.055 * pow(x, 1 / 2.4) - 0.055;
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    double linear[256];
    uint8_t byte[LEVELS + 1];
    for (int i = 0; i < 256; i++)
        linear[i] = to_linear(i / 255.0) * LEVELS;
    for (int i = 0; i <= LEVELS; i++)
        byte[i] = (uint8_t)(to_srgb((double)i / LEVELS) * 255 + .5);

    double cx = image->width * .5, cy = image->height * .5;
    double reach = tan(corner[args->severity - 1] * (3.14159265358979323846 / 180));
    double scale = reach * reach / (cx * cx + cy * cy);
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            double dx = x + .5 - cx, dy = y + .5 - cy;
            double cosine2 = 1 / (1 + scale * (dx * dx + dy * dy));
            uint8_t *p = image_row(image, y) + 3 * x;
            for (int c = 0; c < 3; c++)
                p[c] = byte[(int)(linear[p[c]] * cosine2 * cosine2 + .5)];
        }
    return OK;
}

const struct natural natural_vignetting = {
    .name = "vignetting",
    .summary = "dark corners: the cosine-fourth law in linear light",
    .source = "IEC 61966-2-1",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .render = render,
};
