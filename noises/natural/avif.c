/*
 * Lossy AVIF, there and back, as content networks serve it: AV1 in 4:2:0, full range.
 *
 * The bytes are libavif's and its codec's; other versions of them may give others.
 *
 * Source: AV1 Image File Format 1.1; quantizers of qualities 80, 65, 50, 35, 20 as libavif 1
 * counts them, round((100 - quality) 63 / 100).
 */
#include "noises/natural/parts.h"

#include <avif/avif.h>

static const int quantizer[5] = {13, 22, 32, 41, 50};

enum { SPEED = 8 }; /* 0 best .. 10 fastest */

static enum status encode(struct image *image, int q, avifRWData *out)
{
    avifImage *yuv = avifImageCreate((uint32_t)image->width, (uint32_t)image->height, 8,
                                     AVIF_PIXEL_FORMAT_YUV420);
    avifEncoder *encoder = avifEncoderCreate();
    avifResult result = AVIF_RESULT_OUT_OF_MEMORY;
    if (yuv && encoder) {
        avifRGBImage rgb;
        yuv->yuvRange = AVIF_RANGE_FULL;
        yuv->matrixCoefficients = AVIF_MATRIX_COEFFICIENTS_BT601;
        avifRGBImageSetDefaults(&rgb, yuv);
        rgb.format = AVIF_RGB_FORMAT_RGB;
        rgb.depth = 8;
        rgb.pixels = image->data;
        rgb.rowBytes = 3 * (uint32_t)image->width;
        encoder->minQuantizer = encoder->maxQuantizer = q;
        encoder->speed = SPEED;
        encoder->maxThreads = 1;
        result = avifImageRGBToYUV(yuv, &rgb);
        if (result == AVIF_RESULT_OK)
            result = avifEncoderWrite(encoder, yuv, out);
    }
    if (encoder)
        avifEncoderDestroy(encoder);
    if (yuv)
        avifImageDestroy(yuv);
    return result == AVIF_RESULT_OK
               ? OK
               : status_fail(ERR_UNSUPPORTED, "avif: %d x %d pixels: %s", image->width,
                             image->height, avifResultToString(result));
}

static enum status decode(const avifRWData *bytes, struct image *image)
{
    avifImage *yuv = avifImageCreateEmpty();
    avifDecoder *decoder = avifDecoderCreate();
    avifResult result = AVIF_RESULT_OUT_OF_MEMORY;
    if (yuv && decoder) {
        decoder->maxThreads = 1;
        result = avifDecoderReadMemory(decoder, yuv, bytes->data, bytes->size);
    }
    if (result == AVIF_RESULT_OK) {
        avifRGBImage rgb;
        avifRGBImageSetDefaults(&rgb, yuv);
        rgb.format = AVIF_RGB_FORMAT_RGB;
        rgb.depth = 8;
        rgb.pixels = image->data;
        rgb.rowBytes = 3 * (uint32_t)image->width;
        result = avifImageYUVToRGB(yuv, &rgb);
    }
    if (decoder)
        avifDecoderDestroy(decoder);
    if (yuv)
        avifImageDestroy(yuv);
    return result == AVIF_RESULT_OK
               ? OK
               : status_fail(ERR_FORMAT, "avif: libavif cannot read what it wrote: %s",
                             avifResultToString(result));
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    avifRWData bytes = AVIF_DATA_EMPTY;
    enum status st = encode(image, quantizer[args->severity - 1], &bytes);
    if (!st)
        st = decode(&bytes, image);
    avifRWDataFree(&bytes);
    return st;
}

const struct natural natural_avif = {
    .name = "avif",
    .summary = "lossy AVIF, there and back",
    .source = "AV1 Image File Format 1.1",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .render = render,
};
