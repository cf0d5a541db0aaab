/*
 * The floating-point inverse DCT. Its vector and scalar forms do not give the same bits, so
 * a result holds for one kind of CPU.
 */
#include "noises/system/decode/jpeg.h"

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    return jpeg_decode(bytes, size, options, JDCT_FLOAT, true, out);
}

const struct decoder decoder_turbo_float = {
    .name = "turbo-float",
    .summary = "libjpeg-turbo, floating-point DCT: differs between CPUs",
    .source = "libjpeg-turbo 2.1: jidctflt",
    .impl = 1,
    .portable = false,
    .decode = decode,
};
