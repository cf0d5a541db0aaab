/* TensorFlow 1's resize_bilinear as it was by default: no half pixel, so the picture
 * shifts up and to the left. Rounded half to even, as the original stays in float. */
#include "noises/system/resize/separable.h"

static enum status rule(int in, int out, int first, int count, struct taps *taps)
{
    float scale = (float)in / (float)out;
    enum status st = taps_init(taps, count, 2);
    for (int i = 0; !st && i < count; i++) {
        float x = (float)(first + i) * scale;
        int at = (int)x < in - 1 ? (int)x : in - 1;
        taps_between(taps, i, in, at, x - (float)at);
    }
    return st;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return separable_resize(in, width, height, window, rule, SUMS_PLAIN, out);
}

const struct resizer resizer_tf1_bilinear = {
    .name = "tf1-bilinear",
    .alias = "tf-asymmetric",
    .summary = "TensorFlow 1, no half pixel: the picture shifts",
    .source = "tf.compat.v1.image.resize_bilinear",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
