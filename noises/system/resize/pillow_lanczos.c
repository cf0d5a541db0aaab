#include "noises/system/resize/pillow.h"

#include <math.h>

static double sinc(double x)
{
    if (x == 0)
        return 1;
    x *= M_PI;
    return sin(x) / x;
}

static double weight(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

PILLOW_ENTRIES(3)

const struct resizer resizer_pillow_lanczos = {
    .name = "pillow-lanczos",
    .alias = "pil-lanczos",
    .summary = "Lanczos of three lobes that grows with the reduction",
    .source = "Pillow 9.4",
    .impl = 1,
    .portable = true,
    .resize = resize,
    .resize_gap = resize_gap,
    .resize_light = resize_light,
};
