/* ArgMax and ArgMin: the place of the extreme along an axis, the first or the last. */
#include "models/ops/lines.h"

enum status lines_of(const struct shape *shape, int64_t axis, struct lines *out)
{
    enum status st = resolve_axis(axis, shape->rank, &out->axis);
    if (st)
        return st;
    out->size = shape->dim[out->axis];
    out->inner = shape_span(shape, out->axis + 1, shape->rank);
    out->count = shape_span(shape, 0, out->axis) * out->inner;
    return OK;
}

static enum status infer(struct node *node)
{
    struct lines lines;
    const struct shape *in = &node->inputs[0]->shape;
    enum status st = lines_of(in, node_int(node, "axis", 0), &lines);
    if (!st && lines.size < 1)
        st = status_fail(ERR_FORMAT, "no elements along axis %d", lines.axis);
    if (st)
        return st;
    struct shape shape = {0};
    bool keep = node_int(node, "keepdims", 1) != 0;
    for (int i = 0; i < in->rank; i++)
        if (i != lines.axis || keep)
            shape.dim[shape.rank++] = i == lines.axis ? 1 : in->dim[i];
    set_output(node, 0, DTYPE_I64, &shape);
    return OK;
}

static enum status find(const struct node *node, const struct tensor *x, struct tensor *y,
                        double sign)
{
    struct lines lines;
    bool last = node_int(node, "select_last_index", 0) != 0;
    enum status st = lines_of(&x->shape, node_int(node, "axis", 0), &lines);
    for (int64_t l = 0; !st && l < lines.count; l++) {
        int64_t best = 0;
        for (int64_t i = 1; i < lines.size; i++) {
            double value = sign * at(x, lines_place(&lines, l, i));
            double top = sign * at(x, lines_place(&lines, l, best));
            if (value > top || (last && value == top))
                best = i;
        }
        put_int(y, l, best);
    }
    return st;
}

static enum status max_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    return find(node, in[0], out[0], 1);
}

static enum status min_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    return find(node, in[0], out[0], -1);
}

const struct op op_argmax = {
    .name = "ArgMax",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "axis:i keepdims:i select_last_index:i",
    .infer = infer,
    .reference = max_reference,
};

const struct op op_argmin = {
    .name = "ArgMin",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "axis:i keepdims:i select_last_index:i",
    .infer = infer,
    .reference = min_reference,
};
