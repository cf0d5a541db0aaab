/* IsNaN and IsInf: bools about floats. */
#include "models/ops/elements.h"

#include <math.h>

static enum status infer(struct node *node)
{
    enum status st = infer_float(node);
    if (!st)
        node->outputs[0]->dtype = DTYPE_BOOL;
    return st;
}

static enum status nan_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    (void)node;
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++)
        put_int(out[0], i, isnan(at(in[0], i)));
    return OK;
}

static enum status inf_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    bool negative = node_int(node, "detect_negative", 1) != 0;
    bool positive = node_int(node, "detect_positive", 1) != 0;
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        double x = at(in[0], i);
        put_int(out[0], i, isinf(x) && (x < 0 ? negative : positive));
    }
    return OK;
}

const struct op op_isnan = {
    .name = "IsNaN",
    .since = 9,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .infer = infer,
    .reference = nan_reference,
};

const struct op op_isinf = {
    .name = "IsInf",
    .since = 10,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "detect_negative:i detect_positive:i",
    .infer = infer,
    .reference = inf_reference,
};
