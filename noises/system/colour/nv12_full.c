/* Full range, as JFIF and many phone cameras have it. */
#include "noises/system/colour/yuv.h"

static enum status apply(struct image *image)
{
    nv12_round_trip(image, &(struct yuv){YUV_601, false}, &(struct yuv){YUV_601, false});
    return OK;
}

const struct colour colour_nv12_full = {
    .name = "nv12-full",
    .summary = "NV12 and back, BT.601 full range, as JPEG and phone cameras have it",
    .source = "ITU-R BT.601, JFIF",
    .impl = 1,
    .apply = apply,
};
