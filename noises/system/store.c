#include "noises/system/decode/jpeg.h"

#include <stdlib.h>

struct writer {
    struct jpeg_trap trap;
    struct jpeg_compress_struct info;
    const struct image *image;
    int quality;
    unsigned char *bytes;
    unsigned long size;
};

/* Pillow's and libjpeg's defaults: 4:2:0, accurate integer DCT, standard Huffman tables. */
static void write_jpeg(void *context)
{
    struct writer *writer = context;
    struct jpeg_compress_struct *info = &writer->info;
    jpeg_create_compress(info);
    jpeg_mem_dest(info, &writer->bytes, &writer->size);
    info->image_width = (JDIMENSION)writer->image->width;
    info->image_height = (JDIMENSION)writer->image->height;
    info->input_components = 3;
    info->in_color_space = JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, writer->quality, TRUE);
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < info->image_height) {
        JSAMPROW row = image_row(writer->image, (int)info->next_scanline);
        jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
}

enum status jpeg_encode(const struct image *image, int quality, unsigned char **bytes,
                        unsigned long *size)
{
    struct writer writer = {.image = image, .quality = quality};
    jpeg_trap_init(&writer.trap);
    writer.info.err = &writer.trap.errors;

    enum status st = jpeg_guard(&writer.trap, write_jpeg, &writer);
    if (writer.info.mem)
        jpeg_destroy_compress(&writer.info);
    if (st) {
        free(writer.bytes);
        return st;
    }
    *bytes = writer.bytes;
    *size = writer.size;
    return OK;
}

enum status store_as_jpeg(struct image *image, int quality, const struct decoder *decoder)
{
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    struct image again = {0};
    enum status st = jpeg_encode(image, quality, &bytes, &size);
    if (!st)
        st = decoder->decode(bytes, size, NULL, &again);
    if (!st) {
        image_clear(image);
        *image = again;
    }
    free(bytes);
    return st;
}
