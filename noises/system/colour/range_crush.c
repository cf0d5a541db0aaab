/* Full range mistaken for limited: contrast grows, both ends are lost. */
#include "noises/system/colour/yuv.h"

static enum status apply(struct image *image)
{
    nv12_round_trip(image, &(struct yuv){YUV_601, false}, &(struct yuv){YUV_601, true});
    return OK;
}

const struct colour colour_range_crush = {
    .name = "range-crush",
    .summary = "full-range NV12 read as limited: shadows and lights crushed",
    .source = "ITU-R BT.601",
    .impl = 1,
    .apply = apply,
};
