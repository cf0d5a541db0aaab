#include "noises/system/resize/pillow.h"

#include <math.h>

/* Keys 1981, doi:10.1109/TASSP.1981.1163711, a = -1/2. */
static double weight(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

PILLOW_ENTRIES(2)

const struct resizer resizer_pillow_bicubic = {
    .name = "pillow-bicubic",
    .alias = "pil-bicubic",
    .summary = "cubic (a = -1/2) that grows with the reduction",
    .source = "Pillow 9.4",
    .impl = 1,
    .portable = true,
    .resize = resize,
    .resize_gap = resize_gap,
    .resize_light = resize_light,
};
