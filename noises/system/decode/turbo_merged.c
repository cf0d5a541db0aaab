/*
 * Chroma repeated, not interpolated: TJFLAG_FASTUPSAMPLE, and the nearest stand-in for
 * hardware decoders, which have no triangle filter either. Merged and separate upsampling
 * give the same bits.
 */
#include "noises/system/decode/jpeg.h"

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    return jpeg_decode(bytes, size, options, JDCT_ISLOW, false, out);
}

const struct decoder decoder_turbo_merged = {
    .name = "turbo-merged",
    .alias = "fast-upsample",
    .summary = "libjpeg-turbo, chroma repeated instead of interpolated",
    .source = "libjpeg-turbo 2.1: jdmerge, TJFLAG_FASTUPSAMPLE",
    .impl = 1,
    .portable = true,
    .decode = decode,
};
