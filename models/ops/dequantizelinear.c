/* DequantizeLinear: y = (x - zero point) scale. Its gradient with respect to the integer x,
 * scale dy, is what QuantizeLinear's straight-through gradient continues. */
#include "models/ops/quantize.h"

static enum status infer(struct node *node)
{
    const struct value *x = node->inputs[0];
    enum status st = scales_check(node, &x->shape, 1, 2, node_int(node, "axis", 1));
    if (!st && dtype_is_float(x->dtype))
        st = status_fail(ERR_FORMAT, "'%s' is %s", x->name, dtype_name(x->dtype));
    if (!st && node->n_inputs > 2 && node->inputs[2])
        st = need_same_dtype(node, 0, 2);
    if (!st)
        set_output(node, 0, node->inputs[1]->dtype, &x->shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct scales s = scales_of(&in[0]->shape, in[1], node->n_inputs > 2 ? in[2] : NULL,
                                node_int(node, "axis", 1));
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++)
        put(out[0], i,
            (double)(tensor_get_int(in[0], i) - scales_zero(&s, i)) * scales_scale(&s, i));
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct scales s = scales_of(&in[0]->shape, in[1], node->n_inputs > 2 ? in[2] : NULL,
                                node_int(node, "axis", 1));
    int64_t count = shape_count(&in[0]->shape);
    for (int k = 1; k < node->n_inputs; k++)
        if (din[k])
            fill_zero(din[k]);
    for (int64_t i = 0; i < count && dout[0]; i++) {
        double g = at(dout[0], i);
        if (din[0])
            put(din[0], i, g * scales_scale(&s, i));
        if (din[1])
            add_to(din[1], scales_slice(&s, i),
                   g * (double)(tensor_get_int(in[0], i) - scales_zero(&s, i)));
    }
    return OK;
}

const struct op op_dequantizelinear = {
    .name = "DequantizeLinear",
    .since = 10,
    .inputs = {2, 3},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
    .gradient_note = "scale times dy for the integer input; exact for the scale",
};
