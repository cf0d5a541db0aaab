/* Flatten: to two dimensions, split at `axis`. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    const struct shape *in = &node->inputs[0]->shape;
    int64_t axis = node_int(node, "axis", 1);
    if (axis < -in->rank || axis > in->rank)
        return status_fail(ERR_FORMAT, "axis %lld of a tensor with %d dimensions",
                           (long long)axis, in->rank);
    int split = (int)(axis < 0 ? axis + in->rank : axis);
    struct shape shape = {2, {shape_span(in, 0, split), shape_span(in, split, in->rank)}};
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

const struct op op_flatten = {
    .name = "Flatten",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = infer,
    .reference = copy_reference,
    .backward = copy_backward,
};
