/* Pillow's convolution resize for 8-bit channels, shared by its kernels. Private. */
#pragma once

#include "noises/system/system.h"

struct pillow_kernel {
    double support;             /* half the width of the kernel at scale 1 */
    double (*weight)(double x);
    bool short_weights;         /* Pillow-SIMD: 16 bits and as many after the point as fit */
};

/* As resizer.resize; gap: reducing_gap, 0 for none. */
enum status pillow_resize(const struct image *in, int width, int height,
                          const struct rect *window, const struct pillow_kernel *kernel,
                          double gap, struct image *out);
/* As resizer.resize_light: in float32, rounded once. Ours; Pillow has no such mode. */
enum status pillow_resize_light(const struct image *in, int width, int height,
                                const struct rect *window, const struct pillow_kernel *kernel,
                                struct image *out);

/* The three entries of a member that has a `weight` and this support. */
#define PILLOW_ENTRIES(reach)                                                              \
    static enum status resize(const struct image *in, int width, int height,               \
                              const struct rect *window, struct image *out)                \
    {                                                                                      \
        return pillow_resize(in, width, height, window,                                    \
                             &(struct pillow_kernel){reach, weight, false}, 0, out);       \
    }                                                                                      \
    static enum status resize_gap(const struct image *in, int width, int height,           \
                                  const struct rect *window, double gap,                   \
                                  struct image *out)                                       \
    {                                                                                      \
        return pillow_resize(in, width, height, window,                                    \
                             &(struct pillow_kernel){reach, weight, false}, gap, out);     \
    }                                                                                      \
    static enum status resize_light(const struct image *in, int width, int height,         \
                                    const struct rect *window, struct image *out)          \
    {                                                                                      \
        return pillow_resize_light(in, width, height, window,                              \
                                   &(struct pillow_kernel){reach, weight, false}, out);    \
    }
