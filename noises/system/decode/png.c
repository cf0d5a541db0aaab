#include "noises/system/decode/readers.h"

#include "noises/system/decode/jpeg.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

struct reading {
    const uint8_t *next;
    size_t left;
    const struct decode_options *options;
    struct image *out;
    png_bytep *rows;
    enum status status;
};

static _Noreturn void on_error(png_structp png, png_const_charp message)
{
    struct reading *reading = png_get_error_ptr(png);
    if (!reading->status)
        reading->status = status_fail(ERR_FORMAT, "png: %s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void read_bytes(png_structp png, png_bytep to, png_size_t count)
{
    struct reading *reading = png_get_io_ptr(png);
    if (count > reading->left)
        png_error(png, "cut off");
    memcpy(to, reading->next, count);
    reading->next += count;
    reading->left -= count;
}

/* To 8-bit RGB: palettes and grey spread out, the high byte of 16, alpha dropped. */
static void ask_for_rgb(png_structp png, png_infop info)
{
    png_set_palette_to_rgb(png);
    png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static void check(png_structp png, struct reading *reading, enum status st)
{
    reading->status = st;
    if (st)
        png_error(png, "");
}

static void read_all(png_structp png, png_infop info, struct reading *reading)
{
    png_set_read_fn(png, reading, read_bytes);
    png_set_user_limits(png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_read_info(png, info);
    unsigned width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    check(png, reading, check_pixels("png", width, height, reading->options));
    ask_for_rgb(png, info);
    if (png_get_rowbytes(png, info) != 3 * (size_t)width)
        png_error(png, "an unknown kind of pixel");
    check(png, reading, image_init(reading->out, (int)width, (int)height, 3));
    reading->rows = mem_try(height, sizeof *reading->rows);
    if (!reading->rows)
        check(png, reading, status_fail(ERR_NOMEM, "png: no memory for %u rows", height));
    for (unsigned y = 0; y < height; y++)
        reading->rows[y] = image_row(reading->out, (int)y);
    png_read_image(png, reading->rows);
}

enum status png_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                     struct image *out)
{
    struct reading reading = {.next = bytes, .left = size, .options = options, .out = out};
    *out = (struct image){0};
    png_structp png =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return status_fail(ERR_NOMEM, "png: no memory");
    }
    if (!setjmp(png_jmpbuf(png)))
        read_all(png, info, &reading);
    png_destroy_read_struct(&png, &info, NULL);
    free(reading.rows);
    if (reading.status)
        image_clear(out);
    return reading.status;
}
