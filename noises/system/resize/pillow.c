/*
 * Pillow 9.4, Image.resize() on 8-bit channels: the kernel grows with the reduction, so
 * that every source pixel counts; horizontal pass first, rounded and clipped to 8 bits,
 * then vertical. Weights are fixed point with 22 bits after the point.
 */
#include "noises/system/resize/pillow.h"

#include "base/mem.h"
#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 22, STRIP = 512 };

/* Which source pixels make which result pixel, for results first..first+count-1. */
struct axis {
    int taps;         /* room for each result */
    int *from, *used; /* [count] */
    int32_t *weights; /* [count][taps] */
};

static void axis_clear(struct axis *axis)
{
    free(axis->from);
    free(axis->used);
    free(axis->weights);
}

/* Equations of precompute_coeffs(): double throughout, then rounded away from zero. */
static void axis_fill(struct axis *axis, int in, int out, int first, int count,
                      const struct pillow_kernel *kernel, double *scratch)
{
    double scale = (double)in / out;
    double stretch = scale < 1 ? 1 : scale;
    double support = kernel->support * stretch;
    double shrink = 1 / stretch;

    for (int i = 0; i < count; i++) {
        double centre = (first + i + 0.5) * scale;
        int low = (int)(centre - support + 0.5);
        int high = (int)(centre + support + 0.5);
        low = low < 0 ? 0 : low;
        high = high > in ? in : high;

        double sum = 0;
        for (int k = low; k < high; k++) {
            double w = kernel->weight((k - centre + 0.5) * shrink);
            scratch[k - low] = w;
            sum += w;
        }
        for (int k = 0; k < high - low; k++) {
            double w = (sum != 0 ? scratch[k] / sum : scratch[k]) * (1 << BITS);
            axis->weights[(size_t)i * (size_t)axis->taps + (size_t)k] =
                (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
        }
        axis->from[i] = low;
        axis->used[i] = high - low;
    }
}

static enum status axis_init(struct axis *axis, int in, int out, int first, int count,
                             const struct pillow_kernel *kernel)
{
    double scale = (double)in / out;
    double support = kernel->support * (scale < 1 ? 1 : scale);
    axis->taps = (int)ceil(support) * 2 + 1;
    axis->from = mem_try((size_t)count, sizeof *axis->from);
    axis->used = mem_try((size_t)count, sizeof *axis->used);
    axis->weights = mem_try((size_t)count * (size_t)axis->taps, sizeof *axis->weights);
    double *scratch = mem_try((size_t)axis->taps, sizeof *scratch);
    enum status st = OK;
    if (axis->from && axis->used && axis->weights && scratch)
        axis_fill(axis, in, out, first, count, kernel, scratch);
    else
        st = status_fail(ERR_NOMEM, "resize: no memory for %d x %d weights", count, axis->taps);
    free(scratch);
    return st;
}

static inline uint8_t clip8(int32_t sum)
{
    int32_t v = sum >> BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void filter_row(const struct axis *axis, const uint8_t *in, int count, uint8_t *out)
{
    for (int i = 0; i < count; i++) {
        const int32_t *w = axis->weights + (size_t)i * (size_t)axis->taps;
        const uint8_t *p = in + 3 * (size_t)axis->from[i];
        int32_t r = 1 << (BITS - 1), g = r, b = r;
        for (int k = 0; k < axis->used[i]; k++, p += 3) {
            r += p[0] * w[k];
            g += p[1] * w[k];
            b += p[2] * w[k];
        }
        out[3 * i] = clip8(r);
        out[3 * i + 1] = clip8(g);
        out[3 * i + 2] = clip8(b);
    }
}

/* One row of the result from `used` rows that lie `stride` apart. */
SIMD_CLONES
static void filter_column(const int32_t *weights, int used, const uint8_t *in, size_t stride,
                          int bytes, uint8_t *out)
{
    int32_t sum[STRIP];
    for (int x = 0; x < bytes; x += STRIP) {
        int n = bytes - x < STRIP ? bytes - x : STRIP;
        for (int i = 0; i < n; i++)
            sum[i] = 1 << (BITS - 1);
        for (int k = 0; k < used; k++) {
            const uint8_t *row = in + (size_t)k * stride + x;
            int32_t w = weights[k];
            for (int i = 0; i < n; i++)
                sum[i] += row[i] * w;
        }
        for (int i = 0; i < n; i++)
            out[x + i] = clip8(sum[i]);
    }
}

static enum status pass_horizontal(const struct image *in, int width, int left, int count,
                                   int top, int rows, const struct pillow_kernel *kernel,
                                   struct image *out)
{
    struct axis axis = {0};
    enum status st = axis_init(&axis, in->width, width, left, count, kernel);
    if (!st)
        st = image_init(out, count, rows, 3);
    for (int y = 0; !st && y < rows; y++)
        filter_row(&axis, image_row(in, top + y), count, image_row(out, y));
    axis_clear(&axis);
    return st;
}

/* `in` holds the rows of the source from `top` on. */
static enum status pass_vertical(const struct axis *axis, const struct image *in, int top,
                                 int count, struct image *out)
{
    size_t stride = 3 * (size_t)in->width;
    enum status st = image_init(out, in->width, count, 3);
    for (int y = 0; !st && y < count; y++)
        filter_column(axis->weights + (size_t)y * (size_t)axis->taps, axis->used[y],
                      image_row(in, axis->from[y] - top), stride, (int)stride,
                      image_row(out, y));
    return st;
}

static enum status pass_both(const struct image *in, int width, int height,
                             const struct rect *window, const struct pillow_kernel *kernel,
                             struct image *out)
{
    struct axis axis = {0};
    struct image rows = {0};
    enum status st =
        axis_init(&axis, in->height, height, window->y, window->height, kernel);
    if (st)
        goto out;

    /* Only the rows that some row of the window needs. */
    int last = window->height - 1;
    int top = axis.from[0], bottom = axis.from[last] + axis.used[last];
    if (width == in->width)
        st = image_crop(in, (struct rect){window->x, top, window->width, bottom - top}, &rows);
    else
        st = pass_horizontal(in, width, window->x, window->width, top, bottom - top, kernel,
                             &rows);
    if (!st)
        st = pass_vertical(&axis, &rows, top, window->height, out);
out:
    image_clear(&rows);
    axis_clear(&axis);
    return st;
}

enum status pillow_resize(const struct image *in, int width, int height,
                          const struct rect *window, const struct pillow_kernel *kernel,
                          struct image *out)
{
    struct rect all = {0, 0, width, height};
    *out = (struct image){0};
    if (!window)
        window = &all;
    if (width == in->width && height == in->height)
        return image_crop(in, *window, out);
    if (height == in->height)
        return pass_horizontal(in, width, window->x, window->width, window->y,
                               window->height, kernel, out);
    return pass_both(in, width, height, window, kernel, out);
}
