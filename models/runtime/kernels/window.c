#include "models/runtime/kernels/window.h"

#include <string.h>

static int64_t at(const int64_t *list, int count, int i, int64_t fallback)
{
    return list && i < count ? list[i] : fallback;
}

void window_of(const struct node *node, const struct shape *in, const struct shape *out,
               const struct shape *weights, struct window *w)
{
    int n_kernel = 0, n_strides = 0, n_dilations = 0, n_pads = 0;
    const int64_t *kernel = node_ints(node, "kernel_shape", &n_kernel);
    const int64_t *strides = node_ints(node, "strides", &n_strides);
    const int64_t *dilations = node_ints(node, "dilations", &n_dilations);
    const int64_t *pads = node_ints(node, "pads", &n_pads);
    const char *automatic = node_string(node, "auto_pad", "NOTSET");
    *w = (struct window){.n = in->rank - 2};
    for (int i = 0; i < w->n; i++) {
        w->kernel[i] = at(kernel, n_kernel, i, weights ? weights->dim[i + 2] : 1);
        w->stride[i] = at(strides, n_strides, i, 1);
        w->dilation[i] = at(dilations, n_dilations, i, 1) - 1;
        int64_t span = (w->kernel[i] - 1) * (w->dilation[i] + 1) + 1;
        int64_t need = (out->dim[i + 2] - 1) * w->stride[i] + span - in->dim[i + 2];
        if (!strncmp(automatic, "SAME", 4)) {
            int64_t total = need > 0 ? need : 0;
            w->left[i] = strcmp(automatic, "SAME_LOWER") ? total / 2 : total - total / 2;
            w->right[i] = total - w->left[i];
        } else if (!strcmp(automatic, "NOTSET")) {
            w->left[i] = at(pads, n_pads, i, 0);
            w->right[i] = at(pads, n_pads, i + w->n, 0);
        }
        if (need > w->left[i] + w->right[i]) {
            w->slack = true;
            w->right[i] = need - w->left[i];
        }
    }
}
