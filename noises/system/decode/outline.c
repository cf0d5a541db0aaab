/* The markers of a JPEG (ITU-T T.81, annex B) and the one field of EXIF that turns it. */
#include "noises/system/decode/jpeg.h"

#include <string.h>

enum {
    SOI = 0xD8, EOI = 0xD9, SOS = 0xDA, APP1 = 0xE1, TEM = 0x01, RST0 = 0xD0, RST7 = 0xD7,
    DHT = 0xC4, JPG = 0xC8, DAC = 0xCC, SOF0 = 0xC0, SOF15 = 0xCF,
    TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3,
};

static unsigned u16(const uint8_t *p, bool little)
{
    return little ? p[0] | (unsigned)p[1] << 8 : p[1] | (unsigned)p[0] << 8;
}

static uint32_t u32(const uint8_t *p, bool little)
{
    return little ? u16(p, true) | (uint32_t)u16(p + 2, true) << 16
                  : u16(p + 2, false) | (uint32_t)u16(p, false) << 16;
}

/* Orientation in the first directory of a TIFF header, or 1. */
static int tiff_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8 || (memcmp(tiff, "II*\0", 4) && memcmp(tiff, "MM\0*", 4)))
        return 1;
    bool little = tiff[0] == 'I';
    size_t at = u32(tiff + 4, little);
    if (at > size - 2)
        return 1;
    unsigned entries = u16(tiff + at, little);
    for (at += 2; entries-- && at + 12 <= size; at += 12)
        if (u16(tiff + at, little) == TAG_ORIENTATION) {
            unsigned value = u16(tiff + at + 8, little);
            bool sensible = u16(tiff + at + 2, little) == TYPE_SHORT && value >= 1 && value <= 8;
            return sensible ? (int)value : 1;
        }
    return 1;
}

static bool is_frame(int marker)
{
    return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

static bool stands_alone(int marker)
{
    return marker == SOI || marker == TEM || (marker >= RST0 && marker <= RST7);
}

/* One segment with its length; true when the frame header is found. */
static bool take_segment(int marker, const uint8_t *body, size_t size, struct jpeg_outline *out)
{
    if (marker == APP1 && size > 6 && !memcmp(body, "Exif\0\0", 6))
        out->orientation = tiff_orientation(body + 6, size - 6);
    if (!is_frame(marker) || size < 6)
        return false;
    out->precision = body[0];
    out->height = u16(body + 1, false);
    out->width = u16(body + 3, false);
    out->components = body[5];
    for (size_t c = 0; c < 4 && c < out->components && 6 + 3 * c + 2 < size; c++) {
        out->across[c] = body[6 + 3 * c + 1] >> 4;
        out->down[c] = body[6 + 3 * c + 1] & 15;
    }
    return true;
}

enum status jpeg_outline_read(const uint8_t *bytes, size_t size, struct jpeg_outline *out)
{
    *out = (struct jpeg_outline){.orientation = 1};
    size_t at = 0;
    while (at + 2 <= size) {
        if (bytes[at] != 0xFF) { /* garbage between segments is skipped, as libjpeg does */
            at++;
            continue;
        }
        int marker = bytes[at + 1];
        if (marker == 0xFF || marker == 0) {
            at++;
            continue;
        }
        at += 2;
        if (stands_alone(marker))
            continue;
        if (marker == EOI || marker == SOS || at + 2 > size)
            break;
        size_t length = u16(bytes + at, false);
        if (length < 2 || length > size - at)
            break;
        if (take_segment(marker, bytes + at + 2, length - 2, out))
            return OK;
        at += length;
    }
    return status_fail(ERR_FORMAT, "jpeg: no frame header in %zu bytes", size);
}

const char *jpeg_sampling(const uint8_t *bytes, size_t size)
{
    static const struct {
        unsigned across, down; /* luma's factors where chroma's are 1 */
        const char *name;
    } names[] = {{1, 1, "4:4:4"}, {2, 2, "4:2:0"}, {2, 1, "4:2:2"},
                 {1, 2, "4:4:0"}, {4, 1, "4:1:1"}, {4, 2, "4:1:0"}};
    struct jpeg_outline o;
    if (size < 2 || bytes[0] != 0xFF || bytes[1] != SOI || jpeg_outline_read(bytes, size, &o))
        return "none";
    if (o.components == 1)
        return "grey";
    bool plain = o.components == 3 && o.across[1] && o.down[1] && o.across[1] == o.across[2] &&
                 o.down[1] == o.down[2] && o.across[0] % o.across[1] == 0 &&
                 o.down[0] % o.down[1] == 0;
    for (size_t i = 0; plain && i < sizeof names / sizeof *names; i++)
        if (o.across[0] / o.across[1] == names[i].across && o.down[0] / o.down[1] == names[i].down)
            return names[i].name;
    return "other";
}
