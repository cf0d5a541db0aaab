/* OneHot: on at each index along a new axis, off elsewhere; EyeLike: ones on a diagonal. */
#include "models/ops/elements.h"

#include "models/onnx/onnx.h"

static enum status hot_infer(struct node *node)
{
    const struct shape *indices = &node->inputs[0]->shape;
    int64_t depth[1];
    int count, axis;
    enum status st = constant_ints(node, 1, depth, 1, &count);
    if (!st && (count != 1 || depth[0] < 1 || indices->rank == TENSOR_MAX_RANK))
        st = status_fail(ERR_FORMAT, "a depth of %lld", (long long)depth[0]);
    if (!st && (node->inputs[2]->shape.rank != 1 || node->inputs[2]->shape.dim[0] != 2))
        st = status_fail(ERR_FORMAT, "the values are not two");
    if (!st)
        st = resolve_axis(node_int(node, "axis", -1), indices->rank + 1, &axis);
    if (st)
        return st;
    struct shape shape = {0};
    for (int i = 0; i < axis; i++)
        shape.dim[shape.rank++] = indices->dim[i];
    shape.dim[shape.rank++] = depth[0];
    for (int i = axis; i < indices->rank; i++)
        shape.dim[shape.rank++] = indices->dim[i];
    set_output(node, 0, node->inputs[2]->dtype, &shape);
    return OK;
}

static enum status hot_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    int axis = 0;
    const struct shape *shape = &out[0]->shape;
    enum status st = resolve_axis(node_int(node, "axis", -1), shape->rank, &axis);
    int64_t depth = shape->dim[axis], inner = shape_span(shape, axis + 1, shape->rank);
    int64_t count = shape_count(shape);
    for (int64_t o = 0; !st && o < count; o++) {
        int64_t index = tensor_get_int(in[0], o / inner / depth * inner + o % inner);
        bool on = (index < 0 ? index + depth : index) == o / inner % depth;
        copy_element(in[2], on, out[0], o);
    }
    return st;
}

static enum status eye_infer(struct node *node)
{
    int64_t number = node_int(node, "dtype", onnx_dtype_number(node->inputs[0]->dtype));
    enum status st = need_rank(node, 0, 2, 2);
    if (!st && !onnx_dtype(number))
        st = status_fail(ERR_UNSUPPORTED, "data type %lld", (long long)number);
    if (!st)
        set_output(node, 0, onnx_dtype(number), &node->inputs[0]->shape);
    return st;
}

static enum status eye_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    (void)in;
    int64_t columns = out[0]->shape.dim[1], count = shape_count(&out[0]->shape);
    int64_t k = node_int(node, "k", 0);
    for (int64_t i = 0; i < count; i++)
        put(out[0], i, i % columns - i / columns == k);
    return OK;
}

const struct op op_onehot = {
    .name = "OneHot",
    .since = 9,
    .inputs = {3, 3},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = hot_infer,
    .reference = hot_reference,
};

const struct op op_eyelike = {
    .name = "EyeLike",
    .since = 9,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "dtype:i k:i",
    .from_shape = true,
    .infer = eye_infer,
    .reference = eye_reference,
};
