/* Clip: y = min(max(x, low), high); bounds are attributes to opset 10, then inputs. The
 * gradient passes where low <= x <= high. */
#include "models/ops/elements.h"

#include <float.h>
#include <math.h>

struct bounds {
    double low, high;
};

static struct bounds bounds_of(const struct node *node, const struct tensor *const *in)
{
    struct bounds b = {-INFINITY, INFINITY};
    if (node->version < 11) {
        b.low = (double)node_float(node, "min", -FLT_MAX);
        b.high = (double)node_float(node, "max", FLT_MAX);
    } else {
        if (node->n_inputs > 1 && in[1])
            b.low = at(in[1], 0);
        if (node->n_inputs > 2 && in[2])
            b.high = at(in[2], 0);
    }
    return b;
}

static enum status infer(struct node *node)
{
    for (int i = 1; i < node->n_inputs; i++) {
        if (node->version < 11)
            return status_fail(ERR_FORMAT, "bounds are attributes before opset 11");
        if (!node->inputs[i])
            continue;
        enum status st = need_same_dtype(node, 0, i);
        if (st)
            return st;
        if (node->inputs[i]->shape.rank > 1 || shape_count(&node->inputs[i]->shape) != 1)
            return status_fail(ERR_FORMAT, "'%s' is not a scalar", node->inputs[i]->name);
    }
    return infer_same(node);
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct bounds b = bounds_of(node, in);
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        double x = at(in[0], i);
        if (x < b.low || x > b.high) /* high wins where low > high */
            put(out[0], i, fmin(fmax(x, b.low), b.high));
        else
            copy_element(in[0], i, out[0], i);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct bounds b = bounds_of(node, in);
    int64_t count = shape_count(&in[0]->shape);
    for (int k = 1; k < node->n_inputs; k++)
        if (din[k])
            fill_zero(din[k]);
    for (int64_t i = 0; i < count && dout[0]; i++) {
        double x = at(in[0], i), g = at(dout[0], i);
        bool above = fmax(x, b.low) > b.high, below = !above && x < b.low;
        if (din[0])
            put(din[0], i, below || above ? 0 : g);
        if (node->n_inputs > 1 && din[1] && below)
            add_to(din[1], 0, g);
        if (node->n_inputs > 2 && din[2] && above)
            add_to(din[2], 0, g);
    }
    return OK;
}

const struct op op_clip = {
    .name = "Clip",
    .since = 6,
    .inputs = {1, 3},
    .outputs = {1, 1},
    .attributes = "min:f max:f",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
