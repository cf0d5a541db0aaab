/*
 * Transverse chromatic aberration: red is enlarged and blue shrunk about the middle, by a
 * part in 500 up to one in 50, linear between pixels, edges repeated.
 *
 * Source: a model of our own, after Kang 2007, doi:10.1109/CVPR.2007.383214.
 */
#include "noises/natural/parts.h"

static const double spread[5] = {.002, .004, .008, .012, .020};

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* One channel of the picture, `scale` times as large. */
static void rescale(const struct image *in, int channel, double scale, struct image *out)
{
    double cx = (in->width - 1) * .5, cy = (in->height - 1) * .5;
    for (int y = 0; y < in->height; y++) {
        double v = cy + (y - cy) / scale;
        v = v < 0 ? 0 : v > in->height - 1 ? in->height - 1 : v;
        int top = (int)v, bottom = clamp(top + 1, in->height);
        const uint8_t *upper = image_row(in, top) + channel;
        const uint8_t *lower = image_row(in, bottom) + channel;
        for (int x = 0; x < in->width; x++) {
            double u = cx + (x - cx) / scale;
            u = u < 0 ? 0 : u > in->width - 1 ? in->width - 1 : u;
            int left = (int)u, right = clamp(left + 1, in->width);
            double fu = u - left, fv = v - top;
            double a = upper[3 * left] * (1 - fu) + upper[3 * right] * fu;
            double b = lower[3 * left] * (1 - fu) + lower[3 * right] * fu;
            image_row(out, y)[3 * x + channel] = (uint8_t)(a * (1 - fv) + b * fv + .5);
        }
    }
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    struct image in;
    enum status st = image_copy(image, &in);
    if (st)
        return st;
    rescale(&in, 0, 1 + spread[args->severity - 1], image);
    rescale(&in, 2, 1 - spread[args->severity - 1], image);
    image_clear(&in);
    return OK;
}

const struct natural natural_chromatic_aberration = {
    .name = "chromatic_aberration",
    .summary = "a cheap lens: red larger, blue smaller",
    .source = "doi:10.1109/CVPR.2007.383214",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .render = render,
};
