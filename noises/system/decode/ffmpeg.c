/*
 * What the ffmpeg command does: swscale's defaults give RGB chroma at half the horizontal
 * resolution unless the file has it all, and round as the vector unit at hand likes to.
 */
#include "noises/system/decode/swscale.h"

#include <libswscale/swscale.h>

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    return ffmpeg_decode(bytes, size, options, SWS_BICUBIC, out);
}

const struct decoder decoder_ffmpeg = {
    .name = "ffmpeg",
    .summary = "FFmpeg as its command converts: chroma at half width, differs between CPUs",
    .source = "FFmpeg 5.1: mjpeg, swscale",
    .impl = 2,
    .portable = false,
    .decode = decode,
};
