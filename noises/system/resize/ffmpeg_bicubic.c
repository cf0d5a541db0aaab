#include "noises/system/decode/swscale.h"

#include <libswscale/swscale.h>

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return ffmpeg_resize(in, width, height, window, SWS_BICUBIC, out);
}

const struct resizer resizer_ffmpeg_bicubic = {
    .name = "ffmpeg-bicubic",
    .summary = "swscale's bicubic with accurate rounding and full chroma, by way of YUV",
    .source = "FFmpeg 5.1: swscale",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
