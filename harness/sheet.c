#include "harness/sheet.h"

#include "base/file.h"
#include "noises/system/system.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 4, GLYPH = 5, ADVANCE = 6, LINE = 10, ZOOM = 2, SMALL = 96 };

/* 5x7 dots and two below the line, a word for each column, the lowest bit on top. */
struct glyph {
    char sign;
    uint16_t column[GLYPH];
};

// clang-format off
static const struct glyph glyphs[] = {
    {'a', {0x20, 0x54, 0x54, 0x54, 0x78}}, {'b', {0x7f, 0x48, 0x44, 0x44, 0x38}},
    {'c', {0x38, 0x44, 0x44, 0x44, 0x20}}, {'d', {0x38, 0x44, 0x44, 0x48, 0x7f}},
    {'e', {0x38, 0x54, 0x54, 0x54, 0x18}}, {'f', {0x08, 0x7e, 0x09, 0x01, 0x02}},
    {'g', {0x38, 0x144, 0x144, 0x144, 0xfc}}, {'h', {0x7f, 0x08, 0x04, 0x04, 0x78}},
    {'i', {0x00, 0x44, 0x7d, 0x40, 0x00}}, {'j', {0x80, 0x100, 0x104, 0xfd, 0x00}},
    {'k', {0x7f, 0x10, 0x28, 0x44, 0x00}}, {'l', {0x00, 0x41, 0x7f, 0x40, 0x00}},
    {'m', {0x7c, 0x04, 0x18, 0x04, 0x78}}, {'n', {0x7c, 0x08, 0x04, 0x04, 0x78}},
    {'o', {0x38, 0x44, 0x44, 0x44, 0x38}}, {'p', {0x1fc, 0x44, 0x44, 0x44, 0x38}},
    {'q', {0x38, 0x44, 0x44, 0x44, 0x1fc}}, {'r', {0x7c, 0x08, 0x04, 0x04, 0x08}},
    {'s', {0x48, 0x54, 0x54, 0x54, 0x20}}, {'t', {0x04, 0x3f, 0x44, 0x40, 0x20}},
    {'u', {0x3c, 0x40, 0x40, 0x20, 0x7c}}, {'v', {0x1c, 0x20, 0x40, 0x20, 0x1c}},
    {'w', {0x3c, 0x40, 0x30, 0x40, 0x3c}}, {'x', {0x44, 0x28, 0x10, 0x28, 0x44}},
    {'y', {0x1c, 0x120, 0x120, 0x120, 0xfc}}, {'z', {0x44, 0x64, 0x54, 0x4c, 0x44}},
    {'0', {0x3e, 0x51, 0x49, 0x45, 0x3e}}, {'1', {0x00, 0x42, 0x7f, 0x40, 0x00}},
    {'2', {0x42, 0x61, 0x51, 0x49, 0x46}}, {'3', {0x21, 0x41, 0x45, 0x4b, 0x31}},
    {'4', {0x18, 0x14, 0x12, 0x7f, 0x10}}, {'5', {0x27, 0x45, 0x45, 0x45, 0x39}},
    {'6', {0x3c, 0x4a, 0x49, 0x49, 0x30}}, {'7', {0x01, 0x71, 0x09, 0x05, 0x03}},
    {'8', {0x36, 0x49, 0x49, 0x49, 0x36}}, {'9', {0x06, 0x49, 0x49, 0x29, 0x1e}},
    {'_', {0x40, 0x40, 0x40, 0x40, 0x40}}, {'-', {0x08, 0x08, 0x08, 0x08, 0x08}},
    {':', {0x00, 0x36, 0x36, 0x00, 0x00}}, {'.', {0x00, 0x60, 0x60, 0x00, 0x00}},
    {'=', {0x14, 0x14, 0x14, 0x14, 0x14}}, {'/', {0x20, 0x10, 0x08, 0x04, 0x02}},
};
// clang-format on

static const struct glyph *glyph_of(char sign)
{
    if (sign >= 'A' && sign <= 'Z')
        sign = (char)(sign - 'A' + 'a');
    for (size_t i = 0; i < sizeof glyphs / sizeof *glyphs; i++)
        if (glyphs[i].sign == sign)
            return &glyphs[i];
    return NULL;
}

