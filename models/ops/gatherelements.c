/* GatherElements: y[i][j][k] = x[index[i][j][k]][j][k], with the axis in any place. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    const struct shape *data = &node->inputs[0]->shape, *index = &node->inputs[1]->shape;
    int axis;
    enum status st = resolve_axis(node_int(node, "axis", 0), data->rank, &axis);
    for (int i = 0; i < data->rank && !st; i++)
        if (index->rank != data->rank || (i != axis && index->dim[i] > data->dim[i])) {
            char a[128], b[128];
            st = status_fail(ERR_FORMAT, "indices of %s into %s", shape_text(index, a),
                             shape_text(data, b));
        }
    if (!st && node->inputs[1]->dtype != DTYPE_I64 && node->inputs[1]->dtype != DTYPE_I32)
        st = status_fail(ERR_FORMAT, "indices are %s", dtype_name(node->inputs[1]->dtype));
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, index);
    return st;
}

static enum status source(const struct node *node, const struct shape *data,
                          const struct tensor *index, int64_t o, int64_t *out)
{
    int64_t stride[TENSOR_MAX_RANK], place = 0, rest = o, chosen = tensor_get_int(index, o);
    int axis = 0;
    enum status st = resolve_axis(node_int(node, "axis", 0), data->rank, &axis);
    shape_strides(data, stride);
    int64_t size = data->dim[axis];
    if (chosen < -size || chosen >= size)
        return status_fail(ERR_FORMAT, "index %lld into a dimension of %lld",
                           (long long)chosen, (long long)size);
    for (int d = data->rank - 1; d >= 0; d--) {
        int64_t i = rest % index->shape.dim[d];
        rest /= index->shape.dim[d];
        place += (d == axis ? chosen + (chosen < 0 ? size : 0) : i) * stride[d];
    }
    *out = place;
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    int64_t count = shape_count(&out[0]->shape), from = 0;
    enum status st = OK;
    for (int64_t o = 0; o < count && !st; o++) {
        st = source(node, &in[0]->shape, in[1], o, &from);
        if (!st)
            copy_element(in[0], from, out[0], o);
    }
    return st;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    int64_t count = shape_count(&out[0]->shape), from = 0;
    enum status st = OK;
    if (!din[0] || !dout[0])
        return OK;
    fill_zero(din[0]);
    for (int64_t o = 0; o < count && !st; o++) {
        st = source(node, &in[0]->shape, in[1], o, &from);
        if (!st)
            add_to(din[0], from, at(dout[0], o));
    }
    return st;
}

const struct op op_gatherelements = {
    .name = "GatherElements",
    .since = 11,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
