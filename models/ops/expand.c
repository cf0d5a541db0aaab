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

static struct movement movement_of(const struct shape *in, const struct shape *out)
{
    struct movement move = {.shape = *out};
    broadcast_strides(in, out, move.stride);
    return move;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    struct movement move = movement_of(&in[0]->shape, &out[0]->shape);
    movement_apply(&move, in[0], out[0]);
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)node;
    if (!din[0] || !dout[0])
        return OK;
    struct movement move = movement_of(&in[0]->shape, &out[0]->shape);
    movement_return(&move, dout[0], din[0]);
    return OK;
}

const struct op op_expand = {
    .name = "Expand",
    .since = 8,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
