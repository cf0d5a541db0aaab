/*
 * 3x3, 1x1 and identity branches, each with batch norm, summed before one Relu; after
 * training they merge into one 3x3 convolution each.
 *
 * Source: Ding et al. 2021, arXiv:2101.03697; widths and depth for small pictures.
 */
#include "models/train/architecture.h"

static struct value *block(struct builder *b, struct value *x, int out, int stride)
{
    struct value *wide =
        build_batch_norm(b, build_conv(b, x, (struct conv_shape){out, 3, stride, 1, 1}));
    struct value *point =
        build_batch_norm(b, build_conv(b, x, (struct conv_shape){out, 1, stride, 0, 1}));
    struct value *sum = build_add(b, wide, point);
    if (stride == 1 && x->shape.dim[1] == out)
        sum = build_add(b, sum, build_batch_norm(b, x));
    return build_relu(b, sum);
}

static struct value *build(struct builder *b, struct value *x, int n_classes)
{
    static const int widths[] = {16, 32, 64}, depths[] = {2, 3, 2};
    int stride = x->shape.dim[2] > 32 ? 2 : 1;
    x = block(b, x, 16, stride);
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < depths[stage]; i++)
            x = block(b, x, widths[stage], i == 0 && stage > 0 ? 2 : 1);
    return build_linear(b, build_global_pool(b, x), n_classes);
}

const struct architecture architecture_repvgg_small = {
    .name = "repvgg-small",
    .summary = "3x3, 1x1 and identity branches",
    .source = "arXiv:2101.03697",
    .side = 32,
    .build = build,
};
