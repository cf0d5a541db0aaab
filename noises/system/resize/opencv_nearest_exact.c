#include "noises/system/resize/opencv.h"

/* Steps of 1/65536, and ties go down: not Pillow's nearest. */
static int rule(int in, int out, int i)
{
    int64_t step = (((int64_t)in << 16) + out / 2) / out;
    int64_t at = (step * i + step / 2 - 1) >> 16;
    return at < 0 ? 0 : at < in ? (int)at : in - 1;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return opencv_nearest(in, width, height, window, rule, out);
}

const struct resizer resizer_opencv_nearest_exact = {
    .name = "opencv-nearest-exact",
    .alias = "cv2-nearest-exact",
    .summary = "INTER_NEAREST_EXACT: the pixel under the centre, ties down",
    .source = "OpenCV 4.6",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
