/*
 * BMP's run lengths, which stb_image does not read: 8 and 4 bits a pixel, bottom up. Pixels
 * that a file skips are of colour 0, as in Pillow.
 *
 * Source: Microsoft, "Bitmap Compression", [MS-WMF] 3.1.6.
 */
#include "noises/system/decode/readers.h"

#include "base/mem.h"
#include "noises/system/decode/jpeg.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_HEADER = 14, RLE8 = 1, RLE4 = 2, ENTRIES = 256 };

struct rle {
    const uint8_t *bytes; /* of the whole file */
    size_t size, at;
    int width, height, x, y; /* y counts from below */
    bool four;               /* bits a pixel; else eight */
    uint8_t palette[ENTRIES][3];
    struct image *out;
};

static uint32_t word(const uint8_t *p, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

bool bmp_is_rle(const uint8_t *bytes, size_t size)
{
    if (size < FILE_HEADER + 40 || word(bytes + FILE_HEADER, 4) < 40)
        return false;
    uint32_t bits = word(bytes + 28, 2), kind = word(bytes + 30, 4);
    return (kind == RLE8 && bits == 8) || (kind == RLE4 && bits == 4);
}

/* Pixels beyond the end of a row are dropped. */
static void put(struct rle *rle, int index)
{
    if (rle->x < rle->width && rle->y < rle->height)
        memcpy(image_row(rle->out, rle->height - 1 - rle->y) + 3 * rle->x,
               rle->palette[index], 3);
    rle->x++;
}

/* The k-th index of packed bytes. */
static int index_at(const struct rle *rle, const uint8_t *packed, int k)
{
    if (!rle->four)
        return packed[k];
    return k % 2 ? packed[k / 2] & 15 : packed[k / 2] >> 4;
}

static void run(struct rle *rle, int count, uint8_t value)
{
    const uint8_t both[2] = {value, value};
    for (int k = 0; k < count; k++)
        put(rle, index_at(rle, both, rle->four ? k % 2 : 0));
}

/* `count` pixels as they are, padded to an even number of bytes. */
static bool literal(struct rle *rle, int count)
{
    size_t bytes = (size_t)(rle->four ? (count + 1) / 2 : count);
    if (rle->size - rle->at < bytes)
        return false;
    for (int k = 0; k < count; k++)
        put(rle, index_at(rle, rle->bytes + rle->at, k));
    rle->at += bytes + bytes % 2;
    rle->at = rle->at < rle->size ? rle->at : rle->size;
    return true;
}

/* 0 and then: 0 end of row, 1 end of picture, 2 move, other: so many pixels as they are. */
static bool escape(struct rle *rle, uint8_t code)
{
    if (code == 0) {
        rle->x = 0;
        rle->y++;
    } else if (code == 1) {
        rle->y = rle->height;
    } else if (code == 2) {
        if (rle->size - rle->at < 2)
            return false;
        rle->x += rle->bytes[rle->at];
        rle->y += rle->bytes[rle->at + 1];
        rle->at += 2;
    } else {
        return literal(rle, code);
    }
    return true;
}

/* False where the data end before the picture does. */
static bool expand(struct rle *rle)
{
    while (rle->y < rle->height) {
        if (rle->size - rle->at < 2)
            return false;
        uint8_t count = rle->bytes[rle->at], value = rle->bytes[rle->at + 1];
        rle->at += 2;
        if (count)
            run(rle, count, value);
        else if (!escape(rle, value))
            return false;
        rle->x = rle->x < rle->width ? rle->x : rle->width; /* no overflow by moves */
    }
    return true;
}

static enum status read_palette(struct rle *rle)
{
    size_t header = word(rle->bytes + FILE_HEADER, 4);
    size_t used = word(rle->bytes + 46, 4), most = rle->four ? 16 : ENTRIES;
    size_t count = used && used < most ? used : most;
    if (header > rle->size || rle->size - header < FILE_HEADER + 4 * count)
        return status_fail(ERR_FORMAT, "bmp: the palette is cut off");
    const uint8_t *entry = rle->bytes + FILE_HEADER + header; /* blue, green, red, 0 */
    for (size_t i = 0; i < count; i++, entry += 4)
        for (int c = 0; c < 3; c++)
            rle->palette[i][c] = entry[2 - c];
    return OK;
}

enum status bmp_read_rle(const uint8_t *bytes, size_t size,
                         const struct decode_options *options, struct image *out)
{
    struct rle *rle = mem_new(sizeof *rle);
    int64_t width = (int32_t)word(bytes + 18, 4), height = (int32_t)word(bytes + 22, 4);
    size_t start = word(bytes + 10, 4);
    *out = (struct image){0};
    *rle = (struct rle){.bytes = bytes, .size = size, .at = start, .out = out,
                        .four = word(bytes + 30, 4) == RLE4};
    enum status st =
        width < 1 || height < 1
            ? status_fail(ERR_FORMAT, "bmp: run lengths of %lld x %lld pixels",
                          (long long)width, (long long)height)
            : check_pixels("bmp", (uint64_t)width, (uint64_t)height, options);
    if (!st)
        st = read_palette(rle);
    if (!st && start > size)
        st = status_fail(ERR_FORMAT, "bmp: the pixels begin beyond the end of the file");
    if (!st)
        st = image_init(out, (int)width, (int)height, 3);
    if (!st) {
        rle->width = (int)width;
        rle->height = (int)height;
        for (size_t i = 0; i < image_size(out); i += 3)
            memcpy(out->data + i, rle->palette[0], 3);
        if (!expand(rle) && options && options->strict)
            st = status_fail(ERR_FORMAT, "bmp: the file ends before the picture");
    }
    if (st)
        image_clear(out);
    free(rle);
    return st;
}
