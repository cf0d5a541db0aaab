#include "noises/system/resize/opencv.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

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

enum status opencv_nearest(const struct image *in, int width, int height,
                           const struct rect *window, opencv_nearest_rule *rule,
                           struct image *out)
{
    struct rect all = {0, 0, width, height};
    *out = (struct image){0};
    if (!window)
        window = &all;
    if (width == in->width && height == in->height)
        return image_crop(in, *window, out);

    int *from = mem_try((size_t)window->width, sizeof *from);
    enum status st = from ? image_init(out, window->width, window->height, 3)
                          : status_fail(ERR_NOMEM, "resize: no memory for positions");
    for (int x = 0; !st && x < window->width; x++)
        from[x] = 3 * rule(in->width, width, window->x + x);
    for (int y = 0; !st && y < window->height; y++) {
        const uint8_t *row = image_row(in, rule(in->height, height, window->y + y));
        uint8_t *to = image_row(out, y);
        for (int x = 0; x < window->width; x++)
            memcpy(to + 3 * x, row + from[x], 3);
    }
    free(from);
    return st;
}
