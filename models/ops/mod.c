/* Mod: the remainder with the divisor's sign (integers), or C's fmod with fmod = 1. */
#include "models/ops/elements.h"

#include <math.h>

static enum status infer(struct node *node)
{
    if (dtype_is_float(node->inputs[0]->dtype) && !node_int(node, "fmod", 0))
        return status_fail(ERR_FORMAT, "floats need fmod = 1");
    return infer_binary(node);
}

static int64_t truncated(int64_t a, int64_t b)
{
    return b == 0 || b == -1 ? 0 : a % b;
}

static int64_t floored(int64_t a, int64_t b)
{
    int64_t rest = truncated(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    return binary_apply(in, out, fmod, node_int(node, "fmod", 0) ? truncated : floored);
}

const struct op op_mod = {
    .name = "Mod",
    .since = 10,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .attributes = "fmod:i",
    .infer = infer,
    .reference = reference,
};
