/* And, Or, Xor and Not: on bools, with broadcasting; no gradient. */
#include "models/ops/elements.h"

static enum status need_bools(const struct node *node)
{
    for (int i = 0; i < node->n_inputs; i++)
        if (node->inputs[i]->dtype != DTYPE_BOOL)
            return status_fail(ERR_FORMAT, "'%s' is %s instead of bool", node->inputs[i]->name,
                               dtype_name(node->inputs[i]->dtype));
    return OK;
}

static enum status infer(struct node *node)
{
    enum status st = need_bools(node);
    return st ? st : node->n_inputs > 1 ? infer_binary(node) : infer_same(node);
}

#define LOGICAL(id, onnx, f)                                                               \
    static int64_t id##_f(int64_t a, int64_t b)                                            \
    {                                                                                      \
        return f;                                                                          \
    }                                                                                      \
    const struct op op_##id = {.name = onnx, .since = 7, .inputs = {2, 2},                 \
                               .outputs = {1, 1}, .infer = infer,                          \
                               .reference = binary_reference,                              \
                               .with = &(const struct binary){.integer = id##_f}}

LOGICAL(and, "And", a &&b);
LOGICAL(or, "Or", a || b);
LOGICAL(xor, "Xor", a != b);

static enum status not_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    (void)node;
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++)
        put_int(out[0], i, !tensor_get_int(in[0], i));
    return OK;
}

const struct op op_not = {
    .name = "Not",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .infer = infer,
    .reference = not_reference,
};
