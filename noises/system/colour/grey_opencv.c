/* BT.601 luma in all three channels; parts from Pillow's on one pixel in 800. */
#include "noises/system/system.h"

static enum status apply(struct image *image)
{
    size_t size = image_size(image);
    for (size_t i = 0; i + 2 < size; i += 3) {
        uint8_t *p = image->data + i;
        uint8_t grey = (uint8_t)((9798 * p[0] + 19235 * p[1] + 3735 * p[2] + 16384) >> 15);
        p[0] = p[1] = p[2] = grey;
    }
    return OK;
}

const struct colour colour_grey_opencv = {
    .name = "grey-opencv",
    .summary = "grey by OpenCV's RGB2GRAY, 15-bit weights",
    .source = "OpenCV 4.6, cvtColor",
    .impl = 1,
    .apply = apply,
};
