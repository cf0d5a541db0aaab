/*
 * Without block smoothing, which guesses low frequencies of progressive files that were cut
 * short: equal to turbo on whole files.
 */
#include "noises/system/decode/jpeg.h"

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    struct decode_options mine = options ? *options : (struct decode_options){0};
    mine.no_block_smoothing = true;
    return jpeg_decode(bytes, size, &mine, JDCT_ISLOW, true, out);
}

const struct decoder decoder_turbo_noblock = {
    .name = "turbo-noblock",
    .summary = "libjpeg-turbo without block smoothing: differs on cut progressive files only",
    .source = "libjpeg-turbo 2.1: do_block_smoothing = FALSE",
    .impl = 1,
    .portable = true,
    .decode = decode,
};
