/* TopK: the k largest (or smallest) elements along an axis, in order, and their places;
 * among equals the lower place comes first. */
#include "models/ops/lines.h"

static enum status infer(struct node *node)
{
    struct lines lines;
    int64_t k[1] = {node_int(node, "k", 0)};
    int count = 1;
    enum status st = lines_of(&node->inputs[0]->shape, node_int(node, "axis", -1), &lines);
    if (!st && node->n_inputs > 1)
        st = constant_ints(node, 1, k, 1, &count);
    if (!st && (count != 1 || k[0] < 0 || k[0] > lines.size))
        st = status_fail(ERR_FORMAT, "the top %lld of %lld", (long long)k[0],
                         (long long)lines.size);
    if (st)
        return st;
    struct shape shape = node->inputs[0]->shape;
    shape.dim[lines.axis] = k[0];
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    set_output(node, 1, DTYPE_I64, &shape);
    return OK;
}

/* Whether element i of a line comes before element j. */
static bool before(double a, int64_t i, double b, int64_t j, bool largest)
{
    return a != b ? (a > b) == largest : i < j;
}

/* How many come before element i: its place in the order. */
static int64_t rank_of(const struct tensor *x, const struct lines *lines, int64_t l, int64_t i,
                       bool largest)
{
    int64_t rank = 0;
    double value = at(x, lines_place(lines, l, i));
    for (int64_t j = 0; j < lines->size; j++)
        rank += before(at(x, lines_place(lines, l, j)), j, value, i, largest);
    return rank;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct lines lines;
    const struct tensor *shape_of = out[0];
    enum status st = lines_of(&in[0]->shape, node_int(node, "axis", -1), &lines);
    if (st)
        return st;
    struct lines kept = lines;
    kept.size = shape_of->shape.dim[lines.axis];
    bool largest = node_int(node, "largest", 1) != 0;
    for (int64_t l = 0; l < lines.count; l++)
        for (int64_t i = 0; i < lines.size; i++) {
            int64_t rank = rank_of(in[0], &lines, l, i, largest);
            if (rank >= kept.size)
                continue;
            int64_t to = lines_place(&kept, l, rank);
            copy_element(in[0], lines_place(&lines, l, i), out[0], to);
            if (node->n_outputs > 1 && out[1])
                put_int(out[1], to, i);
        }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    struct lines lines;
    enum status st = lines_of(&in[0]->shape, node_int(node, "axis", -1), &lines);
    if (st || !din[0] || !dout[0])
        return st;
    struct lines kept = lines;
    kept.size = out[0]->shape.dim[lines.axis];
    bool largest = node_int(node, "largest", 1) != 0;
    for (int64_t l = 0; l < lines.count; l++)
        for (int64_t i = 0; i < lines.size; i++) {
            int64_t rank = rank_of(in[0], &lines, l, i, largest);
            put(din[0], lines_place(&lines, l, i),
                rank < kept.size ? at(dout[0], lines_place(&kept, l, rank)) : 0);
        }
    return OK;
}

const struct op op_topk = {
    .name = "TopK",
    .since = 1,
    .inputs = {1, 2},
    .outputs = {1, 2},
    .attributes = "axis:i k:i largest:i sorted:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
