/*
 * Inverted residuals with linear bottlenecks and depthwise convolutions.
 *
 * Source: Sandler et al. 2018, arXiv:1801.04381; widths and depth for small pictures.
 */
#include "models/train/architecture.h"

static struct value *bottleneck(struct builder *b, struct value *x, int expand, int out,
                                int stride)
{
    int in = (int)x->shape.dim[1], inner = in * expand;
    struct value *y = x;
    if (expand > 1)
        y = build_relu6(b,
                        build_batch_norm(
                            b, build_conv(b, y, (struct conv_shape){inner, 1, 1, 0, 1})));
    y = build_conv(b, y, (struct conv_shape){inner, 3, stride, 1, inner});
    y = build_relu6(b, build_batch_norm(b, y));
    y = build_batch_norm(b, build_conv(b, y, (struct conv_shape){out, 1, 1, 0, 1}));
    return stride == 1 && in == out ? build_add(b, x, y) : y;
}

static struct value *build(struct builder *b, struct value *x, int n_classes)
{
    static const struct {
        int expand, out, count, stride;
    } stages[] = {{1, 12, 1, 1}, {4, 16, 2, 2}, {4, 24, 3, 2}, {4, 40, 2, 2}};

    int stride = x->shape.dim[2] > 32 ? 2 : 1;
    x = build_relu6(
        b,
        build_batch_norm(b, build_conv(b, x, (struct conv_shape){16, 3, stride, 1, 1})));
    for (size_t s = 0; s < sizeof stages / sizeof *stages; s++)
        for (int i = 0; i < stages[s].count; i++)
            x = bottleneck(b, x, stages[s].expand, stages[s].out,
                           i ? 1 : stages[s].stride);
    x = build_relu6(
        b, build_batch_norm(b, build_conv(b, x, (struct conv_shape){128, 1, 1, 0, 1})));
    return build_linear(b, build_global_pool(b, x), n_classes);
}

const struct architecture architecture_mobilenetv2_small = {
    .name = "mobilenetv2-small",
    .summary = "inverted residuals, depthwise convolutions",
    .source = "arXiv:1801.04381",
    .side = 32,
    .build = build,
};
