/*
 * GatherND: slices of the data at index vectors; ScatterND: the data with slices replaced,
 * added to or multiplied. The last dimension of the indices holds the vectors.
 */
#include "models/ops/elements.h"

#include <string.h>

struct slices {
    int64_t count, depth, size, batch; /* vectors, their length, elements of a slice */
};

static enum status slices_of(const struct shape *data, const struct shape *indices,
                             int64_t batch_dims, struct slices *out)
{
    if (indices->rank < 1 || batch_dims < 0 || batch_dims >= data->rank ||
        batch_dims >= indices->rank)
        return status_fail(ERR_FORMAT, "batch_dims %lld", (long long)batch_dims);
    int64_t depth = indices->dim[indices->rank - 1];
    if (depth < 0 || depth > data->rank - batch_dims)
        return status_fail(ERR_FORMAT, "index vectors of %lld into %d dimensions",
                           (long long)depth, data->rank);
    for (int i = 0; i < batch_dims; i++)
        if (data->dim[i] != indices->dim[i])
            return status_fail(ERR_FORMAT, "batch dimension %d differs", i);
    int from = (int)(batch_dims + depth);
    *out = (struct slices){shape_span(indices, 0, indices->rank - 1), depth,
                           shape_span(data, from, data->rank),
                           shape_span(data, 0, (int)batch_dims)};
    return OK;
}

/* Where slice v of the data begins. */
static enum status slice_start(const struct slices *s, const struct shape *data, int batch_dims,
                               const struct tensor *indices, int64_t v, int64_t *out)
{
    int64_t place = s->batch ? v / (s->count / s->batch) : 0;
    for (int64_t k = 0; k < s->depth; k++) {
        int64_t size = data->dim[batch_dims + k];
        int64_t index = tensor_get_int(indices, v * s->depth + k);
        if (index < -size || index >= size)
            return status_fail(ERR_FORMAT, "index %lld into a dimension of %lld",
                               (long long)index, (long long)size);
        place = place * size + index + (index < 0 ? size : 0);
    }
    *out = place * s->size;
    return OK;
}

static enum status need_index(const struct node *node)
{
    enum dtype dtype = node->inputs[1]->dtype;
    if (dtype == DTYPE_I64 || dtype == DTYPE_I32)
        return OK;
    return status_fail(ERR_FORMAT, "indices are %s", dtype_name(dtype));
}

