/*
 * What exporters spelled out becomes one node again: LayerNormalization, Gelu, HardSigmoid,
 * HardSwish, SiLU. The numbers change by roundings only; the runtime gets one step instead of
 * nine, with one gradient. Half-precision graphs stay as they are: there the roundings in
 * between are the point.
 */
#include "models/graph/passes/match.h"

#include <math.h>
#include <string.h>

/* ReduceMean over the last dimensions, kept as 1: the first of them, or -1. */
static int trailing_axis(const struct node *node)
{
    if (!node_is(node, "ReduceMean") || !node_int(node, "keepdims", 1))
        return -1;
    int rank = node->inputs[0]->shape.rank, count = 0;
    bool mask[TENSOR_MAX_RANK] = {false};
    const int64_t *axes = node_ints(node, "axes", &count);
    int64_t list[TENSOR_MAX_RANK];
    if (!axes && node->n_inputs > 1 && node->inputs[1] && node->inputs[1]->constant) {
        const struct tensor *constant = node->inputs[1]->constant;
        count = (int)shape_count(&constant->shape);
        for (int i = 0; i < count && i < TENSOR_MAX_RANK; i++)
            list[i] = tensor_get_int(constant, i);
        axes = list;
    }
    if (!axes || count < 1 || count > rank)
        return -1;
    for (int i = 0; i < count; i++)
        mask[axes[i] < 0 ? axes[i] + rank : axes[i]] = true;
    for (int i = 0; i < rank; i++)
        if (mask[i] != (i >= rank - count))
            return -1;
    return rank - count;
}

/* D^2 as Pow(D, 2) or Mul(D, D). */
static bool is_square(const struct value *value, const struct value *d)
{
    double power;
    const struct node *node = value->uses == 1 ? value->producer : NULL;
    if (node_is(node, "Pow"))
        return node->inputs[0] == d && scalar_of(node->inputs[1], &power) && power == 2;
    return node_is(node, "Mul") && node->inputs[0] == d && node->inputs[1] == d;
}

/* A constant that may be scale or bias: broadcast along the normalised dimensions only. */
static bool is_affine(const struct value *value, const struct shape *shape, int axis)
{
    if (!value || !value->constant || value->shape.rank > shape->rank - axis)
        return false;
    for (int i = 0; i < value->shape.rank; i++) {
        int64_t dim = shape->dim[shape->rank - value->shape.rank + i];
        if (value->shape.dim[i] != dim && value->shape.dim[i] != 1)
            return false;
    }
    return true;
}

static struct value *ones(struct graph *graph, enum dtype dtype)
{
    double bits[1];
    struct tensor one = {dtype, {1, {1}}, bits, false};
    tensor_set(&one, 0, 1);
    return graph_constant(graph, "one", &one);
}

/* Div(D, Sqrt(Add(ReduceMean(D^2), eps))), D = Sub(x, ReduceMean(x)), then Mul and Add. */
static bool layer_norm(struct graph *graph, struct node *div)
{
    struct value *d = div->inputs[0], *mean_square;
    const struct node *sub = d->producer, *root = made_by(div->inputs[1], "Sqrt");
    const struct node *add = root ? made_by(root->inputs[0], "Add") : NULL;
    double epsilon = 0;
    if (!node_is(sub, "Sub") || !add)
        return false;
    int which = scalar_of(add->inputs[1], &epsilon) ? 0 : 1;
    if (which == 1 && !scalar_of(add->inputs[0], &epsilon))
        return false;
    mean_square = add->inputs[which];
    const struct node *second = made_by(mean_square, "ReduceMean");
    const struct node *first = made_by(sub->inputs[1], "ReduceMean");
    if (!first || !second || first->inputs[0] != sub->inputs[0] ||
        !is_square(second->inputs[0], d) || !(epsilon > 0) || !(epsilon < 0.1))
        return false;
    int axis = trailing_axis(first);
    if (axis < 0 || trailing_axis(second) != axis)
        return false;

    struct value *x = sub->inputs[0], *y = div->outputs[0], *scale = NULL, *bias = NULL;
    struct node *mul = only_reader(graph, y);
    if (node_is(mul, "Mul") && is_affine(other_input(mul, y), &x->shape, axis)) {
        scale = other_input(mul, y);
        y = mul->outputs[0];
    }
    struct node *shift = only_reader(graph, y);
    if (node_is(shift, "Add") && is_affine(other_input(shift, y), &x->shape, axis)) {
        bias = other_input(shift, y);
        y = shift->outputs[0];
    }
    struct value *inputs[] = {x, scale ? scale : ones(graph, x->dtype), bias};
    struct node *node = put_node(graph, NULL, "LayerNormalization", 17, inputs, bias ? 3 : 2, y);
    node_set_int(graph, node, "axis", axis - x->shape.rank);
    node_set_float(graph, node, "epsilon", (float)epsilon);
    return true;
}

