#include "noises/system/resize/opencv.h"

static int rule(int in, int out, int i)
{
    int at = (int)floor(i * opencv_scale(in, out));
    return at < in ? at : in - 1;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return opencv_nearest(in, width, height, window, rule, out);
}

const struct resizer resizer_opencv_nearest = {
    .name = "opencv-nearest",
    .alias = "cv2-nearest",
    .summary = "INTER_NEAREST: the pixel under the corner, half a pixel off",
    .source = "OpenCV 4.6",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
