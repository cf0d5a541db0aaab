/*
 * Fixed point with 11 bits; row sums are shortened by 4 bits before the column, so that
 * they fit 16 bits and a vector multiply keeps the upper half.
 */
#include "noises/system/resize/opencv.h"

#include "base/mem.h"
#include "base/simd.h"

#include <stdlib.h>

enum { ONE = 2048 };

struct tap {
    int at;            /* left or upper pixel */
    int16_t near, far; /* weights of it and of the next */
};

static struct tap tap_at(opencv_place *place, int in, int out, int i)
{
    int at;
    float f = place(in, out, i, &at);
    return (struct tap){at, (int16_t)lrintf((1.0f - f) * ONE), (int16_t)lrintf(f * ONE)};
}

/* Only columns lose their fraction at the edge; rows are clamped later, one by one. */
static struct tap tap_inside(struct tap tap, int size)
{
    if (tap.at < 0)
        return (struct tap){0, ONE, 0};
    if (tap.at >= size - 1)
        return (struct tap){size - 1, ONE, 0};
    return tap;
}

/* (S[i] a + S[i+1] b) >> 4 */
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

/* The sums of the last two source rows that were asked for. */
struct rows {
    const struct image *in;
    const struct tap *taps;
    int count;
    int16_t *sums[2];
    int at[2]; /* source row that each holds; -1: none */
};

/* The sums of row y, without giving up those of row `other`. */
static const int16_t *rows_get(struct rows *rows, int y, int other)
{
    for (int i = 0; i < 2; i++)
        if (rows->at[i] == y)
            return rows->sums[i];
    int slot = rows->at[0] == other ? 1 : 0;
    row_sums(rows->taps, image_row(rows->in, y), rows->in->width, rows->count,
             rows->sums[slot]);
    rows->at[slot] = y;
    return rows->sums[slot];
}

static void interpolate(struct rows *rows, int height, const struct rect *window,
                        opencv_place *place, struct image *out)
{
    int last = rows->in->height - 1;
    for (int y = 0; y < window->height; y++) {
        struct tap tap = tap_at(place, rows->in->height, height, window->y + y);
        int upper = opencv_clamp(tap.at, last), lower = opencv_clamp(tap.at + 1, last);
        const int16_t *a = rows_get(rows, upper, lower);
        const int16_t *b = rows_get(rows, lower, upper);
        column(a, b, tap.near, tap.far, 3 * window->width, image_row(out, y));
    }
}

enum status opencv_linear(const struct image *in, int width, int height,
                          const struct rect *window, opencv_place *place, struct image *out)
{
    size_t count = (size_t)window->width;
    struct tap *taps = mem_try(count, sizeof *taps);
    int16_t *sums = mem_try(count, 2 * 3 * sizeof *sums);
    enum status st = taps && sums ? image_init(out, window->width, window->height, 3)
                                  : status_fail(ERR_NOMEM, "resize: no memory for a row");
    if (!st) {
        for (int x = 0; x < window->width; x++)
            taps[x] = tap_inside(tap_at(place, in->width, width, window->x + x), in->width);
        struct rows rows = {in, taps, window->width, {sums, sums + 3 * count}, {-1, -1}};
        interpolate(&rows, height, window, place, out);
    }
    free(taps);
    free(sums);
    return st;
}
