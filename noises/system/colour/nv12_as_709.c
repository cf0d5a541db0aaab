/* The mistake of reading standard-definition video by the high-definition matrix. */
#include "noises/system/colour/yuv.h"

static enum status apply(struct image *image)
{
    nv12_round_trip(image, &(struct yuv){YUV_601, true}, &(struct yuv){YUV_709, true});
    return OK;
}

const struct colour colour_nv12_as_709 = {
    .name = "nv12-as-709",
    .summary = "NV12 written by BT.601 and read by BT.709: colours shift",
    .source = "ITU-R BT.601, BT.709",
    .impl = 1,
    .apply = apply,
};
