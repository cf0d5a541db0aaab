/* Shape: the input's dimensions [start, end) as int64; Size: its number of elements. */
#include "models/ops/elements.h"

static void range_of(const struct node *node, int rank, int *start, int *end)
{
    int64_t a = node_int(node, "start", 0), b = node_int(node, "end", rank);
    a = a < 0 ? a + rank : a;
    b = b < 0 ? b + rank : b;
    *start = (int)(a < 0 ? 0 : a > rank ? rank : a);
    *end = (int)(b < *start ? *start : b > rank ? rank : b);
}

static enum status shape_infer(struct node *node)
{
    int start, end;
    range_of(node, node->inputs[0]->shape.rank, &start, &end);
    struct shape shape = {1, {end - start}};
    set_output(node, 0, DTYPE_I64, &shape);
    return OK;
}

static enum status shape_reference(const struct node *node, const struct tensor *const *in,
                                   struct tensor *const *out)
{
    int start, end;
    range_of(node, in[0]->shape.rank, &start, &end);
    for (int i = start; i < end; i++)
        put_int(out[0], i - start, in[0]->shape.dim[i]);
    return OK;
}

static enum status size_infer(struct node *node)
{
    struct shape scalar = {0};
    set_output(node, 0, DTYPE_I64, &scalar);
    return OK;
}

static enum status size_reference(const struct node *node, const struct tensor *const *in,
                                  struct tensor *const *out)
{
    (void)node;
    put_int(out[0], 0, shape_count(&in[0]->shape));
    return OK;
}

const struct op op_shape = {
    .name = "Shape",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "start:i end:i",
    .from_shape = true,
    .infer = shape_infer,
    .reference = shape_reference,
};

const struct op op_size = {
    .name = "Size",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .from_shape = true,
    .infer = size_infer,
    .reference = size_reference,
};
