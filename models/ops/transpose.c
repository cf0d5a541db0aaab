/* Transpose: dimension i of the output is dimension perm[i] of the input; reversed when
 * perm is absent. */
#include "models/ops/elements.h"

static enum status movement_of(const struct node *node, const struct shape *in,
                               struct movement *out)
{
    int count;
    const int64_t *perm = node_ints(node, "perm", &count);
    if (perm && count != in->rank)
        return status_fail(ERR_FORMAT, "'perm' has %d values for %d dimensions", count,
                           in->rank);
    int64_t stride[TENSOR_MAX_RANK];
    bool seen[TENSOR_MAX_RANK] = {false};
    struct movement move = {.shape.rank = in->rank};
    shape_strides(in, stride);
    for (int i = 0; i < in->rank; i++) {
        int64_t from = perm ? perm[i] : in->rank - 1 - i;
        if (from < 0 || from >= in->rank || seen[from])
            return status_fail(ERR_FORMAT, "'perm' is not a permutation: %lld",
                               (long long)from);
        seen[from] = true;
        move.shape.dim[i] = in->dim[from];
        move.stride[i] = stride[from];
    }
    *out = move;
    return OK;
}

const struct op op_transpose = {
    .name = "Transpose",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "perm:I",
    .infer = mover_infer,
    .reference = mover_reference,
    .backward = mover_backward,
    .with = &(const struct mover){movement_of},
};
