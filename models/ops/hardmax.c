/* Hardmax: 1 at the first maximum along an axis, else 0. Before opset 13 the line is all
 * from `axis` on. */
#include "models/ops/lines.h"

static enum status lines_for(const struct node *node, const struct shape *shape,
                             struct lines *out)
{
    bool old = node->version < 13;
    enum status st = lines_of(shape, node_int(node, "axis", old ? 1 : -1), out);
    if (!st && old) {
        out->size = shape_span(shape, out->axis, shape->rank);
        out->inner = 1;
        out->count = shape_span(shape, 0, out->axis);
    }
    return st;
}

static enum status infer(struct node *node)
{
    struct lines lines;
    enum status st = lines_for(node, &node->inputs[0]->shape, &lines);
    return st ? st : infer_float(node);
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct lines lines;
    enum status st = lines_for(node, &in[0]->shape, &lines);
    for (int64_t l = 0; !st && l < lines.count; l++) {
        int64_t best = 0;
        for (int64_t i = 1; i < lines.size; i++)
            if (at(in[0], lines_place(&lines, l, i)) > at(in[0], lines_place(&lines, l, best)))
                best = i;
        for (int64_t i = 0; i < lines.size; i++)
            put(out[0], lines_place(&lines, l, i), i == best);
    }
    return st;
}

const struct op op_hardmax = {
    .name = "Hardmax",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = infer,
    .reference = reference,
    .gradient_note = "zero: a step function",
};
