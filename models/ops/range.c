/* Range: start, start + delta, ... up to but without limit. */
#include "models/ops/elements.h"

#include <math.h>

static enum status infer(struct node *node)
{
    double value[3];
    for (int i = 0; i < 3; i++) {
        const struct tensor *constant = node->inputs[i]->constant;
        enum status st = need_same_dtype(node, 0, i);
        if (st)
            return st;
        if (!constant || shape_count(&constant->shape) != 1)
            return status_fail(ERR_UNSUPPORTED, "'%s' must be a constant scalar",
                               node->inputs[i]->name);
        value[i] = at(constant, 0);
    }
    double count = ceil((value[1] - value[0]) / value[2]);
    if (!(value[2] != 0) || !(count < 0x1p40))
        return status_fail(ERR_LIMIT, "a range from %g to %g by %g", value[0], value[1],
                           value[2]);
    struct shape shape = {1, {count > 0 ? (int64_t)count : 0}};
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    bool real = dtype_is_float(in[0]->dtype);
    for (int64_t i = 0; i < out[0]->shape.dim[0]; i++) {
        if (real)
            put(out[0], i, at(in[0], 0) + (double)i * at(in[2], 0));
        else
            put_int(out[0], i, tensor_get_int(in[0], 0) + i * tensor_get_int(in[2], 0));
    }
    return OK;
}

const struct op op_range = {
    .name = "Range",
    .since = 11,
    .inputs = {3, 3},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
};
