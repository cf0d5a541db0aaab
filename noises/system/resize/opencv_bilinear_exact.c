/* cv2.INTER_LINEAR_EXACT: the same bits on every platform, 8-bit weights, one rounding. */
#include "noises/system/resize/opencv.h"

#include "base/mem.h"

#include <stdlib.h>

struct tap {
    int at;
    int near, far; /* of 256 */
};

static struct tap tap_at(int in, int out, int i)
{
    double f = opencv_scale(in, out) * (i + 0.5) - 0.5;
    int at = (int)floor(f);
    if (at < 0)
        return (struct tap){0, 256, 0};
    if (at >= in - 1)
        return (struct tap){in - 1, 256, 0};
    int far = (int)lrint((f - at) * 256);
    return (struct tap){at, 256 - far, far};
}

static int row_sum(const uint8_t *row, const struct tap *tap, int c)
{
    int sum = row[3 * tap->at + c] * tap->near;
    return tap->far ? sum + row[3 * tap->at + 3 + c] * tap->far : sum;
}

static void interpolate(const struct image *in, int height, const struct rect *window,
                        const struct tap *taps, struct image *out)
{
    for (int y = 0; y < window->height; y++) {
        struct tap tap = tap_at(in->height, height, window->y + y);
        const uint8_t *upper = image_row(in, tap.at);
        const uint8_t *lower = tap.far ? image_row(in, tap.at + 1) : upper;
        uint8_t *to = image_row(out, y);
        for (int x = 0; x < window->width; x++)
            for (int c = 0; c < 3; c++)
                to[3 * x + c] = (uint8_t)((row_sum(upper, &taps[x], c) * tap.near +
                                           row_sum(lower, &taps[x], c) * tap.far + 32768) >>
                                          16);
    }
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

    struct tap *taps = mem_try((size_t)window->width, sizeof *taps);
    enum status st = taps ? image_init(out, window->width, window->height, 3)
                          : status_fail(ERR_NOMEM, "resize: no memory for a row");
    for (int x = 0; !st && x < window->width; x++)
        taps[x] = tap_at(in->width, width, window->x + x);
    if (!st)
        interpolate(in, height, window, taps, out);
    free(taps);
    return st;
}

const struct resizer resizer_opencv_bilinear_exact = {
    .name = "opencv-bilinear-exact",
    .alias = "cv2-bilinear-exact opencv-linear-exact",
    .summary = "INTER_LINEAR_EXACT: as bilinear, 8-bit weights, rounded once",
    .source = "OpenCV 4.6",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
