/*
 * QuantizeLinear: y = saturate(round_half_even(x / scale) + zero point).
 *
 * Gradient, straight through: dx = dy / scale where y did not saturate, else 0; together
 * with DequantizeLinear's dx = scale dy the gradient passes a Q/DQ pair unchanged inside
 * the range (Bengio et al. 2013, arXiv:1308.3432; clipped as in PACT, arXiv:1805.06085).
 */
#include "models/ops/quantize.h"

static enum dtype output_dtype(const struct node *node)
{
    return node->n_inputs > 2 && node->inputs[2] ? node->inputs[2]->dtype : DTYPE_U8;
}

static enum status infer(struct node *node)
{
    const struct shape *shape = &node->inputs[0]->shape;
    enum status st = scales_check(node, shape, 1, 2, node_int(node, "axis", 1));
    if (!st && dtype_size(output_dtype(node)) > 2)
        st = status_fail(ERR_UNSUPPORTED, "quantizing to %s", dtype_name(output_dtype(node)));
    if (!st)
        set_output(node, 0, output_dtype(node), shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct scales s = scales_of(&in[0]->shape, in[1], node->n_inputs > 2 ? in[2] : NULL,
                                node_int(node, "axis", 1));
    int64_t count = shape_count(&in[0]->shape);
    bool inside;
    for (int64_t i = 0; i < count; i++)
        put_int(out[0], i, quantize(at(in[0], i), scales_scale(&s, i), scales_zero(&s, i),
                                    out[0]->dtype, &inside));
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    struct scales s = scales_of(&in[0]->shape, in[1], node->n_inputs > 2 ? in[2] : NULL,
                                node_int(node, "axis", 1));
    int64_t count = shape_count(&in[0]->shape);
    bool inside;
    for (int k = 1; k < node->n_inputs; k++)
        if (din[k])
            fill_zero(din[k]);
    for (int64_t i = 0; i < count && din[0] && dout[0]; i++) {
        double scale = scales_scale(&s, i);
        quantize(at(in[0], i), scale, scales_zero(&s, i), out[0]->dtype, &inside);
        put(din[0], i, inside ? at(dout[0], i) / scale : 0);
    }
    return OK;
}

const struct op op_quantizelinear = {
    .name = "QuantizeLinear",
    .since = 10,
    .inputs = {2, 3},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
    .straight_through = true,
    .gradient_note = "straight through, zero where it saturates; none for scale and zero point",
};
