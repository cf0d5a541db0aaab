/* Constant: a tensor, number or list that stands in an attribute. */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    int count;
    const struct tensor *value = node_tensor(node, "value");
    struct shape shape = {0};
    if (node->n_attributes != 1)
        return status_fail(ERR_FORMAT, "%d values instead of one", node->n_attributes);
    if (value) {
        set_output(node, 0, value->dtype, &value->shape);
        return OK;
    }
    enum attribute_kind kind = node->attributes[0].kind;
    if (kind == ATTR_INTS || kind == ATTR_FLOATS) {
        count = node->attributes[0].count;
        shape = (struct shape){1, {count}};
    }
    set_output(node, 0, kind == ATTR_INT || kind == ATTR_INTS ? DTYPE_I64 : DTYPE_F32, &shape);
    return OK;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    const struct attribute *a = &node->attributes[0];
    int64_t count = shape_count(&out[0]->shape);
    (void)in;
    for (int64_t i = 0; i < count; i++)
        switch (a->kind) {
        case ATTR_TENSOR: copy_element(a->tensor, i, out[0], i); break;
        case ATTR_INT: put_int(out[0], i, a->i); break;
        case ATTR_INTS: put_int(out[0], i, a->ints[i]); break;
        case ATTR_FLOAT: put(out[0], i, (double)a->f); break;
        case ATTR_FLOATS: put(out[0], i, (double)a->floats[i]); break;
        case ATTR_STRING: break;
        }
    return OK;
}

const struct op op_constant = {
    .name = "Constant",
    .since = 1,
    .inputs = {0, 0},
    .outputs = {1, 1},
    .attributes = "value:t value_int:i value_ints:I value_float:f value_floats:F",
    .infer = infer,
    .reference = reference,
};
