/*
 * Perceptrons over tokens and over channels in turn.
 *
 * Source: Tolstikhin et al. 2021, arXiv:2105.01601; 64 tokens of width 64, depth 4.
 */
#include "models/train/architecture.h"

enum { WIDTH = 64, DEPTH = 4, GRID = 8, TOKENS = GRID * GRID };

static const int64_t swap[] = {0, 2, 1};

static struct value *perceptron(struct builder *b, struct value *x, int inner)
{
    int width = (int)x->shape.dim[2];
    return build_linear(b, build_gelu(b, build_linear(b, x, inner)), width);
}

static struct value *block(struct builder *b, struct value *x)
{
    struct value *y = build_transpose(b, build_layer_norm(b, x), swap);
    x = build_add(b, x, build_transpose(b, perceptron(b, y, TOKENS / 2), swap));
    return build_add(b, x, perceptron(b, build_layer_norm(b, x), 2 * WIDTH));
}

static struct value *build(struct builder *b, struct value *x, int n_classes)
{
    int patch = (int)x->shape.dim[2] / GRID;
    const int64_t tokens[] = {0, WIDTH, TOKENS}, picture[] = {0, WIDTH, GRID, GRID};
    x = build_conv(b, x, (struct conv_shape){WIDTH, patch, patch, 0, 1});
    x = build_transpose(b, build_reshape(b, x, 3, tokens), swap);
    for (int i = 0; i < DEPTH; i++)
        x = block(b, x);
    x = build_transpose(b, build_layer_norm(b, x), swap);
    return build_linear(b, build_global_pool(b, build_reshape(b, x, 4, picture)),
                        n_classes);
}

const struct architecture architecture_mixer_tiny = {
    .name = "mixer-tiny",
    .summary = "MLP-Mixer, 64 tokens of width 64, depth 4",
    .source = "arXiv:2105.01601",
    .side = 32,
    .build = build,
};
