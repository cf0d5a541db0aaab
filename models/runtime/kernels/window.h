/* Sliding windows of Conv and the pools, in oneDNN's terms. */
#pragma once

#include "models/runtime/build.h"

struct window {
    int n;                   /* spatial dimensions */
    dnnl_dims_t kernel, stride, dilation; /* dilation 0 is dense */
    dnnl_dims_t left, right; /* padding; right as the output size implies */
    bool slack;              /* ceil mode made `right` larger than the file's */
};

/* From the attributes and the inferred shapes; `kernel` from kernel_shape, or from the
 * weights' shape where that is absent. */
void window_of(const struct node *node, const struct shape *in, const struct shape *out,
               const struct shape *weights, struct window *window);
