/*
 * An 8-bit picture: rows from the top, channels interleaved, no padding between rows.
 * RGB order where there are three channels. All-zero is an empty image.
 */
#pragma once

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { IMAGE_MAX_SIDE = 65535 };

struct image {
    int width, height, channels; /* channels 1 or 3 */
    uint8_t *data;               /* [height][width][channels] */
};

struct rect {
    int x, y, width, height;
};

/* Zeroed pixels. ERR_LIMIT on a side outside 1..65535, ERR_NOMEM. */
enum status image_init(struct image *image, int width, int height, int channels);
enum status image_copy(const struct image *in, struct image *out);

/* The window must lie inside the picture; that is the caller's promise (assert). */
enum status image_crop(const struct image *in, struct rect window, struct image *out);
void image_clear(struct image *image);

static inline size_t image_size(const struct image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

static inline uint8_t *image_row(const struct image *image, int y)
{
    return image->data + (size_t)y * (size_t)image->width * (size_t)image->channels;
}
