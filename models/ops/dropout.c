/* Dropout: the identity, as in evaluation; a mask, where asked for, is all true. Training
 * mode with a ratio above zero is refused. */
#include "models/ops/elements.h"

#include <string.h>

static enum status infer(struct node *node)
{
    bool train = false;
    double ratio = 0.5;
    if (node->n_inputs > 2 && node->inputs[2]) {
        if (!node->inputs[2]->constant || shape_count(&node->inputs[2]->shape) != 1)
            return status_fail(ERR_UNSUPPORTED, "training_mode must be a constant");
        train = at(node->inputs[2]->constant, 0) != 0;
    }
    if (node->n_inputs > 1 && node->inputs[1] && node->inputs[1]->constant &&
        shape_count(&node->inputs[1]->shape) == 1)
        ratio = at(node->inputs[1]->constant, 0);
    if (train && ratio != 0)
        return status_fail(ERR_UNSUPPORTED, "training mode with ratio %g", ratio);
    set_output(node, 1, node->version < 10 ? node->inputs[0]->dtype : DTYPE_BOOL,
               &node->inputs[0]->shape);
    return infer_same(node);
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    if (node->n_outputs > 1 && out[1]) {
        int64_t count = shape_count(&out[1]->shape);
        for (int64_t i = 0; i < count; i++)
            put(out[1], i, 1);
    }
    return copy_reference(node, in, out);
}

const struct op op_dropout = {
    .name = "Dropout",
    .since = 7,
    .inputs = {1, 3},
    .outputs = {1, 2},
    .attributes = "ratio:f seed:i",
    .infer = infer,
    .reference = reference,
    .backward = copy_backward,
};
