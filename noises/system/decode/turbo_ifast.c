/*
 * The fast integer inverse DCT, with 8-bit multipliers: the default of TensorFlow's
 * decode_jpeg and the largest decoder noise that real pipelines have.
 */
#include "noises/system/decode/jpeg.h"

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    return jpeg_decode(bytes, size, options, JDCT_IFAST, true, out);
}

const struct decoder decoder_turbo_ifast = {
    .name = "turbo-ifast",
    .alias = "tensorflow",
    .summary = "libjpeg-turbo, fast integer DCT: TensorFlow's default",
    .source = "libjpeg-turbo 2.1: jidctfst",
    .impl = 1,
    .portable = true,
    .decode = decode,
};
