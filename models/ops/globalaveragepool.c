/* GlobalAveragePool: the mean of each plane; spatial dimensions stay as 1. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    enum status st = need_rank(node, 0, 3, TENSOR_MAX_RANK);
    if (!st)
        st = infer_float(node);
    if (st)
        return st;
    struct shape shape = node->inputs[0]->shape;
    for (int i = 2; i < shape.rank; i++)
        shape.dim[i] = 1;
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    int64_t planes = shape_count(&out[0]->shape);
    int64_t area = shape_span(&in[0]->shape, 2, in[0]->shape.rank);
    for (int64_t p = 0; p < planes; p++) {
        double sum = 0;
        for (int64_t i = 0; i < area; i++)
            sum += at(in[0], p * area + i);
        put(out[0], p, sum / (double)area);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)node;
    int64_t count = shape_count(&in[0]->shape);
    int64_t area = shape_span(&in[0]->shape, 2, in[0]->shape.rank);
    (void)out;
    for (int64_t i = 0; i < count && din[0] && dout[0]; i++)
        put(din[0], i, at(dout[0], i / area) / (double)area);
    return OK;
}

const struct op op_globalaveragepool = {
    .name = "GlobalAveragePool",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
