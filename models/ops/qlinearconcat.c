/*
 * com.microsoft.QLinearConcat: quantized tensors, each with its own scale and zero point, one
 * after another along an axis, in the output's.
 *
 * inputs  y_scale, y_zero, then x, x_scale, x_zero for each part
 */
#include "models/ops/quantize.h"

static enum status infer(struct node *node)
{
    if (node->n_inputs < 5 || node->n_inputs % 3 != 2)
        return status_fail(ERR_FORMAT, "%d inputs", node->n_inputs);
    struct shape shape = node->inputs[2]->shape;
    int axis;
    enum status st = resolve_axis(node_int(node, "axis", 0), shape.rank, &axis);
    if (!st)
        st = scale_pair_check(node, 0, 0);
    for (int i = 2; i < node->n_inputs && !st; i += 3) {
        const struct shape *part = &node->inputs[i]->shape;
        st = scale_pair_check(node, i + 1, 0);
        if (!st && dtype_is_float(node->inputs[i]->dtype))
            st = status_fail(ERR_FORMAT, "'%s' is not an integer tensor",
                             node->inputs[i]->name);
        for (int d = 0; d < shape.rank && !st; d++)
            if (part->rank != shape.rank || (d != axis && part->dim[d] != shape.dim[d]))
                st = status_fail(ERR_FORMAT, "'%s' does not fit along axis %d",
                                 node->inputs[i]->name, axis);
        if (!st && i > 2 &&
            __builtin_add_overflow(shape.dim[axis], part->dim[axis], &shape.dim[axis]))
            st = status_fail(ERR_LIMIT, "the sum of dimensions overflows");
    }
    if (!st)
        set_output(node, 0, node->inputs[1]->dtype, &shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    const struct shape *whole = &out[0]->shape;
    int axis = 0;
    int64_t start = 0;
    enum status st = resolve_axis(node_int(node, "axis", 0), whole->rank, &axis);
    bool inside;
    for (int k = 2; k < node->n_inputs && !st; k += 3) {
        const struct shape *part = &in[k]->shape;
        int64_t inner = shape_span(part, axis, part->rank), count = shape_count(part);
        int64_t whole_inner = shape_span(whole, axis, whole->rank);
        int64_t offset = start * shape_span(whole, axis + 1, whole->rank);
        for (int64_t i = 0; i < count; i++) {
            double x = (double)(tensor_get_int(in[k], i) - zero_at(in[k + 2], 0)) *
                       (double)scale_at(in[k + 1], 0);
            put_int(out[0], i / inner * whole_inner + offset + i % inner,
                    quantize(x, (double)scale_at(in[0], 0), zero_at(in[1], 0), out[0]->dtype,
                             &inside));
        }
        start += part->dim[axis];
    }
    return st;
}

const struct op op_microsoft_qlinearconcat = {
    .name = "QLinearConcat",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {5, -1},
    .outputs = {1, 1},
    .attributes = "axis:i!",
    .infer = infer,
    .reference = reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};