/* From 1 + f on: Mul(x, .) then 0.5, or Mul(0.5 x, .). The last value, or NULL. */
static struct value *half_product(const struct graph *graph, const struct value *x,
                                  struct value *one_plus)
{
    struct node *mul = only_reader(graph, one_plus);
    struct value *other = node_is(mul, "Mul") ? other_input(mul, one_plus) : NULL, *rest;
    if (!other)
        return NULL;
    if (other == x) {
        struct value *product = mul->outputs[0];
        struct node *half = only_reader(graph, product);
        if (node_is(half, "Mul") && with_scalar(half, 0.5, &rest) && rest == product)
            return half->outputs[0];
        if (node_is(half, "Div") && half->inputs[0] == product &&
            with_scalar(half, 2, &rest) && rest == product)
            return half->outputs[0];
        return NULL;
    }
    if (node_is(other->producer, "Mul") && with_scalar(other->producer, 0.5, &rest) &&
        rest == x)
        return mul->outputs[0];
    /* 0.5 (1 + f), then times x. */
    double half;
    struct value *product = mul->outputs[0];
    struct node *last = only_reader(graph, product);
    if (scalar_of(other, &half) && half == 0.5 && node_is(last, "Mul") &&
        other_input(last, product) == x)
        return last->outputs[0];
    return NULL;
}

static struct value *one_plus(const struct graph *graph, const struct value *f)
{
    struct value *rest;
    struct node *add = only_reader(graph, f);
    if (node_is(add, "Add") && with_scalar(add, 1, &rest) && rest == f)
        return add->outputs[0];
    return NULL;
}

static bool gelu_of(struct graph *graph, struct value *x, const struct value *f,
                    const char *approximate)
{
    struct value *sum = one_plus(graph, f);
    struct value *y = sum ? half_product(graph, x, sum) : NULL;
    if (!y)
        return false;
    struct node *node = put_node(graph, NULL, "Gelu", 20, &x, 1, y);
    if (strcmp(approximate, "none"))
        node_set_string(graph, node, "approximate", approximate);
    return true;
}

/* x/2 (1 + erf(x / sqrt 2)) */
static bool gelu_erf(struct graph *graph, struct node *erf_node)
{
    struct value *x = NULL;
    const struct node *inner = erf_node->inputs[0]->producer;
    bool found = (node_is(inner, "Div") && with_scalar(inner, M_SQRT2, &x) &&
                  x == inner->inputs[0]) ||
                 (node_is(inner, "Mul") && with_scalar(inner, M_SQRT1_2, &x));
    return found && gelu_of(graph, x, erf_node->outputs[0], "none");
}

static bool is_cube(const struct value *value, const struct value *x)
{
    double power;
    const struct node *node = value->producer, *square;
    if (node_is(node, "Pow"))
        return node->inputs[0] == x && scalar_of(node->inputs[1], &power) && power == 3;
    const struct value *rest = node_is(node, "Mul") ? other_input(node, x) : NULL;
    square = rest ? rest->producer : NULL;
    return node_is(square, "Mul") && square->inputs[0] == x && square->inputs[1] == x;
}

/* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
static bool gelu_tanh(struct graph *graph, struct node *tanh_node)
{
    struct value *sum = NULL, *cube = NULL;
    const struct node *outer = tanh_node->inputs[0]->producer;
    if (!node_is(outer, "Mul") || !with_scalar(outer, M_2_SQRTPI * M_SQRT1_2, &sum) ||
        !node_is(sum->producer, "Add"))
        return false;
    const struct node *add = sum->producer;
    for (int i = 0; i < 2; i++) {
        struct value *x = add->inputs[i];
        const struct node *scaled = add->inputs[1 - i]->producer;
        if (node_is(scaled, "Mul") && with_scalar(scaled, 0.044715, &cube) && is_cube(cube, x))
            return gelu_of(graph, x, tanh_node->outputs[0], "tanh");
    }
    return false;
}

static bool clip_bounds(const struct node *clip, double *low, double *high)
{
    if (clip->version < 11) {
        *low = (double)node_float(clip, "min", -1);
        *high = (double)node_float(clip, "max", -1);
        return true;
    }
    return clip->n_inputs == 3 && scalar_of(clip->inputs[1], low) &&
           scalar_of(clip->inputs[2], high);
}

static struct node *put_hard_sigmoid(struct graph *graph, struct value *x, struct value *y)
{
    struct node *node = put_node(graph, NULL, "HardSigmoid", 6, &x, 1, y);
    node_set_float(graph, node, "alpha", 1.0f / 6);
    node_set_float(graph, node, "beta", 0.5f);
    return node;
}

/* Clip(x + 3, 0, 6) / 6, which may be multiplied by x before or after the division. */
static bool hard_sigmoid(struct graph *graph, struct node *clip)
{
    struct value *x = NULL, *y = clip->outputs[0], *rest;
    double low, high;
    const struct node *add = made_by(clip->inputs[0], "Add");
    if (!add || !with_scalar(add, 3, &x) || !clip_bounds(clip, &low, &high) || low != 0 ||
        high != 6)
        return false;
    struct node *next = only_reader(graph, y);
    bool times_x = node_is(next, "Mul") && other_input(next, y) == x;
    if (times_x) {
        y = next->outputs[0];
        next = only_reader(graph, y);
    }
    bool sixth = (node_is(next, "Div") && next->inputs[0] == y && with_scalar(next, 6, &rest)) ||
                 (node_is(next, "Mul") && with_scalar(next, 1.0 / 6, &rest) && rest == y);
    if (!sixth)
        return false;
    if (times_x)
        put_node(graph, NULL, "HardSwish", 14, &x, 1, next->outputs[0]);
    else
        put_hard_sigmoid(graph, x, next->outputs[0]);
    return true;
}

/* x HardSigmoid(x), with its slope 1/6. */
static bool hard_swish(struct graph *graph, struct node *gate)
{
    struct value *x = gate->inputs[0], *s = gate->outputs[0];
    struct node *mul = only_reader(graph, s);
    if (!node_is(mul, "Mul") || other_input(mul, s) != x ||
        fabs((double)node_float(gate, "alpha", 0.2f) - 1.0 / 6) > 1e-5 ||
        fabs((double)node_float(gate, "beta", 0.5f) - 0.5) > 1e-6)
        return false;
    put_node(graph, NULL, "HardSwish", 14, &x, 1, mul->outputs[0]);
    return true;
}

/* x Sigmoid(x) is com.microsoft.QuickGelu with alpha 1. */
static bool silu(struct graph *graph, struct node *sigmoid)
{
    struct value *x = sigmoid->inputs[0], *s = sigmoid->outputs[0];
    struct node *mul = only_reader(graph, s);
    if (!node_is(mul, "Mul") || other_input(mul, s) != x)
        return false;
    struct node *node = put_node(graph, "com.microsoft", "QuickGelu", 1, &x, 1, mul->outputs[0]);
    node_set_float(graph, node, "alpha", 1);
    return true;
}

enum status graph_recognise(struct graph *graph, int *found)
{
    static const struct {
        const char *root;
        bool (*rewrite)(struct graph *graph, struct node *node);
    } patterns[] = {
        {"Div", layer_norm},    {"Erf", gelu_erf},         {"Tanh", gelu_tanh},
        {"Clip", hard_sigmoid}, {"HardSigmoid", hard_swish}, {"Sigmoid", silu},
    };
    *found = 0;
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++)
        for (int n = 0; n < graph->n_nodes; n++) {
            if (!node_is(graph->nodes[n], patterns[p].root) ||
                graph->nodes[n]->outputs[0]->dtype != DTYPE_F32 ||
                !patterns[p].rewrite(graph, graph->nodes[n]))
                continue;
            enum status st = graph_update(graph); /* drops what was replaced */
            if (st)
                return st;
            ++*found;
            n = -1;
        }
    return *found ? graph_infer(graph) : OK;
}
