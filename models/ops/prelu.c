/* PRelu: y = x > 0 ? x : slope x; the slope is broadcast to x. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    struct shape shape;
    enum status st = need_same_dtype(node, 0, 1);
    if (!st)
        st = shape_broadcast(&node->inputs[0]->shape, &node->inputs[1]->shape, &shape);
    if (!st && !shape_equal(&shape, &node->inputs[0]->shape))
        st = status_fail(ERR_FORMAT, "the slope does not broadcast to x");
    return st ? st : infer_same(node);
}

static double real(double x, double slope)
{
    return x > 0 ? x : slope * x;
}

static int64_t integer(int64_t x, int64_t slope)
{
    return x > 0 ? x : (int64_t)((uint64_t)slope * (uint64_t)x);
}

static void derivative(double x, double slope, double y, double *dx, double *dslope)
{
    (void)y;
    *dx = x > 0 ? 1 : slope;
    *dslope = x > 0 ? 0 : x;
}

const struct op op_prelu = {
    .name = "PRelu",
    .since = 7,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer,
    .reference = binary_reference,
    .backward = binary_backward,
    .with = &(const struct binary){real, integer, derivative},
};
