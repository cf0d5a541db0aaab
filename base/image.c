#include "base/image.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum status image_init(struct image *image, int width, int height, int channels)
{
    *image = (struct image){0};
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return status_fail(ERR_LIMIT, "image of %d x %d pixels: sides go from 1 to %d",
                           width, height, IMAGE_MAX_SIDE);
    uint8_t *data = mem_try((size_t)width * (size_t)height, (size_t)channels);
    if (!data)
        return status_fail(ERR_NOMEM, "no memory for an image of %d x %d pixels", width,
                           height);
    *image = (struct image){width, height, channels, data};
    return OK;
}

enum status image_copy(const struct image *in, struct image *out)
{
    enum status st = image_init(out, in->width, in->height, in->channels);
    if (!st)
        memcpy(out->data, in->data, image_size(in));
    return st;
}

enum status image_crop(const struct image *in, struct rect window, struct image *out)
{
    assert(window.x >= 0 && window.y >= 0 && window.width <= in->width - window.x &&
           window.height <= in->height - window.y);
    enum status st = image_init(out, window.width, window.height, in->channels);
    if (st)
        return st;
    size_t left = (size_t)window.x * (size_t)in->channels;
    size_t bytes = (size_t)window.width * (size_t)in->channels;
    for (int y = 0; y < window.height; y++)
        memcpy(image_row(out, y), image_row(in, window.y + y) + left, bytes);
    return OK;
}

void image_clear(struct image *image)
{
    free(image->data);
    *image = (struct image){0};
}
