/* Split: parts of a tensor along an axis, of given sizes or equal ones. */
#include "models/ops/elements.h"

enum { PARTS_MAX = 4096 };

static enum status equal_sizes(const struct node *node, int64_t dim, int64_t *sizes)
{
    int64_t parts = node->n_outputs;
    bool uneven = node_int(node, "num_outputs", 0) != 0; /* opset 18: the last is smaller */
    if (!uneven && dim % parts)
        return status_fail(ERR_FORMAT, "%lld elements in %lld equal parts", (long long)dim,
                           (long long)parts);
    int64_t size = (dim + parts - 1) / parts;
    for (int64_t i = 0, left = dim; i < parts; i++, left -= sizes[i - 1])
        sizes[i] = left < size ? left : size;
    return OK;
}

static enum status sizes_of(const struct node *node, const struct shape *in, int *axis,
                            int64_t *sizes)
{
    int count = 0;
    enum status st = resolve_axis(node_int(node, "axis", 0), in->rank, axis);
    const int64_t *list = node_ints(node, "split", &count);
    if (st)
        return st;
    if (node->n_outputs > PARTS_MAX)
        return status_fail(ERR_LIMIT, "%d parts", node->n_outputs);
    if (!list && node->n_inputs > 1 && node->inputs[1]) {
        st = constant_ints(node, 1, sizes, PARTS_MAX, &count);
        list = sizes;
    }
    if (st)
        return st;
    if (!list)
        return equal_sizes(node, in->dim[*axis], sizes);
    int64_t sum = 0;
    for (int i = 0; i < count && i < node->n_outputs; i++) {
        sizes[i] = list[i];
        if (sizes[i] < 0 || sizes[i] > in->dim[*axis])
            return status_fail(ERR_FORMAT, "part %d has size %lld", i, (long long)sizes[i]);
        sum += sizes[i];
    }
    if (count != node->n_outputs || sum != in->dim[*axis])
        return status_fail(ERR_FORMAT, "%d parts of together %lld for %d outputs of %lld",
                           count, (long long)sum, node->n_outputs, (long long)in->dim[*axis]);
    return OK;
}

static enum status infer(struct node *node)
{
    int64_t sizes[PARTS_MAX];
    int axis;
    enum status st = sizes_of(node, &node->inputs[0]->shape, &axis, sizes);
    for (int i = 0; i < node->n_outputs && !st; i++) {
        struct shape shape = node->inputs[0]->shape;
        shape.dim[axis] = sizes[i];
        set_output(node, i, node->inputs[0]->dtype, &shape);
    }
    return st;
}

static struct movement part(const struct shape *in, int axis, int64_t start, int64_t size)
{
    struct movement move = {.shape = *in};
    shape_strides(in, move.stride);
    move.shape.dim[axis] = size;
    move.offset = start * move.stride[axis];
    return move;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    int64_t sizes[PARTS_MAX], start = 0;
    int axis;
    enum status st = sizes_of(node, &in[0]->shape, &axis, sizes);
    for (int i = 0; i < node->n_outputs && !st; start += sizes[i++]) {
        struct movement move = part(&in[0]->shape, axis, start, sizes[i]);
        if (out[i])
            movement_apply(&move, in[0], out[i]);
    }
    return st;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    int64_t sizes[PARTS_MAX], start = 0;
    int axis;
    enum status st = sizes_of(node, &in[0]->shape, &axis, sizes);
    if (st || !din[0])
        return st;
    fill_zero(din[0]);
    for (int i = 0; i < node->n_outputs; start += sizes[i++]) {
        struct movement move = part(&in[0]->shape, axis, start, sizes[i]);
        int64_t count = shape_count(&move.shape);
        for (int64_t k = 0; k < count && dout[i]; k++)
            copy_element(dout[i], k, din[0],
                         move.offset + strided(&move.shape, move.stride, k));
    }
    return OK;
}

const struct op op_split = {
    .name = "Split",
    .since = 2,
    .inputs = {1, 2},
    .outputs = {1, -1},
    .attributes = "axis:i split:I num_outputs:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
