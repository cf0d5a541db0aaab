/* GlobalMaxPool: the largest element of each plane; the gradient goes to the first one. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    enum status st = need_rank(node, 0, 3, TENSOR_MAX_RANK);
    if (st)
        return st;
    struct shape shape = node->inputs[0]->shape;
    if (shape_span(&shape, 2, shape.rank) < 1)
        return status_fail(ERR_FORMAT, "empty planes");
    for (int i = 2; i < shape.rank; i++)
        shape.dim[i] = 1;
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

static int64_t winner(const struct tensor *x, int64_t plane, int64_t area)
{
    int64_t best = plane * area;
    for (int64_t i = best + 1; i < (plane + 1) * area; i++)
        if (at(x, i) > at(x, best))
            best = i;
    return best;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    int64_t planes = shape_count(&out[0]->shape);
    int64_t area = shape_span(&in[0]->shape, 2, in[0]->shape.rank);
    for (int64_t p = 0; p < planes; p++)
        copy_element(in[0], winner(in[0], p, area), out[0], p);
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)node;
    int64_t planes = shape_count(&out[0]->shape);
    int64_t area = shape_span(&in[0]->shape, 2, in[0]->shape.rank);
    if (!din[0] || !dout[0])
        return OK;
    fill_zero(din[0]);
    for (int64_t p = 0; p < planes; p++)
        put(din[0], winner(in[0], p, area), at(dout[0], p));
    return OK;
}

const struct op op_globalmaxpool = {
    .name = "GlobalMaxPool",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
