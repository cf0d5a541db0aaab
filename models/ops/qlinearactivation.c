/*
 * com.microsoft.QLinearSigmoid and QLinearLeakyRelu: y = quantize(f(dequantize(x))).
 *
 * inputs  x, x_scale, x_zero, y_scale, y_zero
 */
#include "models/ops/quantize.h"

#include <math.h>

static enum status infer(struct node *node)
{
    enum status st = scale_pair_check(node, 1, 0);
    if (!st)
        st = scale_pair_check(node, 3, 0);
    if (!st && dtype_is_float(node->inputs[0]->dtype))
        st = status_fail(ERR_FORMAT, "'%s' is not an integer tensor", node->inputs[0]->name);
    return st ? st : infer_same(node);
}

static enum status apply(const struct node *node, const struct tensor *const *in,
                         struct tensor *y, bool sigmoid)
{
    int64_t count = shape_count(&in[0]->shape);
    double alpha = (double)node_float(node, "alpha", 0.01f);
    bool inside;
    for (int64_t i = 0; i < count; i++) {
        double x = (double)(tensor_get_int(in[0], i) - zero_at(in[2], 0)) *
                   (double)scale_at(in[1], 0);
        double value = sigmoid ? 1 / (1 + exp(-x)) : x < 0 ? alpha * x : x;
        put_int(y, i, quantize(value, (double)scale_at(in[3], 0),
                               zero_at(node->n_inputs > 4 ? in[4] : NULL, 0), y->dtype,
                               &inside));
    }
    return OK;
}

static enum status sigmoid_reference(const struct node *node, const struct tensor *const *in,
                                     struct tensor *const *out)
{
    return apply(node, in, out[0], true);
}

static enum status leaky_reference(const struct node *node, const struct tensor *const *in,
                                   struct tensor *const *out)
{
    return apply(node, in, out[0], false);
}

const struct op op_microsoft_qlinearsigmoid = {
    .name = "QLinearSigmoid",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {4, 5},
    .outputs = {1, 1},
    .infer = infer,
    .reference = sigmoid_reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};

const struct op op_microsoft_qlinearleakyrelu = {
    .name = "QLinearLeakyRelu",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {4, 5},
    .outputs = {1, 1},
    .attributes = "alpha:f",
    .infer = infer,
    .reference = leaky_reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};
