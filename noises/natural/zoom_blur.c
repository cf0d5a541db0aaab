/*
 * Zoom while the shutter is open: the mean of the picture and of its middle enlarged by
 * 1, 1 + step, ..., with linear interpolation that keeps corners on corners.
 *
 * Sums are in float and interpolation in double, product by product, as SciPy has them. The
 * rows of one pixel are weighed first, which leaves four products with the weight of its
 * column; four channels lie side by side, the last of them idle.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct range {
    double end, step;
};

// clang-format off
static const struct range zoom[NATURAL_SETS][5] = {
    [NATURAL_224]   = {{1.11, .01}, {1.16, .01}, {1.21, .02}, {1.26, .02}, {1.31, .03}},
    [NATURAL_CIFAR] = {{1.06, .01}, {1.11, .01}, {1.16, .01}, {1.21, .01}, {1.26, .01}},
    [NATURAL_64]    = {{1.06, .01}, {1.11, .01}, {1.16, .01}, {1.21, .01}, {1.26, .01}},
    [NATURAL_299]   = {{1.11, .01}, {1.16, .01}, {1.21, .02}, {1.26, .02}, {1.31, .03}},
};
// clang-format on

typedef double vec4 __attribute__((vector_size(32)));
typedef float vec4f __attribute__((vector_size(16)));

struct blur {
    int width, height;
    float *x, *sum; /* [height][width][4] */
    double *upper, *lower;
    struct zoom_tap *rows, *columns;
};

static enum status blur_init(struct blur *b, const struct image *image)
{
    size_t width = (size_t)image->width, height = (size_t)image->height;
    *b = (struct blur){
        .width = image->width,
        .height = image->height,
        .x = mem_try(width * height, 4 * sizeof *b->x),
        .sum = mem_try(width * height, 4 * sizeof *b->sum),
        .upper = mem_raw(width, 4 * sizeof *b->upper),
        .lower = mem_raw(width, 4 * sizeof *b->lower),
        .rows = mem_try(height, sizeof *b->rows),
        .columns = mem_try(width, sizeof *b->columns),
    };
    if (!b->x || !b->sum || !b->upper || !b->lower || !b->rows || !b->columns)
        return status_fail(ERR_NOMEM, "no memory to zoom %zu x %zu pixels", width,
                           height);
    for (size_t i = 0; i < width * height; i++)
        for (int c = 0; c < 3; c++)
            b->x[4 * i + (size_t)c] =
                (float)((double)image->data[3 * i + (size_t)c] / 255.0);
    return OK;
}

static void blur_clear(struct blur *b)
{
    free(b->x);
    free(b->sum);
    free(b->upper);
    free(b->lower);
    free(b->rows);
    free(b->columns);
}

SIMD_CLONES
static void scale(const float *restrict x, double weight, size_t count,
                  double *restrict out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (double)x[i] * weight;
}

SIMD_CLONES
static void add_row(const double *upper, const double *lower, const struct zoom_tap *taps,
                    int width, float *sum)
{
    for (int x = 0; x < width; x++) {
        struct zoom_tap tap = taps[x];
        vec4 a, b, c, d;
        vec4f to;
        memcpy(&a, upper + 4 * tap.before, sizeof a);
        memcpy(&b, upper + 4 * tap.after, sizeof b);
        memcpy(&c, lower + 4 * tap.before, sizeof c);
        memcpy(&d, lower + 4 * tap.after, sizeof d);
        memcpy(&to, sum + 4 * x, sizeof to);
        to += __builtin_convertvector(
            a * tap.near + b * tap.far + c * tap.near + d * tap.far, vec4f);
        memcpy(sum + 4 * x, &to, sizeof to);
    }
}

static void add_zoom(struct blur *b, double factor)
{
    zoom_axis(b->height, factor, ZOOM_CENTRE, b->rows);
    zoom_axis(b->width, factor, ZOOM_CENTRE, b->columns);
    size_t stride = 4 * (size_t)b->width;
    for (int y = 0; y < b->height; y++) {
        struct zoom_tap row = b->rows[y];
        scale(b->x + (size_t)row.before * stride, row.near, stride, b->upper);
        scale(b->x + (size_t)row.after * stride, row.far, stride, b->lower);
        add_row(b->upper, b->lower, b->columns, b->width, b->sum + (size_t)y * stride);
    }
}

SIMD_CLONES
static void finish(const float *restrict x, const float *restrict sum, size_t pixels,
                   float count, uint8_t *restrict out)
{
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++) {
            float mean = (x[4 * i + c] + sum[4 * i + c]) / count;
            mean = mean > 1 ? 1 : mean;
            out[3 * i + c] = (uint8_t)(int)(mean * 255.0f);
        }
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    struct range range = zoom[args->set][args->severity - 1];
    struct blur b;
    enum status st = blur_init(&b, image);
    if (!st) {
        /* numpy.arange: as many as fit, and the step as it comes out of 1 + step - 1. */
        int count = (int)ceil((range.end - 1) / range.step);
        double step = 1 + range.step - 1;
        for (int i = 0; i < count; i++)
            add_zoom(&b, 1 + i * step);
        finish(b.x, b.sum, (size_t)image->width * (size_t)image->height,
               (float)(count + 1), image->data);
    }
    blur_clear(&b);
    return st;
}

const struct natural natural_zoom_blur = {
    .name = "zoom_blur",
    .summary = "zooming in while the shutter is open",
    .source = "arXiv:1903.12261",
    .group = "blur",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .render = render,
};
