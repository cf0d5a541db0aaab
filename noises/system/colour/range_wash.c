/* Limited range mistaken for full: no black, no white. */
#include "noises/system/colour/yuv.h"

static enum status apply(struct image *image)
{
    nv12_round_trip(image, &(struct yuv){YUV_601, true}, &(struct yuv){YUV_601, false});
    return OK;
}

const struct colour colour_range_wash = {
    .name = "range-wash",
    .summary = "limited-range NV12 read as full: washed out",
    .source = "ITU-R BT.601",
    .impl = 1,
    .apply = apply,
};
