/*
 * Built from the header rather than linked: its check that weights sum to less than 1.1
 * fails on ordinary picture sizes, and in the packaged library it would end the program.
 */
#include "noises/system/resize/stb.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#pragma GCC diagnostic ignored "-Wfloat-conversion"
#define STBIR_ASSERT(x) ((void)0)
#define STB_IMAGE_RESIZE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb/stb_image_resize.h>
#pragma GCC diagnostic pop

enum status stb_resize(const struct image *in, int width, int height, const struct rect *window,
                       enum stb_kernel kernel, bool srgb, struct image *out)
{
    static const stbir_filter filters[] = {
        [STB_DEFAULT] = STBIR_FILTER_DEFAULT, [STB_BOX] = STBIR_FILTER_BOX,
        [STB_TRIANGLE] = STBIR_FILTER_TRIANGLE, [STB_BSPLINE] = STBIR_FILTER_CUBICBSPLINE,
        [STB_CATMULL] = STBIR_FILTER_CATMULLROM, [STB_MITCHELL] = STBIR_FILTER_MITCHELL,
    };
    struct image whole = {0};
    *out = (struct image){0};

    enum status st = image_init(&whole, width, height, 3);
    if (!st && !stbir_resize_uint8_generic(
                   in->data, in->width, in->height, 0, whole.data, width, height, 0, 3,
                   STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP, filters[kernel],
                   srgb ? STBIR_COLORSPACE_SRGB : STBIR_COLORSPACE_LINEAR, NULL))
        st = status_fail(ERR_NOMEM, "resize: stb could not turn %d x %d into %d x %d",
                         in->width, in->height, width, height);
    if (!st && window)
        st = image_crop(&whole, *window, out);
    if (st || window)
        image_clear(&whole);
    else
        *out = whole;
    return st;
}
