/* What the convolutions share: Conv, ConvInteger, QLinearConv. */
#pragma once

#include "models/ops/window.h"

struct conv_sizes {
    int64_t batch, channels, maps, group, c_per, m_per; /* channels and maps of a group */
    int64_t in, out, taps;                              /* elements of a plane, a kernel */
};

/* x [N][C][...], w [M][C/group][...]; checks all of it against each other. */
enum status conv_sizes_read(const struct node *node, const struct shape *x,
                            const struct shape *w, struct window *window,
                            struct conv_sizes *out);

/* sum (x - x_zero) (w - w_zero) over the taps inside the input, for sample n and map m: in
 * the padding x is x_zero. `places` are window_places() of the output. */
int64_t conv_integer_sum(const struct tensor *x, int64_t x_zero, const struct tensor *w,
                         int64_t w_zero, const int64_t *places,
                         const struct conv_sizes *s, int64_t n, int64_t m);
