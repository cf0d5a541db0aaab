/*
 * The pixel under the centre of each result pixel. The position is accumulated, as in
 * Pillow, and not computed anew: the drift of the sum decides some ties.
 */
#include "noises/system/system.h"

#include "base/mem.h"

#include <stdlib.h>

static void positions(int in, int out, int first, int count, int *at)
{
    double step = (double)in / out, x = step * 0.5;
    for (int i = 0; i < first + count; i++, x += step)
        if (i >= first)
            at[i - first] = (int)x < in ? (int)x : in - 1;
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    struct rect all = {0, 0, width, height};
    *out = (struct image){0};
    if (!window)
        window = &all;

    int *xs = mem_try((size_t)window->width + (size_t)window->height, sizeof *xs);
    enum status st = xs ? image_init(out, window->width, window->height, 3)
                        : status_fail(ERR_NOMEM, "resize: no memory for positions");
    if (!st) {
        int *ys = xs + window->width;
        positions(in->width, width, window->x, window->width, xs);
        positions(in->height, height, window->y, window->height, ys);
        for (int y = 0; y < window->height; y++)
            for (int x = 0; x < window->width; x++)
                for (int c = 0; c < 3; c++)
                    image_row(out, y)[3 * x + c] = image_row(in, ys[y])[3 * xs[x] + c];
    }
    free(xs);
    return st;
}

const struct resizer resizer_pillow_nearest = {
    .name = "pillow-nearest",
    .alias = "pil-nearest",
    .summary = "the pixel under the centre, position accumulated",
    .source = "Pillow 9.4",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
