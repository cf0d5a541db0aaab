/*
 * com.microsoft.QLinearAdd and QLinearMul: the real sum or product of two quantized tensors,
 * quantized: y = saturate(round((a_scale (a - a_zero) + b_scale (b - b_zero)) / y_scale) +
 * y_zero), with broadcasting.
 *
 * inputs  a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero
 */
#include "models/ops/quantize.h"

static enum status infer(struct node *node)
{
    struct shape shape;
    enum status st = need_same_dtype(node, 0, 3);
    static const int pairs[] = {1, 4, 6};
    for (int i = 0; i < 3 && !st; i++)
        st = scale_pair_check(node, pairs[i], 0);
    if (!st && dtype_is_float(node->inputs[0]->dtype))
        st = status_fail(ERR_FORMAT, "'%s' is not an integer tensor", node->inputs[0]->name);
    if (!st)
        st = shape_broadcast(&node->inputs[0]->shape, &node->inputs[3]->shape, &shape);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

static enum status combine(const struct node *node, const struct tensor *const *in,
                           struct tensor *y, bool product)
{
    const struct shape *shape = &y->shape;
    const struct tensor *zero = node->n_inputs > 7 ? in[7] : NULL;
    int64_t sa[TENSOR_MAX_RANK], sb[TENSOR_MAX_RANK], count = shape_count(shape);
    broadcast_strides(&in[0]->shape, shape, sa);
    broadcast_strides(&in[3]->shape, shape, sb);
    bool inside;
    for (int64_t i = 0; i < count; i++) {
        double a = (double)(tensor_get_int(in[0], strided(shape, sa, i)) - zero_at(in[2], 0)) *
                   (double)scale_at(in[1], 0);
        double b = (double)(tensor_get_int(in[3], strided(shape, sb, i)) - zero_at(in[5], 0)) *
                   (double)scale_at(in[4], 0);
        put_int(y, i, quantize(product ? a * b : a + b, (double)scale_at(in[6], 0),
                               zero_at(zero, 0), y->dtype, &inside));
    }
    return OK;
}

static enum status add_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    return combine(node, in, out[0], false);
}

static enum status mul_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    return combine(node, in, out[0], true);
}

const struct op op_microsoft_qlinearadd = {
    .name = "QLinearAdd",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {7, 8},
    .outputs = {1, 1},
    .infer = infer,
    .reference = add_reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};

const struct op op_microsoft_qlinearmul = {
    .name = "QLinearMul",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {7, 8},
    .outputs = {1, 1},
    .infer = infer,
    .reference = mul_reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};
