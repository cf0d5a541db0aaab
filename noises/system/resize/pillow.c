/*
 * Pillow 9.4, Image.resize() on 8-bit channels: the kernel grows with the reduction, so
 * that every source pixel counts; horizontal pass first, rounded and clipped to 8 bits,
 * then vertical. Weights are fixed point with 22 bits after the point.
 */
#include "noises/system/resize/pillow.h"

#include "noises/system/resize/pillow_sums.h"
#include "noises/system/resize/separable.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 22 };

/* A side of the source: `pixels` of them, of which 0..`span` are mapped to the result.
 * The span is fractional after a box reduction; Pillow passes it in single precision. */
struct side {
    int pixels;
    float span;
};

static double reach_of(const struct side *in, int out, const struct pillow_kernel *kernel)
{
    double scale = (double)in->span / out;
    return kernel->support * (scale < 1 ? 1 : scale);
}

static int taps_of(const struct side *in, int out, const struct pillow_kernel *kernel)
{
    return (int)ceil(reach_of(in, out, kernel)) * 2 + 1;
}

/* Weights in double of result i, as precompute_coeffs(): how many, and the first pixel. */
static int weights_at(const struct side *in, int out, int i, const struct pillow_kernel *kernel,
                      int *from, double *weights)
{
    double scale = (double)in->span / out;
    double shrink = 1 / (scale < 1 ? 1 : scale);
    double reach = reach_of(in, out, kernel), centre = (i + 0.5) * scale;
    int low = (int)(centre - reach + 0.5), high = (int)(centre + reach + 0.5);
    low = low < 0 ? 0 : low;
    high = high > in->pixels ? in->pixels : high;

    double sum = 0;
    for (int k = low; k < high; k++)
        sum += weights[k - low] = kernel->weight((k - centre + 0.5) * shrink);
    for (int k = 0; k < high - low && sum != 0; k++)
        weights[k] /= sum;
    *from = low;
    return high - low;
}

/* Pillow-SIMD keeps weights in 16 bits: as many after the point as the largest allows. */
static int short_bits(const struct side *in, int out, const struct pillow_kernel *kernel,
                      double *scratch)
{
    double most = 0;
    for (int i = 0; i < out; i++) {
        int from, used = weights_at(in, out, i, kernel, &from, scratch);
        for (int k = 0; k < used; k++)
            most = scratch[k] > most ? scratch[k] : most;
    }
    int bits = 0;
    while (bits < BITS && (int)(0.5 + most * (1 << (bits + 1))) < 1 << 15)
        bits++;
    return bits;
}

static void axis_clear(struct pillow_axis *axis)
{
    free(axis->from);
    free(axis->used);
    free(axis->weights);
    free(axis->split);
}

