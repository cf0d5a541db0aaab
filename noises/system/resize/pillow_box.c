#include "noises/system/resize/pillow.h"

static double weight(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return pillow_resize(in, width, height, window, &(struct pillow_kernel){0.5, weight}, out);
}

const struct resizer resizer_pillow_box = {
    .name = "pillow-box",
    .alias = "pil-box",
    .summary = "mean of the pixels whose centres a result pixel covers",
    .source = "Pillow 9.4",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
