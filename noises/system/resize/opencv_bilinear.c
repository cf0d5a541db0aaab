/*
 * cv2.INTER_LINEAR: two pixels each way whatever the reduction, so it aliases when it
 * shrinks. Fixed point with 11 bits, the row sums shortened by 4 bits before the column.
 */
#include "noises/system/resize/opencv.h"

#include "base/mem.h"
#include "base/simd.h"

#include <stdlib.h>
#include <string.h>

enum { ONE = 2048 };

struct tap {
    int at;              /* left or upper pixel, before clamping in y */
    int16_t near, far;   /* weights of it and of the next */
};

static struct tap tap_at(double scale, int i)
{
    float f = (float)((i + 0.5) * scale - 0.5);
    int at = (int)floorf(f);
    f -= (float)at;
    return (struct tap){at, (int16_t)lrintf((1.0f - f) * ONE), (int16_t)lrintf(f * ONE)};
}

/* Only columns stop at the edge with their fraction; rows are clamped later, one by one. */
static struct tap tap_inside(struct tap tap, int size)
{
    if (tap.at < 0)
        return (struct tap){0, ONE, 0};
    if (tap.at >= size - 1)
        return (struct tap){size - 1, ONE, 0};
    return tap;
}

/* Row sums over 16, which fit 16 bits: (S[i] a + S[i+1] b) >> 4. */
static void row_sums(const struct tap *taps, const uint8_t *in, int width, int count,
                     int16_t *out)
{
    for (int i = 0; i < count; i++) {
        const uint8_t *p = in + 3 * (size_t)taps[i].at;
        const uint8_t *q = taps[i].at < width - 1 ? p + 3 : p;
        int a = taps[i].near, b = taps[i].far;
        for (int c = 0; c < 3; c++)
            out[3 * i + c] = (int16_t)((p[c] * a + q[c] * b) >> 4);
    }
}

SIMD_CLONES
static void column(const int16_t *upper, const int16_t *lower, int16_t a, int16_t b, int bytes,
                   uint8_t *out)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (uint8_t)((((upper[i] * a) >> 16) + ((lower[i] * b) >> 16) + 2) >> 2);
}

static int clamp(int v, int top)
{
    return v < 0 ? 0 : v > top ? top : v;
}

struct rows {
    int16_t *sums[2];
    int at[2]; /* source row that each holds; -1: none */
};

/* The row sums of source row y, kept from the last result row where possible. */
static const int16_t *rows_get(struct rows *rows, int y, int other, const struct tap *taps,
                               const struct image *in, int count)
{
    for (int i = 0; i < 2; i++)
        if (rows->at[i] == y)
            return rows->sums[i];
    int slot = rows->at[0] == other ? 1 : 0;
    row_sums(taps, image_row(in, y), in->width, count, rows->sums[slot]);
    rows->at[slot] = y;
    return rows->sums[slot];
}

static void interpolate(const struct image *in, int height, const struct rect *window,
                        const struct tap *taps, struct rows *rows, struct image *out)
{
    double scale = opencv_scale(in->height, height);
    for (int y = 0; y < window->height; y++) {
        struct tap tap = tap_at(scale, window->y + y);
        int upper = clamp(tap.at, in->height - 1), lower = clamp(tap.at + 1, in->height - 1);
        const int16_t *a = rows_get(rows, upper, lower, taps, in, window->width);
        const int16_t *b = rows_get(rows, lower, upper, taps, in, window->width);
        column(a, b, tap.near, tap.far, 3 * window->width, image_row(out, y));
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

    size_t count = (size_t)window->width;
    struct tap *taps = mem_try(count, sizeof *taps);
    int16_t *sums = mem_try(count, 2 * 3 * sizeof *sums);
    enum status st = taps && sums ? image_init(out, window->width, window->height, 3)
                                  : status_fail(ERR_NOMEM, "resize: no memory for a row");
    if (!st) {
        double scale = opencv_scale(in->width, width);
        for (int x = 0; x < window->width; x++)
            taps[x] = tap_inside(tap_at(scale, window->x + x), in->width);
        struct rows rows = {{sums, sums + 3 * count}, {-1, -1}};
        interpolate(in, height, window, taps, &rows, out);
    }
    free(taps);
    free(sums);
    return st;
}

const struct resizer resizer_opencv_bilinear = {
    .name = "opencv-bilinear",
    .alias = "cv2-bilinear opencv-linear",
    .summary = "INTER_LINEAR: two pixels each way, no antialiasing, 11-bit weights",
    .source = "OpenCV 4.6, x86-64 without IPP",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
