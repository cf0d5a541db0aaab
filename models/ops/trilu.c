/* Trilu: the upper or lower triangle of matrices, from diagonal k; the rest is zero. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    int64_t k[1];
    int count;
    enum status st = need_rank(node, 0, 2, TENSOR_MAX_RANK);
    if (!st && node->n_inputs > 1 && node->inputs[1])
        st = constant_ints(node, 1, k, 1, &count);
    return st ? st : infer_same(node);
}

static bool kept(const struct node *node, const struct tensor *k, const struct shape *shape,
                 int64_t i)
{
    int64_t columns = shape->dim[shape->rank - 1], rows = shape->dim[shape->rank - 2];
    int64_t diagonal = k && shape_count(&k->shape) ? tensor_get_int(k, 0) : 0;
    int64_t offset = i % columns - i / columns % rows;
    return node_int(node, "upper", 1) ? offset >= diagonal : offset <= diagonal;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++)
        if (kept(node, node->n_inputs > 1 ? in[1] : NULL, &in[0]->shape, i))
            copy_element(in[0], i, out[0], i);
        else
            put_int(out[0], i, 0);
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count && din[0] && dout[0]; i++)
        put(din[0], i, kept(node, node->n_inputs > 1 ? in[1] : NULL, &in[0]->shape, i)
                           ? at(dout[0], i) : 0);
    return OK;
}

const struct op op_trilu = {
    .name = "Trilu",
    .since = 14,
    .inputs = {1, 2},
    .outputs = {1, 1},
    .attributes = "upper:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
