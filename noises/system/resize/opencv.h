/*
 * What OpenCV's 8-bit resizers share, as in OpenCV 4.6 on x86-64 without IPP (Debian, and
 * pip except for its cubic and Lanczos). Private.
 */
#pragma once

#include "noises/system/system.h"

#include <math.h>

/* 1/(out/in), with both roundings. */
static inline double opencv_scale(int in, int out)
{
    return 1 / ((double)out / in);
}

static inline int opencv_clamp(int v, int top)
{
    return v < 0 ? 0 : v > top ? top : v;
}

/* The bilinear kernels give way to the 2x2 mean at exactly half size. */
static inline bool opencv_is_half(const struct image *in, int width, int height)
{
    return in->width == 2 * width && in->height == 2 * height;
}
/* Mean of 2x2 pixels, halves up; `in` is exactly twice the result. */
enum status opencv_half(const struct image *in, const struct rect *window, struct image *out);

/* A position between two pixels: `at` and the fraction of the way to the next. */
typedef float opencv_place(int in, int out, int i, int *at);

/* Fixed-point linear interpolation between the places that a rule gives. */
enum status opencv_linear(const struct image *in, int width, int height,
                          const struct rect *window, opencv_place *place, struct image *out);

/* A kernel of `count` <= 8 taps, the first at floor(position) - before. */
struct opencv_kernel {
    int count, before;
    void (*weights)(float fraction, float *weights);
    /* One row of the result: values first..first+n-1 of the 3 * width in a row. */
    void (*column)(const int32_t *const *rows, const int16_t *weights, int first, int n,
                   int width, uint8_t *out);
};
enum status opencv_convolve(const struct image *in, int width, int height,
                            const struct rect *window, const struct opencv_kernel *kernel,
                            struct image *out);

/* Nearest pixel by a rule of position. */
typedef int opencv_nearest_rule(int in, int out, int i);
enum status opencv_nearest(const struct image *in, int width, int height,
                           const struct rect *window, opencv_nearest_rule *rule,
                           struct image *out);
