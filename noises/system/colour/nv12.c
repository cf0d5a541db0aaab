/* What a camera or a video decoder hands over; I420 holds the same numbers. */
#include "noises/system/colour/yuv.h"

static enum status apply(struct image *image)
{
    nv12_round_trip(image, &(struct yuv){YUV_601, true}, &(struct yuv){YUV_601, true});
    return OK;
}

const struct colour colour_nv12 = {
    .name = "nv12",
    .summary = "NV12 and back, BT.601 limited range: the path of cameras and video hardware",
    .source = "ITU-R BT.601",
    .impl = 1,
    .apply = apply,
};
