/*
 * stb_image: its own integer inverse DCT and its own triangle filter, which runs over block
 * borders that libjpeg's does not. Common in games, in C++ demos and on microcontrollers.
 */
#include "noises/system/decode/jpeg.h"

#include <limits.h>
#include <string.h>

#include <stb/stb_image.h>

static enum status failed(void)
{
    return status_fail(ERR_FORMAT, "stb: %s", stbi_failure_reason());
}

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    *out = (struct image){0};
    if (size > INT_MAX)
        return status_fail(ERR_LIMIT, "stb: %zu bytes; at most %d are read", size, INT_MAX);

    int width, height, channels;
    if (!stbi_info_from_memory(bytes, (int)size, &width, &height, &channels))
        return failed();
    enum status st = check_pixels("stb", (uint64_t)width, (uint64_t)height, options);
    if (st)
        return st;

    stbi_uc *pixels = stbi_load_from_memory(bytes, (int)size, &width, &height, &channels, 3);
    if (!pixels)
        return failed();
    st = image_init(out, width, height, 3);
    if (!st)
        memcpy(out->data, pixels, image_size(out));
    stbi_image_free(pixels);
    return st;
}

const struct decoder decoder_stb = {
    .name = "stb",
    .summary = "stb_image, own integer DCT and chroma filter",
    .source = "stb_image 2.27",
    .impl = 1,
    .portable = true,
    .decode = decode,
};
