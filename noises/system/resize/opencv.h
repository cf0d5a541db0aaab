/*
 * What OpenCV's 8-bit resizers share: scales, and which sizes turn into which other
 * algorithm. As in OpenCV 4.6 on x86-64 without IPP. Private.
 */
#pragma once

#include "noises/system/system.h"

#include <math.h>

/* 1/(out/in), with both roundings. */
static inline double opencv_scale(int in, int out)
{
    return 1 / ((double)out / in);
}

/* The bilinear kernels give way to the 2x2 mean at exactly half size. */
static inline bool opencv_is_half(const struct image *in, int width, int height)
{
    return in->width == 2 * width && in->height == 2 * height;
}
/* Mean of 2x2 pixels, halves up; `in` is exactly twice the result. */
enum status opencv_half(const struct image *in, const struct rect *window, struct image *out);
