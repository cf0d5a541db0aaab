/* interpolate(antialias=True), cubic: here a = -1/2, as in Pillow. */
#include "noises/system/resize/separable.h"

#include <math.h>

/* Double near the centre and fused beyond, as torch's source and compiler have it. */
static float kernel(float x)
{
    x = fabsf(x);
    if (x < 1) {
        double d = (double)x;
        return (float)((1.5 * d - 2.5) * d * d + 1);
    }
    return x < 2 ? fmaf(fmaf(x - 5, x, 8), x, -4) * -0.5f : 0;
}

static enum status rule(int in, int out, int first, int count, struct taps *taps)
{
    return taps_antialiased(in, out, first, count, 2, kernel, taps);
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return separable_resize(in, width, height, window, rule, SUMS_FUSED, out);
}

const struct resizer resizer_torch_bicubic_aa = {
    .name = "torch-bicubic-aa",
    .summary = "float32, cubic (a = -1/2) that grows with the reduction, antialias on",
    .source = "PyTorch 1.13",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
