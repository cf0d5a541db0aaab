/*
 * Every layer sees all earlier ones: batch norm, Relu, 3x3 convolution, concatenation;
 * transitions halve channels and sides.
 *
 * Source: Huang et al. 2017, arXiv:1608.06993; growth 16, 2 layers a block.
 */
#include "models/train/architecture.h"

enum { GROWTH = 16, LAYERS = 2 };

static struct value *layer(struct builder *b, struct value *x)
{
    struct value *y = build_relu(b, build_batch_norm(b, x));
    return build_concat(b, x, build_conv(b, y, (struct conv_shape){GROWTH, 3, 1, 1, 1}),
                        1);
}

static struct value *transition(struct builder *b, struct value *x)
{
    int half = (int)x->shape.dim[1] / 2;
    x = build_relu(b, build_batch_norm(b, x));
    x = build_conv(b, x, (struct conv_shape){half, 1, 1, 0, 1});
    return build_average_pool(b, x, 2, 2);
}

static struct value *build(struct builder *b, struct value *x, int n_classes)
{
    int stride = x->shape.dim[2] > 32 ? 2 : 1;
    x = build_conv(b, x, (struct conv_shape){2 * GROWTH, 3, stride, 1, 1});
    for (int block = 0; block < 3; block++) {
        for (int i = 0; i < LAYERS; i++)
            x = layer(b, x);
        if (block < 2)
            x = transition(b, x);
    }
    x = build_relu(b, build_batch_norm(b, x));
    return build_linear(b, build_global_pool(b, x), n_classes);
}

const struct architecture architecture_densenet_small = {
    .name = "densenet-small",
    .summary = "dense blocks, growth 16",
    .source = "arXiv:1608.06993",
    .side = 32,
    .build = build,
};
