/* Expand: broadcasts the input with a constant shape. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    struct shape target = {0}, shape;
    enum status st = constant_ints(node, 1, target.dim, TENSOR_MAX_RANK, &target.rank);
    if (!st)
        st = shape_broadcast(&node->inputs[0]->shape, &target, &shape);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

static enum status movement_of(const struct node *node, const struct shape *in,
                               struct movement *out)
{
    *out = (struct movement){.shape = node->outputs[0]->shape};
    broadcast_strides(in, &out->shape, out->stride);
    return OK;
}

const struct op op_expand = {
    .name = "Expand",
    .since = 8,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer,
    .reference = mover_reference,
    .backward = mover_backward,
    .with = &(const struct mover){movement_of},
};
