/*
 * Architectures by name, built as graphs with fresh weights.
 *
 * How to add one: write models/train/architecture/<name>.c ending in `const struct
 * architecture architecture_<name>`, and add the name to meson.build.
 */
#pragma once

#include "base/rng.h"
#include "models/graph/graph.h"

/*
 * The pencil that architectures draw with. Values know their shape with -1 for the batch.
 * A misspelt operator or a shape that does not fit is our own mistake (assert).
 */
struct builder {
    struct graph *graph;
    struct rng rng;
    int n_names;
};

struct architecture {
    const char *name; /* "resnet20" */
    const char *summary, *source;
    int side; /* input the constants were chosen for: 32, 64 */
    /* input [N][3][side][side], normalised; gives logits [N][n_classes]. */
    struct value *(*build)(struct builder *builder, struct value *input, int n_classes);
};
extern const struct architecture *const architecture_registry[];

/* ERR_USAGE lists the near ones. */
enum status architecture_find(const char *name, const struct architecture **out);

/* A graph of opset 17 with input "input" [N][3][side][side] and output "logits"; weights
 * drawn by (seed, architecture, order of building). */
enum status architecture_build(const struct architecture *architecture, int side,
                               int n_classes, uint64_t seed, struct graph *out);

/* Layers. Weights: He et al. 2015 normal (fan out) for convolutions, uniform 1/sqrt(fan in)
 * for linear layers, truncated normal 0.02 for transformers; batch norm 1, 0, 0, 1. */
struct conv_shape {
    int out, kernel, stride, pad, groups; /* groups 0 means 1 */
};
struct value *build_conv(struct builder *, struct value *x, struct conv_shape shape);
struct value *build_batch_norm(struct builder *, struct value *x);
struct value *build_relu(struct builder *, struct value *x);
struct value *build_relu6(struct builder *, struct value *x);
struct value *build_gelu(struct builder *, struct value *x); /* exact, by Erf */
/* Convolution, batch norm and Relu. */
struct value *build_conv_block(struct builder *, struct value *x,
                               struct conv_shape shape);
struct value *build_add(struct builder *, struct value *a, struct value *b);
struct value *build_concat(struct builder *, struct value *a, struct value *b, int axis);
struct value *build_slice(struct builder *, struct value *x, int axis, int from, int to,
                          int step);
/* Zeros in front of and behind the channels. */
struct value *build_pad_channels(struct builder *, struct value *x, int front, int back);
struct value *build_max_pool(struct builder *, struct value *x, int kernel, int stride,
                             int pad);
struct value *build_average_pool(struct builder *, struct value *x, int kernel,
                                 int stride);
struct value *build_global_pool(struct builder *, struct value *x);     /* [N][C] */
struct value *build_linear(struct builder *, struct value *x, int out); /* last axis */
/* dims: rank of them, one may be -1; 0 keeps the batch. */
struct value *build_reshape(struct builder *, struct value *x, int rank,
                            const int64_t *dims);
struct value *build_transpose(struct builder *, struct value *x, const int64_t *order);
struct value *build_layer_norm(struct builder *, struct value *x); /* last axis */
/* [N][T][D] -> [N][T][D], `heads` heads, with output projection. */
struct value *build_attention(struct builder *, struct value *x, int heads);
/* Adds a learned constant of the shape of one sample of x. */
struct value *build_position(struct builder *, struct value *x);
