/* As torch-bilinear, with Keys' cubic, a = -3/4, and positions clamped at the edges. */
#include "noises/system/resize/separable.h"

#include <math.h>

static const float a = -0.75f;

/* Fused where torch's compiler fused. */
static float near(float x)
{
    return fmaf(a + 2, x, -(a + 3)) * x * x + 1;
}

static float far(float x)
{
    return fmaf(fmaf(a, x, -5 * a), x, 8 * a) * x - 4 * a;
}

static enum status rule(int in, int out, int first, int count, struct taps *taps)
{
    float scale = (float)in / (float)out;
    enum status st = taps_init(taps, count, 4);
    for (int i = 0; !st && i < count; i++) {
        double x = (double)scale * (first + i + 0.5) - 0.5;
        float t = (float)(x - floor(x));
        float weights[4] = {far(t + 1), near(t), near(1 - t), far(1 - t + 1)};
        for (int k = 0; k < 4; k++) {
            int at = (int)floor(x) - 1 + k;
            taps_add(taps, i, at < 0 ? 0 : at < in ? at : in - 1, weights[k]);
        }
    }
    return st;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return separable_resize(in, width, height, window, rule, SUMS_FUSED_SECOND, out);
}

const struct resizer resizer_torch_bicubic = {
    .name = "torch-bicubic",
    .summary = "float32, four pixels each way, a = -3/4, no antialiasing",
    .source = "PyTorch 1.13",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
