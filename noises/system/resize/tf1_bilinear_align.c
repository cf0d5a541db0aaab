/* TensorFlow 1 with align_corners=True: first and last pixels keep their centres. */
#include "noises/system/resize/separable.h"

static enum status rule(int in, int out, int first, int count, struct taps *taps)
{
    float scale = out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
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

const struct resizer resizer_tf1_bilinear_align = {
    .name = "tf1-bilinear-align",
    .summary = "TensorFlow 1, align_corners=True",
    .source = "tf.compat.v1.image.resize_bilinear",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
