#include "noises/system/decode/readers.h"

#include "noises/system/decode/jpeg.h"

#include <webp/decode.h>

enum status webp_read(const uint8_t *bytes, size_t size, const struct decode_options *options,
                      struct image *out)
{
    WebPBitstreamFeatures features;
    *out = (struct image){0};
    if (WebPGetFeatures(bytes, size, &features) != VP8_STATUS_OK)
        return status_fail(ERR_FORMAT, "webp: no picture header: cut off, or damaged");
    if (features.has_animation)
        return status_fail(ERR_UNSUPPORTED,
                           "webp: an animation, not a still picture: take one frame of it");

    enum status st =
        check_pixels("webp", (uint64_t)features.width, (uint64_t)features.height, options);
    if (!st)
        st = image_init(out, features.width, features.height, 3);
    if (!st && !WebPDecodeRGBInto(bytes, size, out->data, image_size(out), 3 * out->width))
        st = status_fail(ERR_FORMAT, "webp: cut off, or damaged");
    if (st)
        image_clear(out);
    return st;
}