static void dot(struct image *image, int x, int y)
{
    for (int v = 0; v < ZOOM; v++)
        for (int u = 0; u < ZOOM; u++)
            if (x + u < image->width && y + v < image->height)
                memset(image_row(image, y + v) + 3 * (x + u), 32, 3);
}

static void write_text(struct image *image, int x, int y, const char *text)
{
    for (; *text; text++, x += ADVANCE * ZOOM) {
        const struct glyph *glyph = glyph_of(*text);
        for (int i = 0; glyph && i < GLYPH; i++)
            for (int j = 0; j < LINE - 1; j++)
                if (glyph->column[i] >> j & 1)
                    dot(image, x + i * ZOOM, y + j * ZOOM);
    }
}

static int left_of(const struct sheet *sheet, int column)
{
    int names = sheet->image.width - sheet->columns * (sheet->cell_width + GAP);
    return names + column * (sheet->cell_width + GAP);
}

static int top_of(const struct sheet *sheet, int row)
{
    return GAP + LINE * ZOOM + GAP + row * (sheet->cell_height + GAP);
}

enum status sheet_init(struct sheet *sheet, int columns, int rows, int cell_width,
                       int cell_height, int name_width)
{
    int64_t width, height;
    int scale = 1 + (cell_width < SMALL ? (SMALL - 1) / cell_width : 0);
    do {
        *sheet = (struct sheet){columns, rows, scale * cell_width, scale * cell_height,
                                scale,   {0}};
        width = GAP + name_width * ADVANCE * ZOOM + GAP +
                (int64_t)columns * (sheet->cell_width + GAP);
        height = top_of(sheet, 0) + (int64_t)rows * (sheet->cell_height + GAP);
    } while (scale-- > 1 && (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE));
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return status_fail(ERR_LIMIT, "a sheet of %lld x %lld pixels is too large",
                           (long long)width, (long long)height);
    enum status st = image_init(&sheet->image, (int)width, (int)height, 3);
    if (!st)
        memset(sheet->image.data, 255, image_size(&sheet->image));
    return st;
}

void sheet_name_row(struct sheet *sheet, int row, const char *name)
{
    int middle = top_of(sheet, row) + (sheet->cell_height - LINE * ZOOM) / 2;
    write_text(&sheet->image, GAP, middle, name);
}

void sheet_name_column(struct sheet *sheet, int column, const char *name)
{
    int middle = (sheet->cell_width - (int)strlen(name) * ADVANCE * ZOOM) / 2;
    write_text(&sheet->image, left_of(sheet, column) + (middle > 0 ? middle : 0), GAP,
               name);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

void sheet_put(struct sheet *sheet, int column, int row, const struct image *picture)
{
    int width = smaller(sheet->scale * picture->width, sheet->cell_width);
    int height = smaller(sheet->scale * picture->height, sheet->cell_height);
    for (int y = 0; y < height; y++) {
        uint8_t *to = image_row(&sheet->image, top_of(sheet, row) + y);
        const uint8_t *from = image_row(picture, y / sheet->scale);
        to += 3 * left_of(sheet, column);
        for (int x = 0; x < width; x++, to += 3)
            memcpy(to, from + 3 * (x / sheet->scale), 3);
    }
}

void sheet_clear(struct sheet *sheet)
{
    image_clear(&sheet->image);
}

static enum status png_write(const char *path, const struct image *image)
{
    png_image png = {
        .version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)image->width,
        .height = (png_uint_32)image->height,
        .format = PNG_FORMAT_RGB,
    };
    if (png_image_write_to_file(&png, path, 0, image->data, 0, NULL))
        return OK;
    return status_fail(ERR_IO, "%s: %s", path, png.message);
}

static enum status jpeg_write(const char *path, const struct image *image)
{
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    enum status st = jpeg_encode(image, 85, &bytes, &size);
    if (!st)
        st = file_replace(path, bytes, size);
    free(bytes);
    return st;
}

enum status picture_write(const char *path, const struct image *image)
{
    size_t length = strlen(path);
    bool jpeg = length > 4 && !strcmp(path + length - 4, ".jpg");
    return jpeg ? jpeg_write(path, image) : png_write(path, image);
}
