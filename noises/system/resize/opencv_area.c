/*
 * cv2.INTER_AREA: the mean of the area that a result pixel covers, when both sides shrink;
 * whole ratios in integers, others with fractional weights in float. When a side grows it
 * is bilinear with places of its own.
 */
#include "noises/system/resize/opencv.h"

#include "base/mem.h"
#include "base/simd.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

/* Source pixel and weight; entries of one result pixel are neighbours. */
struct part {
    int to, from;
    float weight;
};

struct parts {
    struct part *items;
    int count;
};

static void part_add(struct parts *parts, int to, int from, double weight)
{
    parts->items[parts->count++] = (struct part){to, from, (float)weight};
}

/* What result pixels first..first+count-1 take from where. */
static enum status parts_init(struct parts *parts, int in, int out, int first, int count)
{
    double scale = opencv_scale(in, out);
    size_t room = (size_t)count * ((size_t)scale + 3);
    *parts = (struct parts){.items = mem_try(room, sizeof *parts->items)};
    if (!parts->items)
        return status_fail(ERR_NOMEM, "resize: no memory for %zu weights", room);

    for (int i = 0; i < count; i++) {
        double low = (first + i) * scale, high = low + scale;
        double cell = scale < in - low ? scale : in - low;
        int to = (int)floor(high), from = (int)ceil(low);
        to = to < in - 1 ? to : in - 1;
        from = from < to ? from : to;
        if (from - low > 1e-3)
            part_add(parts, i, from - 1, (from - low) / cell);
        for (int k = from; k < to; k++)
            part_add(parts, i, k, 1 / cell);
        if (high - to > 1e-3) {
            double rest = high - to < 1 ? high - to : 1;
            part_add(parts, i, to, (rest < cell ? rest : cell) / cell);
        }
    }
    return OK;
}

static void row_sums(const struct parts *xs, const uint8_t *row, float *sums, int bytes)
{
    memset(sums, 0, (size_t)bytes * sizeof *sums);
    for (int k = 0; k < xs->count; k++) {
        const uint8_t *p = row + 3 * (size_t)xs->items[k].from;
        float *to = sums + 3 * (size_t)xs->items[k].to, w = xs->items[k].weight;
        to[0] += (float)p[0] * w;
        to[1] += (float)p[1] * w;
        to[2] += (float)p[2] * w;
    }
}

SIMD_CLONES
static void add_row(const float *row, float weight, int bytes, float *sum)
{
    for (int i = 0; i < bytes; i++)
        sum[i] += weight * row[i];
}

static void finish_row(const float *sum, int bytes, uint8_t *out)
{
    for (int i = 0; i < bytes; i++) {
        long v = lrintf(sum[i]);
        out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static void area_rows(const struct image *in, const struct parts *xs, const struct parts *ys,
                      float *row, float *sum, struct image *out)
{
    int bytes = 3 * out->width;
    for (int k = 0; k < ys->count; k++) {
        const struct part *y = &ys->items[k];
        row_sums(xs, image_row(in, y->from), row, bytes);
        if (!k || y->to != y[-1].to)
            memset(sum, 0, (size_t)bytes * sizeof *sum);
        add_row(row, y->weight, bytes, sum);
        if (k == ys->count - 1 || y[1].to != y->to)
            finish_row(sum, bytes, image_row(out, y->to));
    }
}

static enum status area_float(const struct image *in, int width, int height,
                              const struct rect *window, struct image *out)
{
    struct parts xs = {0}, ys = {0};
    float *row = mem_try((size_t)window->width, 2 * 3 * sizeof *row);
    enum status st = row ? OK : status_fail(ERR_NOMEM, "resize: no memory for a row");
    if (!st)
        st = parts_init(&xs, in->width, width, window->x, window->width);
    if (!st)
        st = parts_init(&ys, in->height, height, window->y, window->height);
    if (!st)
        st = image_init(out, window->width, window->height, 3);
    if (!st)
        area_rows(in, &xs, &ys, row, row + 3 * (size_t)window->width, out);
    free(row);
    free(xs.items);
    free(ys.items);
    return st;
}

static enum status area_whole(const struct image *in, int fx, int fy, const struct rect *window,
                              struct image *out)
{
    float scale = 1.f / (float)(fx * fy);
    enum status st = image_init(out, window->width, window->height, 3);
    for (int y = 0; !st && y < window->height; y++)
        for (int i = 0; i < 3 * window->width; i++) {
            int sum = 0, c = i % 3, left = (window->x + i / 3) * fx;
            for (int v = 0; v < fy; v++) {
                const uint8_t *row = image_row(in, (window->y + y) * fy + v) + 3 * (size_t)left;
                for (int u = 0; u < fx; u++)
                    sum += row[3 * u + c];
            }
            image_row(out, y)[i] = (uint8_t)lrintf((float)sum * scale);
        }
    return st;
}

static float place_growing(int in, int out, int i, int *at)
{
    *at = (int)floor(i * opencv_scale(in, out));
    float f = (float)((i + 1) - (*at + 1) * ((double)out / in));
    return f <= 0 ? 0 : f - floorf(f);
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

    double sx = opencv_scale(in->width, width), sy = opencv_scale(in->height, height);
    int fx = (int)lrint(sx), fy = (int)lrint(sy);
    if (sx < 1 || sy < 1)
        return opencv_linear(in, width, height, window, place_growing, out);
    if (opencv_is_half(in, width, height))
        return opencv_half(in, window, out);
    if (fabs(sx - fx) < DBL_EPSILON && fabs(sy - fy) < DBL_EPSILON)
        return area_whole(in, fx, fy, window, out);
    return area_float(in, width, height, window, out);
}

const struct resizer resizer_opencv_area = {
    .name = "opencv-area",
    .alias = "cv2-area",
    .summary = "INTER_AREA: mean of the covered area; bilinear of its own when it grows",
    .source = "OpenCV 4.6, x86-64 without IPP",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
