/*
 * stb_image: its own integer inverse DCT and its own triangle filter, which runs over block
 * borders that libjpeg's does not. Common in games, in C++ demos and on microcontrollers.
 *
 * Compiled here from Debian's header, not linked: version 2.27 leaves tables and rows that a
 * broken file never filled as malloc() gave them, so the same file could decode to other
 * bytes, and its assertions would end the program. Here memory starts as zeroes.
 */
#include "noises/system/decode/jpeg.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-function" /* what other formats would need */
#define STBI_MALLOC(size) calloc(1, size)
#define STBI_REALLOC(p, size) realloc(p, size)
#define STBI_FREE(p) free(p)
#define STBI_ASSERT(x) ((void)0)
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

enum { SOF0 = 0xC0, DHT = 0xC4, RST0 = 0xD0, SOI = 0xD8, EOI = 0xD9, SYMBOLS_MAX = 255 };

static enum status failed(void)
{
    const char *reason = stbi_failure_reason();
    bool kind = !strcmp(reason, "unknown image type"); /* begins as a JPEG, though */
    return status_fail(ERR_FORMAT, "stb: %s",
                       kind ? "reads baseline and progressive JPEG of 8 bits in Huffman's "
                              "code, and this is none"
                            : reason);
}

/* A table of Huffman codes must have fewer than 256 of them, which every real file has: 2.27
 * writes past its arrays when there are more, and takes code 255 for one that its fast table
 * lacks. Reads the segment as stb does: by its contents, with zeroes after the end. */
static bool tables_fit(const uint8_t *body, size_t size, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t symbols = 0;
        for (size_t i = at + 1; i < at + 17; i++)
            symbols += i < size ? body[i] : 0;
        if (symbols > SYMBOLS_MAX)
            return false;
        at += 17 + symbols;
    }
    return true;
}

/* Walks the segments up to the end of the picture, past entropy-coded data. */
static enum status check_tables(const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + 4 <= size; at++) {
        int marker = bytes[at] == 0xFF ? bytes[at + 1] : 0;
        if (marker == EOI)
            break;
        if (marker < SOF0 || marker == 0xFF || (marker >= RST0 && marker <= SOI))
            continue;
        size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length < 2)
            continue;
        if (marker == DHT && !tables_fit(bytes + at + 4, size - at - 4, length - 2))
            return status_fail(ERR_FORMAT, "stb: a Huffman table with more than %d codes",
                               SYMBOLS_MAX);
        at += 1 + length;
    }
    return OK;
}

static enum status decode(const uint8_t *bytes, size_t size, const struct decode_options *options,
                          struct image *out)
{
    *out = (struct image){0};
    if (size > INT_MAX)
        return status_fail(ERR_LIMIT, "stb: %zu bytes; at most %d are read", size, INT_MAX);
    enum status st = check_tables(bytes, size); /* the header's reader fills tables, too */
    if (st)
        return st;

    int width, height, channels;
    if (!stbi_info_from_memory(bytes, (int)size, &width, &height, &channels))
        return failed();
    st = check_pixels("stb", (uint64_t)width, (uint64_t)height, options);
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