static void axis_fill(struct pillow_axis *axis, const struct side *in, int out, int first,
                      const struct pillow_kernel *kernel, double *scratch)
{
    axis->bits = kernel->short_weights ? short_bits(in, out, kernel, scratch) : BITS;
    for (int i = 0; i < axis->count; i++) {
        int32_t *to = axis->weights + (size_t)i * (size_t)axis->taps;
        axis->used[i] = weights_at(in, out, first + i, kernel, &axis->from[i], scratch);
        for (int k = 0; k < axis->used[i]; k++) {
            double w = scratch[k] * (1 << axis->bits);
            to[k] = (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
        }
    }
}

static enum status axis_init(struct pillow_axis *axis, const struct side *in, int out, int first,
                             int count, const struct pillow_kernel *kernel)
{
    *axis = (struct pillow_axis){.count = count, .taps = taps_of(in, out, kernel)};
    axis->from = mem_try((size_t)count, sizeof *axis->from);
    axis->used = mem_try((size_t)count, sizeof *axis->used);
    axis->weights = mem_try((size_t)count * (size_t)axis->taps, sizeof *axis->weights);
    double *scratch = mem_try((size_t)axis->taps, sizeof *scratch);
    enum status st = OK;
    if (axis->from && axis->used && axis->weights && scratch)
        axis_fill(axis, in, out, first, kernel, scratch);
    else
        st = status_fail(ERR_NOMEM, "resize: no memory for %d x %d weights", count, axis->taps);
    free(scratch);
    return st;
}

/* Columns window->x.. of rows top..top+rows-1. */
static enum status pass_horizontal(const struct image *in, const struct side *side, int width,
                                   const struct rect *window, int top, int rows,
                                   const struct pillow_kernel *kernel, struct image *out)
{
    struct pillow_axis axis = {0};
    enum status st = axis_init(&axis, side, width, window->x, window->width, kernel);
    size_t split = st ? 0 : pillow_split_size(&axis);
    if (split) {
        axis.split = mem_try(split, sizeof *axis.split);
        if (!axis.split)
            st = status_fail(ERR_NOMEM, "resize: no memory for weights");
        else
            pillow_split_fill(&axis);
    }
    if (!st)
        st = image_init(out, window->width, rows, 3);
    if (!st)
        pillow_row_sums_best()(&axis, image_row(in, top), 3 * (size_t)in->width,
                               in->data + image_size(in), rows, out->data);
    axis_clear(&axis);
    return st;
}

/* `in` holds the rows of the source from `top` on. */
static enum status pass_vertical(const struct pillow_axis *axis, const struct image *in, int top,
                                 struct image *out)
{
    size_t stride = 3 * (size_t)in->width;
    pillow_column_sums *sums = pillow_column_sums_best();
    enum status st = image_init(out, in->width, axis->count, 3);
    for (int y = 0; !st && y < axis->count; y++)
        sums(axis->weights + (size_t)y * (size_t)axis->taps, axis->used[y], axis->bits,
             image_row(in, axis->from[y] - top), stride, (int)stride, image_row(out, y));
    return st;
}

static bool unchanged(const struct side *side, int out)
{
    return side->pixels == out && side->span == (float)out;
}

static enum status pass_both(const struct image *in, const struct side sides[2], int width,
                             int height, const struct rect *window,
                             const struct pillow_kernel *kernel, struct image *out)
{
    struct pillow_axis axis = {0};
    struct image rows = {0};
    enum status st = axis_init(&axis, &sides[1], height, window->y, window->height, kernel);
    if (st)
        goto out;

    /* Only the rows that some row of the window needs. */
    int last = window->height - 1;
    int top = axis.from[0], bottom = axis.from[last] + axis.used[last];
    if (unchanged(&sides[0], width))
        st = image_crop(in, (struct rect){window->x, top, window->width, bottom - top}, &rows);
    else
        st = pass_horizontal(in, &sides[0], width, window, top, bottom - top, kernel, &rows);
    if (!st)
        st = pass_vertical(&axis, &rows, top, out);
out:
    image_clear(&rows);
    axis_clear(&axis);
    return st;
}

static enum status resize_sides(const struct image *in, const struct side sides[2], int width,
                                int height, const struct rect *window,
                                const struct pillow_kernel *kernel, struct image *out)
{
    if (!unchanged(&sides[1], height))
        return pass_both(in, sides, width, height, window, kernel, out);
    if (!unchanged(&sides[0], width))
        return pass_horizontal(in, &sides[0], width, window, window->y, window->height, kernel,
                               out);
    return image_crop(in, *window, out);
}

/* Image.reduce(): means of fx x fy boxes, smaller at the right and lower edge. */
static enum status reduce(const struct image *in, int fx, int fy, struct image *out)
{
    enum status st =
        image_init(out, (in->width + fx - 1) / fx, (in->height + fy - 1) / fy, 3);
    for (int y = 0; !st && y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            int left = x * fx, top = y * fy;
            int wide = in->width - left < fx ? in->width - left : fx;
            int high = in->height - top < fy ? in->height - top : fy;
            uint32_t count = (uint32_t)(wide * high), scale = (1u << 24) / count;
            for (int c = 0; c < 3; c++) {
                uint32_t sum = count / 2;
                for (int v = 0; v < high; v++)
                    for (int u = 0; u < wide; u++)
                        sum += image_row(in, top + v)[3 * (left + u) + c];
                image_row(out, y)[3 * x + c] = (uint8_t)(sum * scale >> 24);
            }
        }
    return st;
}

static int gap_factor(int in, int out, double gap)
{
    int factor = gap > 0 ? (int)((double)in / out / gap) : 1;
    return factor < 1 ? 1 : factor;
}

enum status pillow_resize(const struct image *in, int width, int height,
                          const struct rect *window, const struct pillow_kernel *kernel,
                          double gap, struct image *out)
{
    struct rect all = {0, 0, width, height};
    struct image reduced = {0};
    *out = (struct image){0};
    if (!window)
        window = &all;
    if (width == in->width && height == in->height)
        return image_crop(in, *window, out);

    int fx = gap_factor(in->width, width, gap), fy = gap_factor(in->height, height, gap);
    if (fx * fy > 1) {
        enum status st = reduce(in, fx, fy, &reduced);
        if (st)
            return st;
    }
    const struct image *from = reduced.data ? &reduced : in;
    struct side sides[2] = {{from->width, (float)((double)in->width / fx)},
                            {from->height, (float)((double)in->height / fy)}};
    enum status st = resize_sides(from, sides, width, height, window, kernel, out);
    image_clear(&reduced);
    return st;
}

static enum status float_taps(int in, int out, int first, int count,
                              const struct pillow_kernel *kernel, struct taps *taps)
{
    struct side side = {in, (float)in};
    int room = taps_of(&side, out, kernel), from;
    double *scratch = mem_try((size_t)room, sizeof *scratch);
    enum status st = scratch ? taps_init(taps, count, room)
                             : status_fail(ERR_NOMEM, "resize: no memory for weights");
    for (int i = 0; !st && i < count; i++) {
        int used = weights_at(&side, out, first + i, kernel, &from, scratch);
        for (int k = 0; k < used; k++)
            taps_add(taps, i, from + k, (float)scratch[k]);
    }
    free(scratch);
    return st;
}

enum status pillow_resize_light(const struct image *in, int width, int height,
                                const struct rect *window, const struct pillow_kernel *kernel,
                                struct image *out)
{
    struct rect all = {0, 0, width, height};
    struct taps xs = {0}, ys = {0};
    *out = (struct image){0};
    if (!window)
        window = &all;
    enum status st = float_taps(in->width, width, window->x, window->width, kernel, &xs);
    if (!st)
        st = float_taps(in->height, height, window->y, window->height, kernel, &ys);
    if (!st)
        st = separable_apply(in, &xs, &ys, SUMS_LIGHT, out);
    taps_clear(&xs);
    taps_clear(&ys);
    return st;
}
