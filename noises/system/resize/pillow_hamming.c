#include "noises/system/resize/pillow.h"

#include <math.h>

/* The two constants of the window are single precision in Pillow. */
static double weight(double x)
{
    x = fabs(x);
    if (x == 0)
        return 1;
    if (x >= 1)
        return 0;
    x *= M_PI;
    return sin(x) / x * ((double)0.54f + (double)0.46f * cos(x));
}

PILLOW_ENTRIES(1)

const struct resizer resizer_pillow_hamming = {
    .name = "pillow-hamming",
    .alias = "pil-hamming",
    .summary = "Hamming-windowed sinc of one lobe",
    .source = "Pillow 9.4",
    .impl = 1,
    .portable = true,
    .resize = resize,
    .resize_gap = resize_gap,
    .resize_light = resize_light,
};
