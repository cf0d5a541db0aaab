#include "models/train/architecture.h"

#include "base/text.h"
#include "models/ops/op.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPSET = 17 };

enum status architecture_find(const char *name, const struct architecture **out)
{
    const char *names[64];
    size_t count = 0;
    struct text list = {0};
    for (; architecture_registry[count]; count++) {
        names[count] = architecture_registry[count]->name;
        if (!strcmp(names[count], name)) {
            *out = architecture_registry[count];
            text_clear(&list);
            return OK;
        }
        text_addf(&list, "%s%s", count ? " " : "", names[count]);
    }
    const char *near = text_nearest(name, names, count);
    enum status st =
        near ? status_fail(ERR_USAGE, "no architecture '%s': did you mean '%s'?", name,
                           near)
             : status_fail(ERR_USAGE, "no architecture '%s'; there are: %s", name,
                           list.data);
    text_clear(&list);
    return st;
}

static const char *next_name(struct builder *b, const char *stem)
{
    return arena_format(&b->graph->arena, "%s_%d", stem, b->n_names++);
}

static struct value *fresh(struct builder *b, const struct value *like)
{
    struct value *value = graph_value(b->graph, next_name(b, "t"));
    value->dtype = DTYPE_F32;
    value->shape = like->shape;
    value->shaped = true;
    return value;
}

/* A node of up to four inputs and one output that has the shape of the first. */
static struct value *apply(struct builder *b, const char *operator, int n,
                           struct value *const *in)
{
    const struct op *op = op_find(NULL, operator, OPSET);
    assert(op);
    struct node *node = graph_node(b->graph, op, next_name(b, operator), n, 1);
    for (int i = 0; i < n; i++)
        node->inputs[i] = in[i];
    struct value *out = fresh(b, in[0]);
    out->producer = node;
    node->outputs[0] = out;
    return out;
}

static struct value *unary(struct builder *b, const char *operator, struct value * x)
{
    return apply(b, operator, 1, (struct value *const[]){x});
}

static struct value *binary(struct builder *b, const char *operator, struct value * x,
                            struct value *y)
{
    return apply(b, operator, 2, (struct value *const[]){x, y});
}

static struct value *constant(struct builder *b, const char *stem, const struct tensor *t)
{
    return graph_constant(b->graph, next_name(b, stem), t);
}

static struct value *ints(struct builder *b, int count, const int64_t *values)
{
    int64_t copy[TENSOR_MAX_RANK];
    memcpy(copy, values, (size_t)count * sizeof *copy);
    return constant(b, "ints", &(struct tensor){DTYPE_I64, {1, {count}}, copy, false});
}

static struct value *scalar(struct builder *b, float value)
{
    return constant(b, "c", &(struct tensor){DTYPE_F32, {0, {0}}, &value, false});
}

/* Fills: how a weight starts. */
static void fill_normal(struct builder *b, float *x, size_t n, double deviation)
{
    rng_fill_normal(&b->rng, x, n);
    for (size_t i = 0; i < n; i++)
        x[i] *= (float)deviation;
}

/* Normal, redrawn beyond two deviations. */
static void fill_truncated(struct builder *b, float *x, size_t n, double deviation)
{
    for (size_t i = 0; i < n; i++) {
        double value;
        do
            value = rng_normal(&b->rng);
        while (fabs(value) > 2);
        x[i] = (float)(value * deviation);
    }
}

static struct value *weight(struct builder *b, const char *stem, struct shape shape,
                            void (*fill)(struct builder *, float *, size_t, double),
                            double deviation)
{
    struct tensor tensor;
    enum status st = tensor_init(&tensor, DTYPE_F32, &shape);
    assert(!st);
    (void)st;
    fill(b, tensor.data, (size_t)shape_count(&shape), deviation);
    struct value *value = constant(b, stem, &tensor);
    value->trainable = true;
    tensor_clear(&tensor);
    return value;
}

static void fill_same(struct builder *b, float *x, size_t n, double value)
{
    (void)b;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)value;
}

static void fill_uniform(struct builder *b, float *x, size_t n, double bound)
{
    rng_fill_uniform(&b->rng, x, n, (float)-bound, (float)bound);
}

struct value *build_conv(struct builder *b, struct value *x, struct conv_shape s)
{
    int groups = s.groups ? s.groups : 1;
    int64_t in = x->shape.dim[1];
    assert(in % groups == 0 && s.out % groups == 0);
    double fan_out = (double)(s.out / groups) * s.kernel * s.kernel;
    struct value *w =
        weight(b, "weight", (struct shape){4, {s.out, in / groups, s.kernel, s.kernel}},
               fill_normal, sqrt(2 / fan_out));
    struct value *out = binary(b, "Conv", x, w);
    struct node *node = out->producer;
    node_set_ints(b->graph, node, "kernel_shape", (int64_t[]){s.kernel, s.kernel}, 2);
    node_set_ints(b->graph, node, "strides", (int64_t[]){s.stride, s.stride}, 2);
    node_set_ints(b->graph, node, "pads", (int64_t[]){s.pad, s.pad, s.pad, s.pad}, 4);
    node_set_int(b->graph, node, "group", groups);
    out->shape.dim[1] = s.out;
    for (int d = 2; d < 4; d++)
        out->shape.dim[d] = (x->shape.dim[d] + 2 * s.pad - s.kernel) / s.stride + 1;
    return out;
}

