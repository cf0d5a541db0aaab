/*
 * libjpeg-turbo with the accurate integer inverse DCT and triangle chroma filter: on a
 * current Linux system this is Pillow, OpenCV, libvips, ImageMagick and torchvision alike.
 */
#include "noises/system/decode/jpeg.h"

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    return jpeg_decode(bytes, size, options, JDCT_ISLOW, true, out);
}

const struct decoder decoder_turbo = {
    .name = "turbo",
    .alias = "pillow opencv vips torchvision",
    .summary = "libjpeg-turbo, accurate integer DCT, triangle chroma: Pillow and OpenCV today",
    .source = "libjpeg-turbo 2.1: jidctint, jdsample fancy",
    .impl = 1,
    .portable = true,
    .decode = decode,
};
