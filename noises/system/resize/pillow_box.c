#include "noises/system/resize/pillow.h"

static double weight(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

PILLOW_ENTRIES(0.5)

const struct resizer resizer_pillow_box = {
    .name = "pillow-box",
    .alias = "pil-box",
    .summary = "mean of the pixels whose centres a result pixel covers",
    .source = "Pillow 9.4",
    .impl = 1,
    .portable = true,
    .resize = resize,
    .resize_gap = resize_gap,
    .resize_light = resize_light,
};
