/*
 * Lossy WebP, there and back, as content networks serve it.
 *
 * The bytes are libwebp's; another version of it may give others.
 *
 * Source: RFC 9649; qualities 80, 65, 50, 35, 20.
 */
#include "noises/natural/parts.h"

#include <string.h>
#include <webp/decode.h>
#include <webp/encode.h>

static const float quality[5] = {80, 65, 50, 35, 20};

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)draws;
    if (image->width > WEBP_MAX_DIMENSION || image->height > WEBP_MAX_DIMENSION)
        return status_fail(ERR_LIMIT, "webp: %d x %d pixels, at most %d a side",
                           image->width, image->height, WEBP_MAX_DIMENSION);
    uint8_t *bytes = NULL;
    int stride = 3 * image->width;
    size_t size = WebPEncodeRGB(image->data, image->width, image->height, stride,
                                quality[args->severity - 1], &bytes);
    if (!size)
        return status_fail(ERR_NOMEM, "webp: libwebp could not encode %d x %d pixels",
                           image->width, image->height);
    const uint8_t *back =
        WebPDecodeRGBInto(bytes, size, image->data, image_size(image), stride);
    WebPFree(bytes);
    return back ? OK : status_fail(ERR_FORMAT, "webp: libwebp cannot read what it wrote");
}

const struct natural natural_webp = {
    .name = "webp",
    .summary = "lossy WebP, there and back",
    .source = "RFC 9649",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .render = render,
};
