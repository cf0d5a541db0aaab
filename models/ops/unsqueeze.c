/* Unsqueeze: inserts dimensions of size 1 at places of the output. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    const struct shape *in = &node->inputs[0]->shape;
    int64_t list[TENSOR_MAX_RANK];
    int count = 0;
    const int64_t *axes = node_ints(node, "axes", &count);
    enum status st = OK;
    if (!axes) {
        if (node->n_inputs < 2 || !node->inputs[1])
            return status_fail(ERR_FORMAT, "no axes");
        st = constant_ints(node, 1, list, TENSOR_MAX_RANK, &count);
    }
    if (!st && in->rank + count > TENSOR_MAX_RANK)
        st = status_fail(ERR_LIMIT, "more than %d dimensions", TENSOR_MAX_RANK);

    struct shape shape = {.rank = in->rank + count};
    bool mask[TENSOR_MAX_RANK], given;
    if (!st)
        st = read_axes(node, 1, shape.rank, mask, &given);
    if (st)
        return st;
    for (int i = 0, from = 0; i < shape.rank; i++)
        shape.dim[i] = mask[i] ? 1 : in->dim[from++];
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

const struct op op_unsqueeze = {
    .name = "Unsqueeze",
    .since = 1,
    .inputs = {1, 2},
    .outputs = {1, 1},
    .attributes = "axes:I",
    .infer = infer,
    .reference = copy_reference,
    .backward = copy_backward,
};
