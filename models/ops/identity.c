/* Identity: y = x. */
#include "models/ops/elements.h"

const struct op op_identity = {
    .name = "Identity",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .infer = infer_same,
    .reference = copy_reference,
    .backward = copy_backward,
};
