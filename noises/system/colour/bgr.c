/* Red and blue swapped: the classic bug of feeding OpenCV's order to an RGB network. */
#include "noises/system/system.h"

static enum status apply(struct image *image)
{
    size_t size = image_size(image);
    for (size_t i = 0; i + 2 < size; i += 3) {
        uint8_t red = image->data[i];
        image->data[i] = image->data[i + 2];
        image->data[i + 2] = red;
    }
    return OK;
}

const struct colour colour_bgr = {
    .name = "bgr",
    .summary = "blue, green, red fed as red, green, blue",
    .source = "OpenCV's channel order",
    .impl = 1,
    .apply = apply,
};
