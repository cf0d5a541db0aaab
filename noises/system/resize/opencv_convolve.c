/* Kernels of 4 and 8 taps: rows into 32-bit sums with 11-bit weights, then columns. */
#include "noises/system/resize/opencv.h"

#include "base/mem.h"

#include <stdlib.h>

enum { ONE = 2048, MOST = 8 };

struct tap {
    int from[MOST]; /* clamped source positions, times 3 for columns */
    int16_t weight[MOST];
};

static int16_t to_short(float v)
{
    long r = lrintf(v);
    return (int16_t)(r < INT16_MIN ? INT16_MIN : r > INT16_MAX ? INT16_MAX : r);
}

static void tap_fill(struct tap *tap, const struct opencv_kernel *kernel, int in, int out,
                     int i)
{
    float f = (float)((i + 0.5) * opencv_scale(in, out) - 0.5);
    int at = (int)floorf(f);
    float weights[MOST];
    kernel->weights(f - (float)at, weights);
    for (int k = 0; k < kernel->count; k++) {
        tap->from[k] = opencv_clamp(at - kernel->before + k, in - 1);
        tap->weight[k] = to_short(weights[k] * ONE);
    }
}

static void row_sums(const struct tap *taps, int n_taps, const uint8_t *in, int count,
                     int32_t *out)
{
    for (int i = 0; i < count; i++) {
        int32_t sum[3] = {0};
        for (int k = 0; k < n_taps; k++) {
            const uint8_t *p = in + 3 * (size_t)taps[i].from[k];
            for (int c = 0; c < 3; c++)
                sum[c] += p[c] * taps[i].weight[k];
        }
        for (int c = 0; c < 3; c++)
            out[3 * i + c] = sum[c];
    }
}

/* A cache of row sums: source row y lives in slot y mod MOST. */
struct rows {
    int32_t *sums[MOST];
    int at[MOST];
};

static const int32_t *rows_get(struct rows *rows, int y, const struct tap *taps, int n_taps,
                               const struct image *in, int count)
{
    int slot = y % MOST;
    if (rows->at[slot] != y) {
        row_sums(taps, n_taps, image_row(in, y), count, rows->sums[slot]);
        rows->at[slot] = y;
    }
    return rows->sums[slot];
}

static void convolve(const struct image *in, int width, int height, const struct rect *window,
                     const struct opencv_kernel *kernel, const struct tap *taps,
                     struct rows *rows, struct image *out)
{
    for (int y = 0; y < window->height; y++) {
        const int32_t *sums[MOST];
        struct tap tap;
        tap_fill(&tap, kernel, in->height, height, window->y + y);
        for (int k = 0; k < kernel->count; k++)
            sums[k] = rows_get(rows, tap.from[k], taps, kernel->count, in, window->width);
        kernel->column(sums, tap.weight, 3 * window->x, 3 * window->width, width,
                       image_row(out, y));
    }
}

enum status opencv_convolve(const struct image *in, int width, int height,
                            const struct rect *window, const struct opencv_kernel *kernel,
                            struct image *out)
{
    struct rect all = {0, 0, width, height};
    *out = (struct image){0};
    if (!window)
        window = &all;
    if (width == in->width && height == in->height)
        return image_crop(in, *window, out);

    size_t count = (size_t)window->width;
    struct tap *taps = mem_try(count, sizeof *taps);
    int32_t *sums = mem_try(count, 3 * MOST * sizeof *sums);
    enum status st = taps && sums ? image_init(out, window->width, window->height, 3)
                                  : status_fail(ERR_NOMEM, "resize: no memory for rows");
    if (!st) {
        struct rows rows;
        for (int k = 0; k < MOST; k++) {
            rows.sums[k] = sums + 3 * count * (size_t)k;
            rows.at[k] = -1;
        }
        for (int x = 0; x < window->width; x++)
            tap_fill(&taps[x], kernel, in->width, width, window->x + x);
        convolve(in, width, height, window, kernel, taps, &rows, out);
    }
    free(taps);
    free(sums);
    return st;
}
