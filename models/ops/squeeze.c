/* Squeeze: drops dimensions of size 1, those named or all. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    const struct shape *in = &node->inputs[0]->shape;
    bool drop[TENSOR_MAX_RANK], given;
    enum status st = read_axes(node, 1, in->rank, drop, &given);
    if (st)
        return st;
    struct shape shape = {0};
    for (int i = 0; i < in->rank; i++) {
        if (given && drop[i] && in->dim[i] != 1)
            return status_fail(ERR_FORMAT, "dimension %d is %lld instead of 1", i,
                               (long long)in->dim[i]);
        if (given ? !drop[i] : in->dim[i] != 1)
            shape.dim[shape.rank++] = in->dim[i];
    }
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

const struct op op_squeeze = {
    .name = "Squeeze",
    .since = 1,
    .inputs = {1, 2},
    .outputs = {1, 1},
    .attributes = "axes:I",
    .infer = infer,
    .reference = copy_reference,
    .backward = copy_backward,
};
