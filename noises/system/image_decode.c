#include "noises/system/decode/jpeg.h"
#include "noises/system/decode/readers.h"

#include <stdio.h>
#include <string.h>

static bool starts(const uint8_t *bytes, size_t size, const char *magic, size_t length)
{
    return size >= length && !memcmp(bytes, magic, length);
}

/* What the bytes are, which we do not read, and what to do about it. */
static enum status refuse(const uint8_t *bytes, size_t size)
{
    static const char png[] = "convert it to PNG, which loses nothing";
    static const char lfs[] = "version https://git-lfs";
    const struct {
        const char *magic;
        size_t length;
        const char *name, *mend;
    } kinds[] = {
        {"GIF8", 4, "GIF", png},
        {"II*\0", 4, "TIFF", png},
        {"MM\0*", 4, "TIFF", png},
        {"\xff\x0a", 2, "JPEG XL", png},
        {"\0\0\0\x0cJXL ", 8, "JPEG XL", png},
        {"\0\0\0\x0cjP  ", 8, "JPEG 2000", png},
        {"8BPS", 4, "PSD", png},
        {"P6", 2, "PPM", png},
        {"P5", 2, "PGM", png},
        {"\0\0\1\0", 4, "ICO", png},
        {"RIFF", 4, "a RIFF file", "is it sound?"},
        {"%PDF", 4, "PDF", "take the pictures out of it"},
        {"\x1f\x8b", 2, "gzip", "unpack it"},
        {"PK\x03\x04", 4, "zip", "unpack it"},
        {lfs, sizeof lfs - 1, "a Git LFS pointer", "fetch the file itself: git lfs pull"},
        {"<", 1, "text (XML, HTML or SVG)", "a download that failed?"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (starts(bytes, size, kinds[i].magic, kinds[i].length))
            return status_fail(ERR_FORMAT, "%s, not JPEG, PNG, BMP or WebP: %s",
                               kinds[i].name, kinds[i].mend);
    if (size >= 12 && !memcmp(bytes + 4, "ftyp", 4))
        return status_fail(ERR_FORMAT, "AVIF, HEIF or MP4, not JPEG, PNG, BMP or WebP: %s",
                           png);
    char first[16] = "";
    for (size_t i = 0; i < size && i < 4; i++)
        snprintf(first + 3 * i, 4, " %02x", bytes[i]);
    return status_fail(ERR_FORMAT,
                       "not JPEG, PNG, BMP or WebP: no picture that we know begins with%s",
                       first);
}

static enum status decode_jpeg(const struct decoder *decoder, const uint8_t *bytes, size_t size,
                               const struct decode_options *options, struct image *out)
{
    enum status st = decoder->decode(bytes, size, options, out);
    struct jpeg_outline outline;
    if (st || !options || !options->orient || jpeg_outline_read(bytes, size, &outline))
        return st;
    st = image_orient(out, outline.orientation);
    if (st)
        image_clear(out);
    return st;
}

enum status image_decode(const struct decoder *decoder, const uint8_t *bytes, size_t size,
                         const struct decode_options *options, struct image *out)
{
    *out = (struct image){0};
    if (!size)
        return status_fail(ERR_FORMAT, "the file is empty");
    if (starts(bytes, size, "\xff\xd8", 2))
        return decode_jpeg(decoder, bytes, size, options, out);
    if (starts(bytes, size, "\x89PNG\r\n\x1a\n", 8))
        return png_read(bytes, size, options, out);
    if (starts(bytes, size, "RIFF", 4) && size >= 12 && !memcmp(bytes + 8, "WEBP", 4))
        return webp_read(bytes, size, options, out);
    if (starts(bytes, size, "BM", 2))
        return bmp_read(bytes, size, options, out);
    return refuse(bytes, size);
}
