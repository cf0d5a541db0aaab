/* Through stb_image, which reads what is not compressed; run lengths are ours. */
#include "noises/system/decode/readers.h"

#include "noises/system/decode/jpeg.h"

#include <limits.h>
#include <string.h>

#include <stb/stb_image.h>

/* Whether a file ends before its pixels do; stb makes the rest black. */
static bool is_cut(const uint8_t *bytes, size_t size, int width, int height)
{
    if (size < 30)
        return true;
    uint32_t first = (uint32_t)bytes[10] | (uint32_t)bytes[11] << 8 |
                     (uint32_t)bytes[12] << 16 | (uint32_t)bytes[13] << 24;
    size_t bits = bytes[14] == 12 ? bytes[24] : bytes[28]; /* OS/2's header is shorter */
    return size < first + ((size_t)width * bits + 31) / 32 * 4 * (size_t)height;
}

enum status bmp_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                     struct image *out)
{
    int width, height, channels;
    *out = (struct image){0};
    if (bmp_is_rle(bytes, size))
        return bmp_read_rle(bytes, size, options, out);
    if (size > INT_MAX)
        return status_fail(ERR_LIMIT, "bmp: %zu bytes; at most %d are read", size, INT_MAX);
    if (!stbi_info_from_memory(bytes, (int)size, &width, &height, &channels))
        return status_fail(ERR_FORMAT, "bmp: %s", stbi_failure_reason());
    height = height < 0 && height > INT_MIN ? -height : height;
    enum status st = width < 1 || height < 1
                         ? status_fail(ERR_FORMAT, "bmp: no pixels")
                         : check_pixels("bmp", (uint64_t)width, (uint64_t)height, options);
    if (!st && options && options->strict && is_cut(bytes, size, width, height))
        st = status_fail(ERR_FORMAT, "bmp: cut off after %zu bytes", size);
    if (st)
        return st;
    stbi_uc *pixels = stbi_load_from_memory(bytes, (int)size, &width, &height, &channels, 3);
    if (!pixels)
        return status_fail(ERR_FORMAT, "bmp: %s", stbi_failure_reason());
    st = image_init(out, width, height, 3);
    if (!st)
        memcpy(out->data, pixels, image_size(out));
    stbi_image_free(pixels);
    return st;
}
