#include "noises/system/decode/jpeg.h"
#include "noises/system/decode/readers.h"

#include <string.h>

static bool starts(const uint8_t *bytes, size_t size, const char *magic, size_t length)
{
    return size >= length && !memcmp(bytes, magic, length);
}

/* What the first bytes are, for a message. */
static const char *kind_of(const uint8_t *bytes, size_t size)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *name;
    } kinds[] = {
        {"GIF8", 4, "GIF"},              {"II*\0", 4, "TIFF"},
        {"MM\0*", 4, "TIFF"},            {"RIFF", 4, "a RIFF file"},
        {"\xff\x0a", 2, "JPEG XL"},      {"\0\0\0\x0cJXL ", 8, "JPEG XL"},
        {"\0\0\0\x0cjP  ", 8, "JPEG 2000"}, {"8BPS", 4, "PSD"},
        {"%PDF", 4, "PDF"},              {"P6", 2, "PPM"},
        {"P5", 2, "PGM"},                {"\x1f\x8b", 2, "gzip"},
        {"PK\x03\x04", 4, "zip"},        {"<", 1, "text (XML, HTML or SVG)"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (starts(bytes, size, kinds[i].magic, kinds[i].length))
            return kinds[i].name;
    if (size >= 12 && !memcmp(bytes + 4, "ftyp", 4))
        return "HEIF, AVIF or MP4";
    return "no format we know";
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
    return status_fail(ERR_FORMAT, "not JPEG, PNG, BMP or WebP: the first bytes say %s",
                       kind_of(bytes, size));
}
