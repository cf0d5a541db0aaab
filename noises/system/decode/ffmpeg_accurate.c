/*
 * The same decoder with swscale's roundings and chroma resolution set right: this one gives
 * the same bytes on every CPU.
 */
#include "noises/system/decode/swscale.h"

#include <libswscale/swscale.h>

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    return ffmpeg_decode(bytes, size, options, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, out);
}

const struct decoder decoder_ffmpeg_accurate = {
    .name = "ffmpeg-accurate",
    .summary = "FFmpeg with accurate rounding and full chroma: the same on every CPU",
    .source = "FFmpeg 5.1: mjpeg, swscale",
    .impl = 1,
    .portable = true,
    .decode = decode,
};