static enum status gather_infer(struct node *node)
{
    const struct shape *data = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
    int batch_dims = (int)node_int(node, "batch_dims", 0);
    struct slices s;
    enum status st = need_index(node);
    if (!st)
        st = slices_of(data, indices, node_int(node, "batch_dims", 0), &s);
    if (st)
        return st;
    int from = batch_dims + (int)s.depth;
    if (indices->rank - 1 + data->rank - from > TENSOR_MAX_RANK)
        return status_fail(ERR_LIMIT, "more than %d dimensions", TENSOR_MAX_RANK);
    struct shape shape = {0};
    for (int i = 0; i < indices->rank - 1; i++)
        shape.dim[shape.rank++] = indices->dim[i];
    for (int i = from; i < data->rank; i++)
        shape.dim[shape.rank++] = data->dim[i];
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

static enum status gather_reference(const struct node *node, const struct tensor *const *in,
                                    struct tensor *const *out)
{
    struct slices s;
    int batch_dims = (int)node_int(node, "batch_dims", 0);
    int64_t start = 0;
    enum status st = slices_of(&in[0]->shape, &in[1]->shape, batch_dims, &s);
    for (int64_t v = 0; !st && v < s.count; v++) {
        st = slice_start(&s, &in[0]->shape, batch_dims, in[1], v, &start);
        for (int64_t i = 0; !st && i < s.size; i++)
            copy_element(in[0], start + i, out[0], v * s.size + i);
    }
    return st;
}

static enum status gather_backward(const struct node *node, const struct tensor *const *in,
                                   const struct tensor *const *out,
                                   const struct tensor *const *dout,
                                   struct tensor *const *din)
{
    (void)out;
    struct slices s;
    int batch_dims = (int)node_int(node, "batch_dims", 0);
    int64_t start = 0;
    enum status st = slices_of(&in[0]->shape, &in[1]->shape, batch_dims, &s);
    if (!din[0] || !dout[0])
        return st;
    fill_zero(din[0]);
    for (int64_t v = 0; !st && v < s.count; v++) {
        st = slice_start(&s, &in[0]->shape, batch_dims, in[1], v, &start);
        for (int64_t i = 0; !st && i < s.size; i++)
            add_to(din[0], start + i, at(dout[0], v * s.size + i));
    }
    return st;
}

static enum status scatter_infer(struct node *node)
{
    struct slices s;
    const struct shape *updates = &node->inputs[2]->shape;
    enum status st = need_index(node);
    if (!st)
        st = need_same_dtype(node, 0, 2);
    if (!st)
        st = slices_of(&node->inputs[0]->shape, &node->inputs[1]->shape, 0, &s);
    if (!st && shape_count(updates) != s.count * s.size)
        st = status_fail(ERR_FORMAT, "%lld updates for %lld slices of %lld",
                         (long long)shape_count(updates), (long long)s.count,
                         (long long)s.size);
    return st ? st : infer_same(node);
}

static double merged(const char *how, double old, double update)
{
    if (!strcmp(how, "add"))
        return old + update;
    if (!strcmp(how, "mul"))
        return old * update;
    if (!strcmp(how, "min"))
        return old < update ? old : update;
    return old > update ? old : update;
}

static enum status scatter_reference(const struct node *node, const struct tensor *const *in,
                                     struct tensor *const *out)
{
    struct slices s;
    const char *how = node_string(node, "reduction", "none");
    int64_t start = 0;
    enum status st = slices_of(&in[0]->shape, &in[1]->shape, 0, &s);
    if (!st)
        st = copy_reference(node, in, out);
    for (int64_t v = 0; !st && v < s.count; v++) {
        st = slice_start(&s, &in[0]->shape, 0, in[1], v, &start);
        for (int64_t i = 0; !st && i < s.size; i++)
            if (!strcmp(how, "none"))
                copy_element(in[2], v * s.size + i, out[0], start + i);
            else
                put(out[0], start + i,
                    merged(how, at(out[0], start + i), at(in[2], v * s.size + i)));
    }
    return st;
}

/* Replaced elements give their gradient to the update that was written last, added ones to
 * data and updates; min, max and mul have none here. */
static enum status scatter_backward(const struct node *node, const struct tensor *const *in,
                                    const struct tensor *const *out,
                                    const struct tensor *const *dout,
                                    struct tensor *const *din)
{
    (void)out;
    struct slices s;
    const char *how = node_string(node, "reduction", "none");
    bool add = !strcmp(how, "add");
    int64_t start = 0;
    enum status st = slices_of(&in[0]->shape, &in[1]->shape, 0, &s);
    if (!add && strcmp(how, "none"))
        return status_fail(ERR_UNSUPPORTED, "the gradient of reduction '%s'", how);
    for (int k = 0; k < 3; k++)
        if (din[k])
            fill_zero(din[k]);
    if (st || !dout[0])
        return st;
    struct tensor left; /* what later updates have not claimed */
    st = tensor_copy(dout[0], &left);
    for (int64_t v = s.count - 1; !st && v >= 0; v--) {
        st = slice_start(&s, &in[0]->shape, 0, in[1], v, &start);
        for (int64_t i = 0; !st && i < s.size; i++) {
            if (din[2])
                put(din[2], v * s.size + i, at(&left, start + i));
            if (!add)
                put(&left, start + i, 0);
        }
    }
    for (int64_t i = 0; !st && din[0] && i < shape_count(&left.shape); i++)
        put(din[0], i, at(&left, i));
    tensor_clear(&left);
    return st;
}

const struct op op_gathernd = {
    .name = "GatherND",
    .since = 11,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .attributes = "batch_dims:i",
    .infer = gather_infer,
    .reference = gather_reference,
    .backward = gather_backward,
};

const struct op op_scatternd = {
    .name = "ScatterND",
    .since = 11,
    .inputs = {3, 3},
    .outputs = {1, 1},
    .attributes = "reduction:s",
    .infer = scatter_infer,
    .reference = scatter_reference,
    .backward = scatter_backward,
};
