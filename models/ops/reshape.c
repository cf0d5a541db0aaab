/* Reshape: a new shape over the same elements. 0 keeps the input's dimension (unless
 * allowzero), one -1 takes what is left. */
#include "models/ops/elements.h"

#include <string.h>

static enum status fill_unknown(const struct shape *in, struct shape *shape)
{
    int unknown = -1;
    int64_t known = 1, count = shape_count(in);
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == -1 && unknown < 0)
            unknown = i;
        else if (shape->dim[i] < 0 ||
                 __builtin_mul_overflow(known, shape->dim[i], &known))
            return status_fail(ERR_FORMAT, "dimension %d of the target is %lld", i,
                               (long long)shape->dim[i]);
    }
    if (unknown >= 0 && known > 0 && count % known == 0)
        shape->dim[unknown] = count / known;
    else if (unknown >= 0 || known != count) {
        char a[128], b[128];
        return status_fail(ERR_FORMAT, "%s cannot become %s", shape_text(in, a),
                           shape_text(shape, b));
    }
    return OK;
}

static enum status infer(struct node *node)
{
    const struct shape *in = &node->inputs[0]->shape;
    struct shape shape = {0};
    enum status st = constant_ints(node, 1, shape.dim, TENSOR_MAX_RANK, &shape.rank);
    if (st)
        return st;
    bool keep_zero = node_int(node, "allowzero", 0) != 0;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] == 0 && !keep_zero) {
            if (i >= in->rank)
                return status_fail(ERR_FORMAT, "dimension %d of the target is copied from an "
                                   "input of %d dimensions", i, in->rank);
            shape.dim[i] = in->dim[i];
        }
    st = fill_unknown(in, &shape);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

const struct op op_reshape = {
    .name = "Reshape",
    .since = 5,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .attributes = "allowzero:i",
    .infer = infer,
    .reference = copy_reference,
    .backward = copy_backward,
};
