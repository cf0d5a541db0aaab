#include "noises/system/resize/opencv.h"

static float place(int in, int out, int i, int *at)
{
    float f = (float)((i + 0.5) * opencv_scale(in, out) - 0.5);
    *at = (int)floorf(f);
    return f - (float)*at;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    struct rect all = {0, 0, width, height};
    *out = (struct image){0};
    if (!window)
        window = &all;
    if (width == in->width && height == in->height)
        return image_crop(in, *window, out);
    if (opencv_is_half(in, width, height))
        return opencv_half(in, window, out);
    return opencv_linear(in, width, height, window, place, out);
}

const struct resizer resizer_opencv_bilinear = {
    .name = "opencv-bilinear",
    .alias = "cv2-bilinear opencv-linear",
    .summary = "INTER_LINEAR: two pixels each way whatever the reduction, 11-bit weights",
    .source = "OpenCV 4.6, x86-64 without IPP",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
