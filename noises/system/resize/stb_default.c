#include "noises/system/resize/stb.h"

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    return stb_resize(in, width, height, window, STB_DEFAULT, false, out);
}

static enum status resize_light(const struct image *in, int width, int height,
                                const struct rect *window, struct image *out)
{
    return stb_resize(in, width, height, window, STB_DEFAULT, true, out);
}

const struct resizer resizer_stb_default = {
    .name = "stb-default",
    .alias = "stb",
    .summary = "stb_image_resize: Mitchell down, Catmull-Rom up, in float",
    .source = "stb_image_resize 0.97",
    .impl = 1,
    .portable = true,
    .resize = resize,
    .resize_light = resize_light,
};
