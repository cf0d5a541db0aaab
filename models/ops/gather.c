/* Gather: slices of the data at indices along an axis; negative ones count from the end. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    const struct shape *data = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
    int axis;
    enum status st = resolve_axis(node_int(node, "axis", 0), data->rank, &axis);
    if (!st && data->rank - 1 + indices->rank > TENSOR_MAX_RANK)
        st = status_fail(ERR_LIMIT, "more than %d dimensions", TENSOR_MAX_RANK);
    if (!st && node->inputs[1]->dtype != DTYPE_I64 && node->inputs[1]->dtype != DTYPE_I32)
        st = status_fail(ERR_FORMAT, "indices are %s", dtype_name(node->inputs[1]->dtype));
    if (st)
        return st;
    struct shape shape = {0};
    for (int i = 0; i < axis; i++)
        shape.dim[shape.rank++] = data->dim[i];
    for (int i = 0; i < indices->rank; i++)
        shape.dim[shape.rank++] = indices->dim[i];
    for (int i = axis + 1; i < data->rank; i++)
        shape.dim[shape.rank++] = data->dim[i];
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

/* Where output element o comes from. */
static enum status source(const struct node *node, const struct shape *data,
                          const struct tensor *indices, int64_t o, int64_t *out)
{
    int axis = 0;
    enum status st = resolve_axis(node_int(node, "axis", 0), data->rank, &axis);
    int64_t inner = shape_span(data, axis + 1, data->rank), size = data->dim[axis];
    int64_t n = shape_count(&indices->shape);
    int64_t index = tensor_get_int(indices, o / inner % n);
    if (index < -size || index >= size)
        return status_fail(ERR_FORMAT, "index %lld into a dimension of %lld",
                           (long long)index, (long long)size);
    index += index < 0 ? size : 0;
    *out = (o / inner / n * size + index) * inner + o % inner;
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    int64_t count = shape_count(&out[0]->shape), from = 0;
    for (int64_t o = 0; o < count; o++) {
        enum status st = source(node, &in[0]->shape, in[1], o, &from);
        if (st)
            return st;
        copy_element(in[0], from, out[0], o);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    int64_t count = shape_count(&out[0]->shape), from = 0;
    if (din[1])
        fill_zero(din[1]);
    if (!din[0] || !dout[0])
        return OK;
    fill_zero(din[0]);
    for (int64_t o = 0; o < count; o++) {
        enum status st = source(node, &in[0]->shape, in[1], o, &from);
        if (st)
            return st;
        add_to(din[0], from, at(dout[0], o));
    }
    return OK;
}

const struct op op_gather = {
    .name = "Gather",
    .since = 1,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
