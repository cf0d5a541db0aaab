/* Where: y = condition ? a : b, with broadcasting. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    struct shape shape;
    enum status st = need_same_dtype(node, 1, 2);
    if (!st && node->inputs[0]->dtype != DTYPE_BOOL)
        st = status_fail(ERR_FORMAT, "the condition is %s", dtype_name(node->inputs[0]->dtype));
    if (!st)
        st = shape_broadcast(&node->inputs[1]->shape, &node->inputs[2]->shape, &shape);
    if (!st)
        st = shape_broadcast(&node->inputs[0]->shape, &shape, &shape);
    if (!st)
        set_output(node, 0, node->inputs[1]->dtype, &shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    const struct shape *shape = &out[0]->shape;
    int64_t count = shape_count(shape), stride[3][TENSOR_MAX_RANK];
    for (int k = 0; k < 3; k++)
        broadcast_strides(&in[k]->shape, shape, stride[k]);
    for (int64_t i = 0; i < count; i++) {
        int pick = tensor_get_int(in[0], strided(shape, stride[0], i)) ? 1 : 2;
        copy_element(in[pick], strided(shape, stride[pick], i), out[0], i);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)node;
    const struct shape *shape = &out[0]->shape;
    int64_t count = shape_count(shape), stride[3][TENSOR_MAX_RANK];
    for (int k = 0; k < 3; k++) {
        broadcast_strides(&in[k]->shape, shape, stride[k]);
        if (din[k])
            fill_zero(din[k]);
    }
    for (int64_t i = 0; i < count && dout[0]; i++) {
        int pick = tensor_get_int(in[0], strided(shape, stride[0], i)) ? 1 : 2;
        if (din[pick])
            add_to(din[pick], strided(shape, stride[pick], i), at(dout[0], i));
    }
    return OK;
}

const struct op op_where = {
    .name = "Where",
    .since = 9,
    .inputs = {3, 3},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
