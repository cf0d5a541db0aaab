/* CumSum: running sums along an axis; exclusive leaves out the element itself, reverse
 * starts at the end. */
#include "models/ops/lines.h"

static enum status infer(struct node *node)
{
    int64_t axis[1];
    int count;
    struct lines lines;
    enum status st = constant_ints(node, 1, axis, 1, &count);
    if (!st && count != 1)
        st = status_fail(ERR_FORMAT, "no axis");
    if (!st)
        st = lines_of(&node->inputs[0]->shape, axis[0], &lines);
    return st ? st : infer_same(node);
}

static enum status sum_up(const struct node *node, const struct tensor *x, int64_t axis,
                          bool reverse, struct tensor *y)
{
    struct lines lines;
    bool exclusive = node_int(node, "exclusive", 0) != 0;
    enum status st = lines_of(&x->shape, axis, &lines);
    for (int64_t l = 0; !st && l < lines.count; l++) {
        double sum = 0;
        for (int64_t i = 0; i < lines.size; i++) {
            int64_t p = lines_place(&lines, l, reverse ? lines.size - 1 - i : i);
            double value = at(x, p);
            put(y, p, exclusive ? sum : sum + value);
            sum += value;
        }
    }
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    return sum_up(node, in[0], tensor_get_int(in[1], 0), node_int(node, "reverse", 0) != 0,
                  out[0]);
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    if (!din[0] || !dout[0])
        return OK;
    return sum_up(node, dout[0], tensor_get_int(in[1], 0), node_int(node, "reverse", 0) == 0,
                  din[0]);
}

const struct op op_cumsum = {
    .name = "CumSum",
    .since = 11,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .attributes = "exclusive:i reverse:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