struct value *build_batch_norm(struct builder *b, struct value *x)
{
    struct shape channels = {1, {x->shape.dim[1]}};
    struct value *in[5] = {x, weight(b, "gamma", channels, fill_same, 1),
                           weight(b, "beta", channels, fill_same, 0),
                           weight(b, "mean", channels, fill_same, 0),
                           weight(b, "variance", channels, fill_same, 1)};
    /* Running statistics are updated by averaging, not by gradients. */
    in[3]->trainable = in[4]->trainable = false;
    struct value *out = apply(b, "BatchNormalization", 5, in);
    node_set_float(b->graph, out->producer, "epsilon", 1e-5f);
    node_set_float(b->graph, out->producer, "momentum", 0.9f);
    return out;
}

struct value *build_relu(struct builder *b, struct value *x)
{
    return unary(b, "Relu", x);
}

struct value *build_relu6(struct builder *b, struct value *x)
{
    struct value *in[3] = {x, scalar(b, 0), scalar(b, 6)};
    return apply(b, "Clip", 3, in);
}

struct value *build_gelu(struct builder *b, struct value *x)
{
    struct value *root = binary(b, "Div", x, scalar(b, 1.41421356f));
    struct value *one = binary(b, "Add", unary(b, "Erf", root), scalar(b, 1));
    return binary(b, "Mul", binary(b, "Mul", x, one), scalar(b, 0.5f));
}

struct value *build_conv_block(struct builder *b, struct value *x, struct conv_shape s)
{
    return build_relu(b, build_batch_norm(b, build_conv(b, x, s)));
}

struct value *build_add(struct builder *b, struct value *x, struct value *y)
{
    return binary(b, "Add", x, y);
}

struct value *build_concat(struct builder *b, struct value *x, struct value *y, int axis)
{
    struct value *out = binary(b, "Concat", x, y);
    node_set_int(b->graph, out->producer, "axis", axis);
    out->shape.dim[axis] = x->shape.dim[axis] + y->shape.dim[axis];
    return out;
}

struct value *build_slice(struct builder *b, struct value *x, int axis, int from, int to,
                          int step)
{
    struct value *in[5] = {x, ints(b, 1, (int64_t[]){from}), ints(b, 1, (int64_t[]){to}),
                           ints(b, 1, (int64_t[]){axis}), ints(b, 1, (int64_t[]){step})};
    struct value *out = apply(b, "Slice", 5, in);
    out->shape.dim[axis] = (to - from + step - 1) / step;
    return out;
}

struct value *build_pad_channels(struct builder *b, struct value *x, int front, int back)
{
    struct value *pads = ints(b, 8, (int64_t[]){0, front, 0, 0, 0, back, 0, 0});
    struct value *in[3] = {x, pads, scalar(b, 0)};
    struct value *out = apply(b, "Pad", 3, in);
    out->shape.dim[1] += front + back;
    return out;
}

static struct value *pool(struct builder *b, const char *operator, struct value * x,
                          int kernel, int stride, int pad)
{
    struct value *out = unary(b, operator, x);
    struct node *node = out->producer;
    node_set_ints(b->graph, node, "kernel_shape", (int64_t[]){kernel, kernel}, 2);
    node_set_ints(b->graph, node, "strides", (int64_t[]){stride, stride}, 2);
    node_set_ints(b->graph, node, "pads", (int64_t[]){pad, pad, pad, pad}, 4);
    for (int d = 2; d < 4; d++)
        out->shape.dim[d] = (x->shape.dim[d] + 2 * pad - kernel) / stride + 1;
    return out;
}

struct value *build_max_pool(struct builder *b, struct value *x, int kernel, int stride,
                             int pad)
{
    return pool(b, "MaxPool", x, kernel, stride, pad);
}

struct value *build_average_pool(struct builder *b, struct value *x, int kernel,
                                 int stride)
{
    return pool(b, "AveragePool", x, kernel, stride, 0);
}

struct value *build_global_pool(struct builder *b, struct value *x)
{
    struct value *mean = unary(b, "GlobalAveragePool", x);
    mean->shape.dim[2] = mean->shape.dim[3] = 1;
    struct value *out = unary(b, "Flatten", mean);
    node_set_int(b->graph, out->producer, "axis", 1);
    out->shape.rank = 2;
    return out;
}

