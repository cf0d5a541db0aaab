#include "noises/system/resize/opencv.h"

/* The corner rule of cv2.INTER_NEAREST, in float32: they part on a few size pairs. */
static int rule(int in, int out, int i)
{
    int at = (int)floorf((float)i * ((float)in / (float)out));
    return at < in ? at : in - 1;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return opencv_nearest(in, width, height, window, rule, out);
}

const struct resizer resizer_torch_nearest = {
    .name = "torch-nearest",
    .summary = "the pixel under the corner, in float32",
    .source = "PyTorch 1.13",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
