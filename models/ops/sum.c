/* Sum: of any number of inputs, with broadcasting. */
#include "models/ops/elements.h"

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    const struct shape *shape = &out[0]->shape;
    int64_t count = shape_count(shape);
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < node->n_inputs; k++) {
            int64_t stride[TENSOR_MAX_RANK];
            broadcast_strides(&in[k]->shape, shape, stride);
            sum += at(in[k], strided(shape, stride, i));
        }
        put(out[0], i, sum);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    const struct shape *shape = &out[0]->shape;
    int64_t count = shape_count(shape);
    for (int k = 0; k < node->n_inputs; k++) {
        int64_t stride[TENSOR_MAX_RANK];
        if (!din[k] || !dout[0])
            continue;
        broadcast_strides(&in[k]->shape, shape, stride);
        fill_zero(din[k]);
        for (int64_t i = 0; i < count; i++)
            add_to(din[k], strided(shape, stride, i), at(dout[0], i));
    }
    return OK;
}

const struct op op_sum = {
    .name = "Sum",
    .since = 6,
    .inputs = {1, -1},
    .outputs = {1, 1},
    .infer = infer_variadic,
    .reference = reference,
    .backward = backward,
};
