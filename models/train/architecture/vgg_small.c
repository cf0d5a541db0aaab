/*
 * A plain stack of 3x3 convolutions with pooling between stages.
 *
 * Source: Simonyan & Zisserman 2015, arXiv:1409.1556, narrowed; batch norm after each layer.
 */
#include "models/train/architecture.h"

static struct value *build(struct builder *b, struct value *x, int n_classes)
{
    static const int widths[] = {16, 32, 64};
    if (x->shape.dim[2] > 32)
        x = build_max_pool(b, build_conv_block(b, x, (struct conv_shape){16, 3, 1, 1, 1}),
                           2, 2, 0);
    for (int stage = 0; stage < 3; stage++) {
        x = build_conv_block(b, x, (struct conv_shape){widths[stage], 3, 1, 1, 1});
        x = build_conv_block(b, x, (struct conv_shape){widths[stage], 3, 1, 1, 1});
        x = build_max_pool(b, x, 2, 2, 0);
    }
    return build_linear(b, build_global_pool(b, x), n_classes);
}

const struct architecture architecture_vgg_small = {
    .name = "vgg-small",
    .summary = "plain 3x3 convolutions, 16 to 64 channels",
    .source = "arXiv:1409.1556",
    .side = 32,
    .build = build,
};
