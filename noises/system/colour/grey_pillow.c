/* BT.601 luma in all three channels; parts from OpenCV's on one pixel in 800. */
#include "noises/system/system.h"

static enum status apply(struct image *image)
{
    size_t size = image_size(image);
    for (size_t i = 0; i + 2 < size; i += 3) {
        uint8_t *p = image->data + i;
        uint8_t grey = (uint8_t)((19595 * p[0] + 38470 * p[1] + 7471 * p[2] + 32768) >> 16);
        p[0] = p[1] = p[2] = grey;
    }
    return OK;
}

const struct colour colour_grey_pillow = {
    .name = "grey-pillow",
    .summary = "grey by Pillow's convert(L), 16-bit weights",
    .source = "Pillow 9.4",
    .impl = 1,
    .apply = apply,
};
