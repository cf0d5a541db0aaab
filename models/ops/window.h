/*
 * The geometry that convolutions and pools share: kernel, strides, dilations, pads with
 * auto_pad and ceil_mode resolved. Up to three spatial dimensions; missing ones lead with 1,
 * so that code has three loops whatever the rank (1-D is [1][1][W]).
 */
#pragma once

#include "models/ops/op.h"

struct window {
    int rank;             /* spatial dimensions of the node: 1 to 3 */
    int64_t in[3], kernel[3], stride[3], dilation[3], begin[3], end[3], out[3];
};

/* From attributes and the shape [N][C][spatial...]; `kernel` (spatial dims of the weights)
 * may be NULL: then kernel_shape is required. */
enum status window_read(const struct node *node, const struct shape *x,
                        const int64_t *kernel, struct window *out);

/* The spatial dimensions of the output, after [N][C]. */
void window_shape(const struct window *window, int64_t batch, int64_t channels,
                  struct shape *out);

int64_t window_in_count(const struct window *window);
int64_t window_kernel_count(const struct window *window);
int64_t window_out_count(const struct window *window);

/* The input place (row-major in in[]) that output o and tap k meet, or -1 in the padding. */
int64_t window_place(const struct window *window, int64_t o, int64_t k);
/* All taps of output o at once. */
void window_places(const struct window *window, int64_t o, int64_t *places);
