/*
 * torch.nn.functional.interpolate on float32, align_corners=False, antialias=False; uint8
 * tensors of torchvision before 0.17 took this way, rounded half to even. The scale is
 * single, positions are double; bit for bit what torch gives on x86-64 with AVX2.
 */
#include "noises/system/resize/separable.h"

static enum status rule(int in, int out, int first, int count, struct taps *taps)
{
    float scale = (float)in / (float)out;
    enum status st = taps_init(taps, count, 2);
    for (int i = 0; !st && i < count; i++) {
        double x = (double)scale * (first + i + 0.5) - 0.5;
        x = x < 0 ? 0 : x;
        int at = (int)x < in - 1 ? (int)x : in - 1;
        taps_between(taps, i, in, at, (float)(x - (int)x));
    }
    return st;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return separable_resize(in, width, height, window, rule, SUMS_FUSED_SECOND, out);
}

const struct resizer resizer_torch_bilinear = {
    .name = "torch-bilinear",
    .summary = "float32, two pixels each way, no antialiasing: torchvision tensors before 0.17",
    .source = "PyTorch 1.13",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
