/* Tile: the tensor repeated along each dimension. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    struct shape shape = node->inputs[0]->shape;
    int64_t repeats[TENSOR_MAX_RANK];
    int count;
    enum status st = constant_ints(node, 1, repeats, TENSOR_MAX_RANK, &count);
    if (!st && count != shape.rank)
        st = status_fail(ERR_FORMAT, "%d repeats for %d dimensions", count, shape.rank);
    for (int i = 0; i < shape.rank && !st; i++)
        if (repeats[i] < 0 ||
            __builtin_mul_overflow(shape.dim[i], repeats[i], &shape.dim[i]))
            st = status_fail(ERR_LIMIT, "%lld repeats", (long long)repeats[i]);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

static int64_t source(const struct shape *in, const struct shape *out, int64_t o)
{
    int64_t place = 0, step = 1;
    for (int d = out->rank - 1; d >= 0; d--) {
        place += o % out->dim[d] % in->dim[d] * step;
        step *= in->dim[d];
        o /= out->dim[d];
    }
    return place;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    int64_t count = shape_count(&out[0]->shape);
    for (int64_t o = 0; o < count; o++)
        copy_element(in[0], source(&in[0]->shape, &out[0]->shape, o), out[0], o);
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)node;
    int64_t count = shape_count(&out[0]->shape);
    if (!din[0] || !dout[0])
        return OK;
    fill_zero(din[0]);
    for (int64_t o = 0; o < count; o++)
        add_to(din[0], source(&in[0]->shape, &out[0]->shape, o), at(dout[0], o));
    return OK;
}

const struct op op_tile = {
    .name = "Tile",
    .since = 6,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
