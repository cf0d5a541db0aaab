/* Round trips through YCbCr with chroma at half resolution, as video hardware makes them.
 * Private. */
#pragma once

#include "noises/system/system.h"

/* ITU-R BT.601 or BT.709, full range or 16..235 and 16..240. */
struct yuv {
    double red, blue; /* weights of luma; green is the rest */
    bool limited;
};
#define YUV_601 0.299, 0.114
#define YUV_709 0.2126, 0.0722

/*
 * RGB to NV12 by one matrix, back by another, in place. Chroma is the mean of a 2 x 2 block
 * (of what there is of it at odd edges), rounded once, and repeated on the way back.
 */
void nv12_round_trip(struct image *image, const struct yuv *encode, const struct yuv *decode);
