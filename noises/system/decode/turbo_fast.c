/*
 * Both shortcuts at once: djpeg -fast.
 */
#include "noises/system/decode/jpeg.h"

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    return jpeg_decode(bytes, size, options, JDCT_IFAST, false, out);
}

const struct decoder decoder_turbo_fast = {
    .name = "turbo-fast",
    .summary = "libjpeg-turbo, fast DCT and repeated chroma: all shortcuts at once",
    .source = "libjpeg-turbo 2.1: jidctfst, jdmerge",
    .impl = 1,
    .portable = true,
    .decode = decode,
};
