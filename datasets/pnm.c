/*
 * Portable pixmaps and greymaps, binary, 8 bits: pixels with a short text header.
 *
 * Source: Netpbm, ppm(5) and pgm(5).
 */
#include "datasets/index.h"

#include <string.h>

bool pnm_sniff(const uint8_t *bytes, size_t size)
{
    return size > 2 && bytes[0] == 'P' && (bytes[1] == '5' || bytes[1] == '6') &&
           strchr(" \t\n\r#", bytes[2]) && bytes[2];
}

/* The next decimal after blanks and comments; -1 when there is none. */
static long header_number(const uint8_t *bytes, size_t size, size_t *at)
{
    while (*at < size && (bytes[*at] == '#' || strchr(" \t\n\r", bytes[*at]))) {
        if (!bytes[*at])
            return -1;
        if (bytes[*at] == '#')
            while (*at < size && bytes[*at] != '\n')
                ++*at;
        else
            ++*at;
    }
    long value = -1;
    for (; *at < size && bytes[*at] >= '0' && bytes[*at] <= '9' && value < 1000000; ++*at)
        value = (value < 0 ? 0 : value) * 10 + (bytes[*at] - '0');
    return value;
}

enum status pnm_read(const uint8_t *bytes, size_t size, struct image *out)
{
    size_t at = 2;
    long width = header_number(bytes, size, &at),
         height = header_number(bytes, size, &at);
    long max = header_number(bytes, size, &at);
    if (width < 1 || height < 1 || max != 255)
        return status_fail(ERR_FORMAT,
                           "pnm: header says %ldx%ld, maximum %ld; expected sides "
                           "and 255",
                           width, height, max);
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return status_fail(ERR_LIMIT, "pnm: %ldx%ld: the longest side is %d", width,
                           height, IMAGE_MAX_SIDE);
    int channels = bytes[1] == '6' ? 3 : 1;
    size_t wanted = (size_t)width * (size_t)height * (size_t)channels;
    at++; /* one blank ends the header */
    if (at > size || size - at < wanted)
        return status_fail(ERR_FORMAT,
                           "pnm: %ldx%ld needs %zu bytes of pixels, %zu are there", width,
                           height, wanted, at > size ? 0 : size - at);
    enum status st = image_init(out, (int)width, (int)height, 3);
    for (size_t i = 0; !st && i < (size_t)width * (size_t)height; i++)
        for (size_t c = 0; c < 3; c++)
            out->data[3 * i + c] = bytes[at + (channels == 3 ? 3 * i + c : i)];
    return st;
}
