#include "noises/system/resize/opencv.h"

enum status opencv_half(const struct image *in, const struct rect *window, struct image *out)
{
    enum status st = image_init(out, window->width, window->height, 3);
    for (int y = 0; !st && y < window->height; y++) {
        const uint8_t *a = image_row(in, 2 * (window->y + y)) + 6 * (size_t)window->x;
        const uint8_t *b = image_row(in, 2 * (window->y + y) + 1) + 6 * (size_t)window->x;
        uint8_t *to = image_row(out, y);
        for (int x = 0; x < window->width; x++, a += 6, b += 6, to += 3)
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)((a[c] + a[c + 3] + b[c] + b[c + 3] + 2) >> 2);
    }
    return st;
}
