/* ConstantOfShape: a tensor of one value, float32 0 by default. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    struct shape shape = {0};
    const struct tensor *value = node_tensor(node, "value");
    enum status st = constant_ints(node, 0, shape.dim, TENSOR_MAX_RANK, &shape.rank);
    for (int i = 0; i < shape.rank && !st; i++)
        if (shape.dim[i] < 0)
            st = status_fail(ERR_FORMAT, "dimension %d is %lld", i, (long long)shape.dim[i]);
    if (!st && value && shape_count(&value->shape) != 1)
        st = status_fail(ERR_FORMAT, "'value' is not one element");
    if (!st)
        set_output(node, 0, value ? value->dtype : DTYPE_F32, &shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)in;
    const struct tensor *value = node_tensor(node, "value");
    int64_t count = shape_count(&out[0]->shape);
    for (int64_t i = 0; i < count && value; i++)
        copy_element(value, 0, out[0], i);
    return OK;
}

const struct op op_constantofshape = {
    .name = "ConstantOfShape",
    .since = 9,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "value:t",
    .infer = infer,
    .reference = reference,
};
