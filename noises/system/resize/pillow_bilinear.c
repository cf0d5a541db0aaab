#include "noises/system/resize/pillow.h"

#include <math.h>

static double weight(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return pillow_resize(in, width, height, window, &(struct pillow_kernel){1, weight}, out);
}

const struct resizer resizer_pillow_bilinear = {
    .name = "pillow-bilinear",
    .alias = "pil-bilinear",
    .summary = "triangle that grows with the reduction; torchvision on PIL images",
    .source = "Pillow 9.4",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
