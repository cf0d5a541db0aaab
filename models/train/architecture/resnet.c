/*
 * Residual networks for small pictures: a 3x3 stem, three stages of basic blocks, shortcut
 * of option A (every second pixel, zero channels), global pooling, one linear layer.
 *
 * Source: He et al. 2016, arXiv:1512.03385, section 4.2.
 */
#include "models/train/architecture/resnet.h"

static struct value *shortcut(struct builder *b, struct value *x, int out)
{
    int in = (int)x->shape.dim[1], side = (int)x->shape.dim[2];
    x = build_slice(b, x, 2, 0, side, 2);
    x = build_slice(b, x, 3, 0, side, 2);
    int added = out - in;
    return build_pad_channels(b, x, added / 2, added - added / 2);
}

static struct value *block(struct builder *b, struct value *x, int out, int stride)
{
    struct value *y = build_conv_block(b, x, (struct conv_shape){out, 3, stride, 1, 1});
    y = build_batch_norm(b, build_conv(b, y, (struct conv_shape){out, 3, 1, 1, 1}));
    struct value *direct = stride == 1 ? x : shortcut(b, x, out);
    return build_relu(b, build_add(b, y, direct));
}

struct value *resnet_build(struct builder *b, struct value *x, int n, int width,
                           int n_classes)
{
    /* Pictures larger than 32 pixels enter through a stride. */
    int stride = x->shape.dim[2] > 32 ? 2 : 1;
    x = build_conv_block(b, x, (struct conv_shape){width, 3, stride, 1, 1});
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < n; i++)
            x = block(b, x, width << stage, stage > 0 && i == 0 ? 2 : 1);
    return build_linear(b, build_global_pool(b, x), n_classes);
}
