/*
 * Pillow-SIMD and, from torch 2.1 on, antialiased uint8 tensors: Pillow's passes with
 * weights of 16 bits. By the formula of both sources; not held beside the libraries.
 */
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
    return pillow_resize(in, width, height, window, &(struct pillow_kernel){1, weight, true}, 0,
                         out);
}

const struct resizer resizer_pillow_simd_bilinear = {
    .name = "pillow-simd-bilinear",
    .summary = "as pillow-bilinear with 16-bit weights; torch >= 2.1 on uint8 tensors",
    .source = "Pillow-SIMD 9, PyTorch 2.1",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
