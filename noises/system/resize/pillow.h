/* Pillow's convolution resize for 8-bit channels, shared by its kernels. Private. */
#pragma once

#include "noises/system/system.h"

struct pillow_kernel {
    double support;             /* half the width of the kernel at scale 1 */
    double (*weight)(double x);
};

/* As resizer.resize. */
enum status pillow_resize(const struct image *in, int width, int height,
                          const struct rect *window, const struct pillow_kernel *kernel,
                          struct image *out);
