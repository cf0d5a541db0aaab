/* Pow: y = a^b, with broadcasting, in a's dtype. */
#include "models/ops/elements.h"

#include <math.h>

static enum status infer(struct node *node)
{
    struct shape shape;
    enum status st =
        shape_broadcast(&node->inputs[0]->shape, &node->inputs[1]->shape, &shape);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    const struct shape *shape = &out[0]->shape;
    int64_t sa[TENSOR_MAX_RANK], sb[TENSOR_MAX_RANK], count = shape_count(shape);
    broadcast_strides(&in[0]->shape, shape, sa);
    broadcast_strides(&in[1]->shape, shape, sb);
    bool real = dtype_is_float(out[0]->dtype);
    for (int64_t i = 0; i < count; i++) {
        double y = pow(at(in[0], strided(shape, sa, i)), at(in[1], strided(shape, sb, i)));
        put(out[0], i, real ? y : trunc(y));
    }
    return OK;
}

/* d/db a^b = y log a, taken as 0 where a is not positive and it does not exist. */
static void derivative(double a, double b, double y, double *da, double *db)
{
    *da = b == 0 ? 0 : b * pow(a, b - 1);
    *db = a > 0 ? y * log(a) : 0;
}

const struct op op_pow = {
    .name = "Pow",
    .since = 7,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = binary_backward,
    .with = &(const struct binary){.derivative = derivative},
};
