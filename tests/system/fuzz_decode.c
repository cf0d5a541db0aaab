/*
 * Any bytes as a picture, through every reader: JPEG by the decoder that DECODER names.
 * What scripts/fuzz finds becomes a file of tests/corpus/jpeg, which test_decode replays.
 */
#include "noises/system/system.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct decoder *decoder = NULL;
    struct image out = {0};
    struct decode_options options = {.max_pixels = 1 << 16, .orient = size % 2,
                                     .strict = size / 2 % 2};
    if (decoder_find(DECODER, &decoder))
        abort();
    enum status st = image_decode(decoder, bytes, size, &options, &out);
    if (st == OK ? !out.data || out.channels != 3 : out.data != NULL)
        abort();
    image_clear(&out);
    return 0;
}
