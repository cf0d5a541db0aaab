/* Min, Max and Mean of any number of inputs, with broadcasting. The gradient of an extreme
 * goes to the first input that reaches it. */
#include "models/ops/elements.h"

static int64_t place(const struct tensor *in, const struct shape *shape, int64_t i)
{
    int64_t stride[TENSOR_MAX_RANK];
    broadcast_strides(&in->shape, shape, stride);
    return strided(shape, stride, i);
}

/* Which input wins at element i; NaN wins over all. */
static int winner(const struct node *node, const struct tensor *const *in,
                  const struct shape *shape, int64_t i, bool max)
{
    int best = 0;
    bool real = dtype_is_float(in[0]->dtype);
    for (int k = 1; k < node->n_inputs; k++) {
        int64_t a = place(in[k], shape, i), b = place(in[best], shape, i);
        bool more = real ? at(in[k], a) > at(in[best], b)
                         : tensor_get_int(in[k], a) > tensor_get_int(in[best], b);
        bool less = real ? at(in[k], a) < at(in[best], b)
                         : tensor_get_int(in[k], a) < tensor_get_int(in[best], b);
        if ((max ? more : less) || (real && at(in[k], a) != at(in[k], a)))
            best = k;
    }
    return best;
}

static enum status extreme(const struct node *node, const struct tensor *const *in,
                           struct tensor *y, bool max)
{
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++) {
        int k = winner(node, in, &y->shape, i, max);
        copy_element(in[k], place(in[k], &y->shape, i), y, i);
    }
    return OK;
}

static enum status back(const struct node *node, const struct tensor *const *in,
                        const struct tensor *y, const struct tensor *dy,
                        struct tensor *const *din, bool max)
{
    int64_t count = shape_count(&y->shape);
    for (int k = 0; k < node->n_inputs; k++)
        if (din[k])
            fill_zero(din[k]);
    for (int64_t i = 0; i < count && dy; i++) {
        int k = winner(node, in, &y->shape, i, max);
        if (din[k])
            add_to(din[k], place(in[k], &y->shape, i), at(dy, i));
    }
    return OK;
}

static enum status min_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    return extreme(node, in, out[0], false);
}

static enum status max_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    return extreme(node, in, out[0], true);
}

static enum status min_backward(const struct node *node, const struct tensor *const *in,
                                const struct tensor *const *out,
                                const struct tensor *const *dout, struct tensor *const *din)
{
    return back(node, in, out[0], dout[0], din, false);
}

static enum status max_backward(const struct node *node, const struct tensor *const *in,
                                const struct tensor *const *out,
                                const struct tensor *const *dout, struct tensor *const *din)
{
    return back(node, in, out[0], dout[0], din, true);
}

static enum status mean_reference(const struct node *node, const struct tensor *const *in,
                                  struct tensor *const *out)
{
    int64_t count = shape_count(&out[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < node->n_inputs; k++)
            sum += at(in[k], place(in[k], &out[0]->shape, i));
        put(out[0], i, sum / node->n_inputs);
    }
    return OK;
}

static enum status mean_backward(const struct node *node, const struct tensor *const *in,
                                 const struct tensor *const *out,
                                 const struct tensor *const *dout, struct tensor *const *din)
{
    int64_t count = shape_count(&out[0]->shape);
    for (int k = 0; k < node->n_inputs; k++) {
        if (!din[k] || !dout[0])
            continue;
        fill_zero(din[k]);
        for (int64_t i = 0; i < count; i++)
            add_to(din[k], place(in[k], &out[0]->shape, i),
                   at(dout[0], i) / node->n_inputs);
    }
    return OK;
}

const struct op op_min = {
    .name = "Min",
    .since = 6,
    .inputs = {1, -1},
    .outputs = {1, 1},
    .infer = infer_variadic,
    .reference = min_reference,
    .backward = min_backward,
};

const struct op op_max = {
    .name = "Max",
    .since = 6,
    .inputs = {1, -1},
    .outputs = {1, 1},
    .infer = infer_variadic,
    .reference = max_reference,
    .backward = max_backward,
};

const struct op op_mean = {
    .name = "Mean",
    .since = 6,
    .inputs = {1, -1},
    .outputs = {1, 1},
    .infer = infer_variadic,
    .reference = mean_reference,
    .backward = mean_backward,
};
