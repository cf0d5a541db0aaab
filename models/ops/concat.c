/* Concat: inputs one after another along an axis. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    struct shape shape = node->inputs[0]->shape;
    int axis;
    enum status st = resolve_axis(node_int(node, "axis", 1), shape.rank, &axis);
    for (int i = 1; i < node->n_inputs && !st; i++) {
        const struct shape *next = &node->inputs[i]->shape;
        st = need_same_dtype(node, 0, i);
        for (int d = 0; d < shape.rank && !st; d++)
            if (next->rank != shape.rank || (d != axis && next->dim[d] != shape.dim[d])) {
                char a[128], b[128];
                st = status_fail(ERR_FORMAT, "%s and %s do not fit along axis %d",
                                 shape_text(&node->inputs[0]->shape, a), shape_text(next, b),
                                 axis);
            }
        if (!st && __builtin_add_overflow(shape.dim[axis], next->dim[axis], &shape.dim[axis]))
            st = status_fail(ERR_LIMIT, "the sum of dimensions overflows");
    }
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

/* Element i of input k lies at this place of the output. */
static int64_t place(const struct shape *part, const struct shape *whole, int axis,
                     int64_t start, int64_t i)
{
    int64_t inner = shape_span(part, axis, part->rank);
    int64_t whole_inner = shape_span(whole, axis, whole->rank);
    int64_t offset = start * shape_span(whole, axis + 1, whole->rank);
    return i / inner * whole_inner + offset + i % inner;
}

static int axis_of(const struct node *node, const struct shape *shape)
{
    int axis = 0;
    resolve_axis(node_int(node, "axis", 1), shape->rank, &axis);
    return axis;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    int axis = axis_of(node, &out[0]->shape);
    int64_t start = 0;
    for (int k = 0; k < node->n_inputs; k++) {
        int64_t count = shape_count(&in[k]->shape);
        for (int64_t i = 0; i < count; i++)
            copy_element(in[k], i, out[0],
                         place(&in[k]->shape, &out[0]->shape, axis, start, i));
        start += in[k]->shape.dim[axis];
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    int axis = axis_of(node, &out[0]->shape);
    int64_t start = 0;
    for (int k = 0; k < node->n_inputs && dout[0]; k++) {
        int64_t count = shape_count(&in[k]->shape);
        for (int64_t i = 0; i < count && din[k]; i++)
            copy_element(dout[0], place(&in[k]->shape, &out[0]->shape, axis, start, i),
                         din[k], i);
        start += in[k]->shape.dim[axis];
    }
    return OK;
}

const struct op op_concat = {
    .name = "Concat",
    .since = 4,
    .inputs = {1, -1},
    .outputs = {1, 1},
    .attributes = "axis:i!",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
