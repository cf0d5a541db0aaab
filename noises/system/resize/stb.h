/* stb_image_resize v0.97, shared by its kernels. Private. */
#pragma once

#include "noises/system/system.h"

enum stb_kernel { STB_DEFAULT, STB_BOX, STB_TRIANGLE, STB_BSPLINE, STB_CATMULL, STB_MITCHELL };

/* As resizer.resize; srgb interpolates light instead of sRGB values. */
enum status stb_resize(const struct image *in, int width, int height, const struct rect *window,
                       enum stb_kernel kernel, bool srgb, struct image *out);
