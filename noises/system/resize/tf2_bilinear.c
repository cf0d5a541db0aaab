/* TensorFlow 2's tf.image.resize: half pixels, antialias=False. */
#include "noises/system/resize/separable.h"

#include <math.h>

static enum status rule(int in, int out, int first, int count, struct taps *taps)
{
    float scale = (float)in / (float)out;
    enum status st = taps_init(taps, count, 2);
    for (int i = 0; !st && i < count; i++) {
        float x = ((float)(first + i) + 0.5f) * scale - 0.5f, low = floorf(x);
        if (low < 0)
            taps_between(taps, i, in, 0, 0);
        else
            taps_between(taps, i, in, (int)low, x - low);
    }
    return st;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return separable_resize(in, width, height, window, rule, SUMS_PLAIN, out);
}

const struct resizer resizer_tf2_bilinear = {
    .name = "tf2-bilinear",
    .alias = "tf-bilinear",
    .summary = "TensorFlow 2, half pixels, no antialiasing",
    .source = "tf.image.resize",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
