/*
 * Channel split, half through a depthwise unit, concatenation, channel shuffle.
 *
 * Source: Ma et al. 2018, arXiv:1807.11164; widths and depth for small pictures.
 */
#include "models/train/architecture.h"

/* [N][2 C'] channels, two groups: neighbours come from different halves. */
static struct value *shuffle(struct builder *b, struct value *x)
{
    int64_t c = x->shape.dim[1], h = x->shape.dim[2], w = x->shape.dim[3];
    const int64_t split[] = {0, 2, c / 2, h, w}, order[] = {0, 2, 1, 3, 4},
                  join[] = {0, c, h, w};
    x = build_transpose(b, build_reshape(b, x, 5, split), order);
    return build_reshape(b, x, 4, join);
}

static struct value *branch(struct builder *b, struct value *x, int out, int stride)
{
    x = build_conv_block(b, x, (struct conv_shape){out, 1, 1, 0, 1});
    x = build_batch_norm(b,
                         build_conv(b, x, (struct conv_shape){out, 3, stride, 1, out}));
    return build_conv_block(b, x, (struct conv_shape){out, 1, 1, 0, 1});
}

static struct value *unit(struct builder *b, struct value *x)
{
    int half = (int)x->shape.dim[1] / 2;
    struct value *left = build_slice(b, x, 1, 0, half, 1);
    struct value *right = build_slice(b, x, 1, half, 2 * half, 1);
    return shuffle(b, build_concat(b, left, branch(b, right, half, 1), 1));
}

static struct value *down(struct builder *b, struct value *x, int out)
{
    int in = (int)x->shape.dim[1];
    struct value *left =
        build_batch_norm(b, build_conv(b, x, (struct conv_shape){in, 3, 2, 1, in}));
    left = build_conv_block(b, left, (struct conv_shape){out / 2, 1, 1, 0, 1});
    return shuffle(b, build_concat(b, left, branch(b, x, out / 2, 2), 1));
}

static struct value *build(struct builder *b, struct value *x, int n_classes)
{
    static const int widths[] = {48, 96, 192}, units[] = {2, 4, 2};
    int stride = x->shape.dim[2] > 32 ? 2 : 1;
    x = build_conv_block(b, x, (struct conv_shape){24, 3, stride, 1, 1});
    for (int stage = 0; stage < 3; stage++) {
        x = down(b, x, widths[stage]);
        for (int i = 1; i < units[stage]; i++)
            x = unit(b, x);
    }
    return build_linear(b, build_global_pool(b, x), n_classes);
}

const struct architecture architecture_shufflenetv2_small = {
    .name = "shufflenetv2-small",
    .summary = "channel split and shuffle, depthwise convolutions",
    .source = "arXiv:1807.11164",
    .side = 32,
    .build = build,
};
