/*
 * gauntlet.Staircase: y = sum_k height[k] [x > threshold[k]], the quantizer of networks with
 * non-uniform levels, such as additive powers of two.
 *
 * Gradient, straight through: dx = dy where 0 < x < sum of heights, the range of y, else 0,
 * as the networks are trained (Li, Dong and Wang, ICLR 2020, arXiv:1909.13144).
 */
#include "models/ops/elements.h"

static enum status infer(struct node *node)
{
    enum status st = infer_float(node);
    for (int i = 1; i < 3 && !st; i++) {
        st = need_same_dtype(node, 0, i);
        if (!st && (node->inputs[i]->shape.rank != 1 ||
                    !shape_equal(&node->inputs[i]->shape, &node->inputs[1]->shape)))
            st = status_fail(ERR_FORMAT, "thresholds and heights are not two lists alike");
    }
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    int64_t count = shape_count(&in[0]->shape), steps = in[1]->shape.dim[0];
    for (int64_t i = 0; i < count; i++) {
        double x = at(in[0], i), y = 0;
        for (int64_t k = 0; k < steps; k++)
            y += x > at(in[1], k) ? at(in[2], k) : 0;
        put(out[0], i, y);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    double top = 0;
    for (int64_t k = 0; k < in[2]->shape.dim[0]; k++)
        top += at(in[2], k);
    for (int k = 1; k < node->n_inputs; k++)
        if (din[k])
            fill_zero(din[k]);
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count && din[0] && dout[0]; i++) {
        double x = at(in[0], i);
        put(din[0], i, x > 0 && x < top ? at(dout[0], i) : 0);
    }
    return OK;
}

const struct op op_gauntlet_staircase = {
    .name = "Staircase",
    .domain = "gauntlet",
    .since = 1,
    .inputs = {3, 3},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = backward,
    .straight_through = true,
    .gradient_note = "straight through inside the range of y",
};
