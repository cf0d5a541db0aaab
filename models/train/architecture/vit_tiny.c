/*
 * Patches of an eighth of the side, learned positions, pre-norm blocks of attention and a
 * two-layer perceptron, mean over tokens.
 *
 * Source: Dosovitskiy et al. 2021, arXiv:2010.11929; mean pooling as in Beyer et al. 2022,
 * arXiv:2205.01580.
 */
#include "models/train/architecture.h"

enum { WIDTH = 64, HEADS = 4, DEPTH = 4, GRID = 8 };

static struct value *block(struct builder *b, struct value *x)
{
    x = build_add(b, x, build_attention(b, build_layer_norm(b, x), HEADS));
    struct value *y = build_linear(b, build_layer_norm(b, x), 2 * WIDTH);
    return build_add(b, x, build_linear(b, build_gelu(b, y), WIDTH));
}

static struct value *build(struct builder *b, struct value *x, int n_classes)
{
    int patch = (int)x->shape.dim[2] / GRID;
    const int64_t tokens[] = {0, WIDTH, GRID * GRID}, order[] = {0, 2, 1};
    const int64_t picture[] = {0, WIDTH, GRID, GRID};
    x = build_conv(b, x, (struct conv_shape){WIDTH, patch, patch, 0, 1});
    x = build_transpose(b, build_reshape(b, x, 3, tokens), order);
    x = build_position(b, x);
    for (int i = 0; i < DEPTH; i++)
        x = block(b, x);
    x = build_transpose(b, build_layer_norm(b, x), order);
    return build_linear(b, build_global_pool(b, build_reshape(b, x, 4, picture)),
                        n_classes);
}

const struct architecture architecture_vit_tiny = {
    .name = "vit-tiny",
    .summary = "vision transformer, 64 tokens of width 64, depth 4",
    .source = "arXiv:2010.11929",
    .side = 32,
    .build = build,
};