/* Gemm for matrices; MatMul and Add where there are more axes. */
struct value *build_linear(struct builder *b, struct value *x, int out_features)
{
    int last = x->shape.rank - 1;
    int64_t in = x->shape.dim[last];
    bool matrix = last == 1;
    double bound = 1 / sqrt((double)in);
    struct shape shape = matrix ? (struct shape){2, {out_features, in}}
                                : (struct shape){2, {in, out_features}};
    struct value *w = matrix ? weight(b, "weight", shape, fill_uniform, bound)
                             : weight(b, "weight", shape, fill_truncated, 0.02);
    struct value *bias =
        weight(b, "bias", (struct shape){1, {out_features}}, fill_same, 0);
    struct value *out;
    if (matrix) {
        struct value *gemm[3] = {x, w, bias};
        out = apply(b, "Gemm", 3, gemm);
        node_set_int(b->graph, out->producer, "transB", 1);
    } else {
        struct value *product = binary(b, "MatMul", x, w);
        product->shape.dim[last] = out_features;
        out = binary(b, "Add", product, bias);
    }
    out->shape.dim[last] = out_features;
    return out;
}

struct value *build_reshape(struct builder *b, struct value *x, int rank,
                            const int64_t *dims)
{
    struct value *out = binary(b, "Reshape", x, ints(b, rank, dims));
    int64_t all = 1, known = 1;
    for (int i = 1; i < x->shape.rank; i++)
        all *= x->shape.dim[i];
    for (int i = 1; i < rank; i++)
        known *= dims[i] > 0 ? dims[i] : 1;
    out->shape.rank = rank;
    for (int i = 1; i < rank; i++)
        out->shape.dim[i] = dims[i] > 0 ? dims[i] : all / known;
    return out;
}

struct value *build_transpose(struct builder *b, struct value *x, const int64_t *order)
{
    struct value *out = unary(b, "Transpose", x);
    node_set_ints(b->graph, out->producer, "perm", order, x->shape.rank);
    for (int i = 0; i < x->shape.rank; i++)
        out->shape.dim[i] = x->shape.dim[order[i]];
    return out;
}

struct value *build_layer_norm(struct builder *b, struct value *x)
{
    struct shape features = {1, {x->shape.dim[x->shape.rank - 1]}};
    struct value *in[3] = {x, weight(b, "gamma", features, fill_same, 1),
                           weight(b, "beta", features, fill_same, 0)};
    struct value *out = apply(b, "LayerNormalization", 3, in);
    node_set_int(b->graph, out->producer, "axis", -1);
    node_set_float(b->graph, out->producer, "epsilon", 1e-5f);
    return out;
}

/* softmax(q k' / sqrt(d)) v, heads side by side. */
struct value *build_attention(struct builder *b, struct value *x, int heads)
{
    int tokens = (int)x->shape.dim[1], width = (int)x->shape.dim[2];
    int each = width / heads;
    const int64_t split[] = {0, tokens, heads, each}, join[] = {0, tokens, width};
    const int64_t rows[] = {0, 2, 1, 3}, columns[] = {0, 2, 3, 1};

    struct value *q = build_reshape(b, build_linear(b, x, width), 4, split);
    struct value *k = build_reshape(b, build_linear(b, x, width), 4, split);
    struct value *v = build_reshape(b, build_linear(b, x, width), 4, split);
    q = build_transpose(b, q, rows);
    k = build_transpose(b, k, columns);
    v = build_transpose(b, v, rows);

    struct value *scores = binary(b, "MatMul", q, k);
    scores->shape.dim[3] = tokens;
    scores = binary(b, "Mul", scores, scalar(b, 1 / sqrtf((float)each)));
    struct value *share = unary(b, "Softmax", scores);
    node_set_int(b->graph, share->producer, "axis", -1);
    struct value *mixed = binary(b, "MatMul", share, v);
    mixed->shape.dim[3] = each;
    mixed = build_reshape(b, build_transpose(b, mixed, rows), 3, join);
    return build_linear(b, mixed, width);
}

struct value *build_position(struct builder *b, struct value *x)
{
    struct shape shape = x->shape;
    shape.dim[0] = 1;
    return build_add(b, x, weight(b, "position", shape, fill_truncated, 0.02));
}

enum status architecture_build(const struct architecture *architecture, int side,
                               int n_classes, uint64_t seed, struct graph *out)
{
    *out = (struct graph){.opset = OPSET};
    struct builder b = {.graph = out};
    rng_open(&b.rng, seed, architecture->name, "weights", 0);

    struct value *input = graph_value(out, "input");
    input->dtype = DTYPE_F32;
    input->shape = (struct shape){4, {-1, 3, side, side}};
    input->shaped = true;
    struct value *logits = architecture->build(&b, input, n_classes);
    logits->name = "logits";

    out->name = architecture->name;
    out->inputs = arena_alloc(&out->arena, sizeof *out->inputs);
    out->outputs = arena_alloc(&out->arena, sizeof *out->outputs);
    out->inputs[0] = input;
    out->outputs[0] = logits;
    out->n_inputs = out->n_outputs = 1;
    enum status st = graph_update(out);
    if (st)
        graph_clear(out);
    return st;
}
