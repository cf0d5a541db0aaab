/*
 * gauntlet.LearnedStep: y = s clamp(round_half_even(x / s), low, high), a quantizer whose
 * step s is learned. Input 1 is [s, draw]; where `share` is below 1 only that share of the
 * elements is quantized, drawn by (draw, index), and the others pass (QDrop).
 *
 * Gradients, straight through the rounding: dx = dy inside the range, else 0; ds = dy (y /
 * s - x / s) inside, dy low or dy high outside. An element that passes gives dx = dy.
 *
 * Sources: LSQ, Esser et al. 2020, arXiv:1902.08153; QDrop, Wei et al. 2022,
 * arXiv:2203.05740.
 */
#include "models/ops/learnedstep.h"

#include <math.h>

static enum status infer(struct node *node)
{
    enum status st = infer_float(node);
    if (!st && shape_count(&node->inputs[1]->shape) != 2)
        st = status_fail(ERR_FORMAT, "'%s' is not a step and a draw",
                         node->inputs[1]->name);
    if (!st && node_int(node, "low", 0) >= node_int(node, "high", 0))
        st = status_fail(ERR_FORMAT, "no codes from %lld to %lld",
                         (long long)node_int(node, "low", 0),
                         (long long)node_int(node, "high", 0));
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    const struct learned_step s = learned_step_of(node);
    double step = at(in[1], 0), low = (double)s.low, high = (double)s.high;
    uint32_t draw = (uint32_t)at(in[1], 1);
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        double x = at(in[0], i), code = rint((double)(float)(x / step));
        if (!learned_step_passes(&s, draw, (uint32_t)i))
            x = fmin(fmax(code, low), high) * step;
        put(out[0], i, x);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    const struct learned_step s = learned_step_of(node);
    double step = at(in[1], 0), low = (double)s.low, high = (double)s.high, sum = 0;
    uint32_t draw = (uint32_t)at(in[1], 1);
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        double dy = dout[0] ? at(dout[0], i) : 0, ratio = at(in[0], i) / step;
        double code = rint((double)(float)ratio);
        bool inside = code >= low && code <= high;
        bool passes = learned_step_passes(&s, draw, (uint32_t)i);
        if (din[0])
            put(din[0], i, passes || inside ? dy : 0);
        if (!passes)
            sum += dy * (inside ? code - ratio : code < low ? low : high);
    }
    if (din[1]) {
        put(din[1], 0, sum);
        put(din[1], 1, 0);
    }
    return OK;
}

const struct op op_gauntlet_learnedstep = {
    .name = "LearnedStep",
    .domain = "gauntlet",
    .since = 1,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .attributes = "low:i! high:i! share:f",
    .infer = infer,
    .reference = reference,
    .backward = backward,
    .straight_through = true,
    .gradient_note = "straight through inside the range, and of the step size",
};
