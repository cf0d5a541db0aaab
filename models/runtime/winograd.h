/*
 * Convolution 3x3 of stride 1 by Winograd's F(4x4, 3x3): 36 products per 16 outputs instead
 * of 144. Tensors lie in blocks of sixteen channels, [N][blocks][H][W][16] float32; channels
 * past the last are zero. Needs AVX-512.
 *
 * Interpolation at 0, +-5/8, +-3/2 and infinity: the small, unequal points keep the rounding
 * error at half of what the textbook's 0, +-1, +-2 give.
 *
 * source  Lavin & Gray 2015, arXiv:1509.09308; points: Barabasz et al. 2020, arXiv:1803.10986
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct winograd {
    int64_t N, C, H, W;          /* of x */
    int64_t O, OH, OW;           /* of y */
    int64_t top, left;           /* padding before */
    float low, high;             /* bounds of y */
    bool gradient;               /* for winograd_gradient(), which wants more tiles at once */

    /* Made by winograd_prepare(). */
    int64_t padded_C, padded_O;
    int64_t rows, columns;       /* tiles of one plane */
    int64_t chunk;               /* tiles that are worked on at once */
    size_t weight_floats, scratch_bytes;
};

/* Whether this CPU can (capped by ONEDNN_MAX_CPU_ISA). */
bool winograd_can(void);
void winograd_prepare(struct winograd *winograd);

/* Transforms w [O][C][3][3] into out[weight_floats]; where `turned` is set w is [C][O][3][3]
 * with the kernels read backwards, as the gradient of the input wants it. */
void winograd_weights(const struct winograd *winograd, const float *w, bool turned,
                      float *out);

/* dw [O][C][3][3], the gradient of the kernels from x and dy (like y): the same algorithm
 * transposed. `gradient` was set when it was prepared. */
void winograd_gradient(const struct winograd *winograd, const float *x, const float *dy,
                       float *dw, void *scratch);

/* y = min(max(x * w + bias + residual, low), high); bias [padded_O] and residual (like y)
 * may be NULL. */
void winograd_run(const struct winograd *winograd, const float *x, const float *weights,
                  const float *bias, const float *residual, float *y, void *scratch);
