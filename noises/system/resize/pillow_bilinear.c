#include "noises/system/resize/pillow.h"

#include <math.h>

static double weight(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

PILLOW_ENTRIES(1)

const struct resizer resizer_pillow_bilinear = {
    .name = "pillow-bilinear",
    .alias = "pil-bilinear",
    .summary = "triangle that grows with the reduction; torchvision on PIL images",
    .source = "Pillow 9.4",
    .impl = 1,
    .portable = true,
    .resize = resize,
    .resize_gap = resize_gap,
    .resize_light = resize_light,
};
