/* The matrix of high-definition video. */
#include "noises/system/colour/yuv.h"

static enum status apply(struct image *image)
{
    nv12_round_trip(image, &(struct yuv){YUV_709, true}, &(struct yuv){YUV_709, true});
    return OK;
}

const struct colour colour_nv12_709 = {
    .name = "nv12-709",
    .summary = "NV12 and back, BT.709 limited range: high-definition video",
    .source = "ITU-R BT.709",
    .impl = 1,
    .apply = apply,
};
