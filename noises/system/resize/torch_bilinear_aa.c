/* interpolate(antialias=True): Pillow's window in float32, not rounded between passes. */
#include "noises/system/resize/separable.h"

#include <math.h>

static float kernel(float x)
{
    x = fabsf(x);
    return x < 1 ? 1 - x : 0;
}

static enum status rule(int in, int out, int first, int count, struct taps *taps)
{
    return taps_antialiased(in, out, first, count, 1, kernel, taps);
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return separable_resize(in, width, height, window, rule, SUMS_FUSED, out);
}

const struct resizer resizer_torch_bilinear_aa = {
    .name = "torch-bilinear-aa",
    .summary = "float32, triangle that grows with the reduction: torchvision tensors, antialias on",
    .source = "PyTorch 1.13",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
