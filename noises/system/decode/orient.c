#include "noises/system/decode/jpeg.h"

#include <string.h>

/* Orientation 5 to 8 exchange the sides. Where result pixel (x, y) comes from: */
static void source_of(int orientation, int width, int height, int x, int y, int *from_x,
                      int *from_y)
{
    bool swap = orientation >= 5;
    int u = swap ? y : x, v = swap ? x : y;
    bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    *from_x = mirror_x ? width - 1 - u : u;
    *from_y = mirror_y ? height - 1 - v : v;
}

enum status image_orient(struct image *image, int orientation)
{
    if (orientation <= 1 || orientation > 8)
        return OK;
    struct image turned = {0};
    bool swap = orientation >= 5;
    enum status st = image_init(&turned, swap ? image->height : image->width,
                                swap ? image->width : image->height, 3);
    if (st)
        return st;
    for (int y = 0; y < turned.height; y++)
        for (int x = 0; x < turned.width; x++) {
            int u, v;
            source_of(orientation, image->width, image->height, x, y, &u, &v);
            memcpy(image_row(&turned, y) + 3 * (size_t)x, image_row(image, v) + 3 * (size_t)u, 3);
        }
    image_clear(image);
    *image = turned;
    return OK;
}
