/*
 * LayerNormalization: over all dimensions from `axis` on,
 * y = (x - mean) / sqrt(var + epsilon) * scale + b. Outputs 1 and 2, where asked for, are
 * the mean and 1 / sqrt(var + epsilon).
 *
 * Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450.
 */
#include "models/ops/elements.h"

#include <math.h>

struct rows {
    int64_t count, size;
    int axis;
};

struct moments {
    double mean, inverse;
};

static enum status rows_of(const struct node *node, const struct shape *x, struct rows *out)
{
    enum status st = resolve_axis(node_int(node, "axis", -1), x->rank, &out->axis);
    if (st)
        return st;
    out->count = shape_span(x, 0, out->axis);
    out->size = shape_span(x, out->axis, x->rank);
    return OK;
}

static enum status infer(struct node *node)
{
    struct rows rows;
    struct shape both, reduced = node->inputs[0]->shape;
    enum status st = infer_float(node);
    if (!st)
        st = rows_of(node, &node->inputs[0]->shape, &rows);
    for (int i = 1; i < node->n_inputs && !st; i++) {
        if (!node->inputs[i])
            continue;
        st = shape_broadcast(&node->inputs[0]->shape, &node->inputs[i]->shape, &both);
        if (!st && !shape_equal(&both, &node->inputs[0]->shape))
            st = status_fail(ERR_FORMAT, "'%s' does not broadcast to x",
                             node->inputs[i]->name);
    }
    if (st)
        return st;
    for (int i = rows.axis; i < reduced.rank; i++)
        reduced.dim[i] = 1;
    set_output(node, 1, DTYPE_F32, &reduced);
    set_output(node, 2, DTYPE_F32, &reduced);
    return OK;
}

static struct moments moments_of(const struct node *node, const struct tensor *x,
                                 const struct rows *rows, int64_t row)
{
    double mean = 0, var = 0;
    for (int64_t i = 0; i < rows->size; i++)
        mean += at(x, row * rows->size + i);
    mean /= (double)rows->size;
    for (int64_t i = 0; i < rows->size; i++) {
        double d = at(x, row * rows->size + i) - mean;
        var += d * d;
    }
    var /= (double)rows->size;
    return (struct moments){mean, 1 / sqrt(var + (double)node_float(node, "epsilon", 1e-5f))};
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct rows rows;
    const struct shape *shape = &in[0]->shape;
    const struct tensor *bias = node->n_inputs > 2 ? in[2] : NULL;
    int64_t ss[TENSOR_MAX_RANK], sb[TENSOR_MAX_RANK];
    enum status st = rows_of(node, shape, &rows);
    if (st)
        return st;
    broadcast_strides(&in[1]->shape, shape, ss);
    if (bias)
        broadcast_strides(&bias->shape, shape, sb);
    for (int64_t r = 0; r < rows.count; r++) {
        struct moments m = moments_of(node, in[0], &rows, r);
        for (int64_t i = r * rows.size; i < (r + 1) * rows.size; i++)
            put(out[0], i, (at(in[0], i) - m.mean) * m.inverse *
                                   at(in[1], strided(shape, ss, i)) +
                               (bias ? at(bias, strided(shape, sb, i)) : 0));
        if (node->n_outputs > 1 && out[1])
            put(out[1], r, m.mean);
        if (node->n_outputs > 2 && out[2])
            put(out[2], r, m.inverse);
    }
    return OK;
}

/* With g = dy scale: dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(var + epsilon). */
static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct rows rows;
    const struct shape *shape = &in[0]->shape;
    bool bias = node->n_inputs > 2 && in[2];
    int64_t ss[TENSOR_MAX_RANK], sb[TENSOR_MAX_RANK];
    enum status st = rows_of(node, shape, &rows);
    if (st || !dout[0])
        return st;
    broadcast_strides(&in[1]->shape, shape, ss);
    if (bias)
        broadcast_strides(&in[2]->shape, shape, sb);
    for (int k = 1; k < node->n_inputs; k++)
        if (din[k])
            fill_zero(din[k]);
    for (int64_t r = 0; r < rows.count; r++) {
        struct moments m = moments_of(node, in[0], &rows, r);
        double sum = 0, sum_xhat = 0, n = (double)rows.size;
        for (int64_t i = r * rows.size; i < (r + 1) * rows.size; i++) {
            double dy = at(dout[0], i), xhat = (at(in[0], i) - m.mean) * m.inverse;
            double g = dy * at(in[1], strided(shape, ss, i));
            sum += g;
            sum_xhat += g * xhat;
            if (din[1])
                add_to(din[1], strided(shape, ss, i), dy * xhat);
            if (bias && din[2])
                add_to(din[2], strided(shape, sb, i), dy);
        }
        for (int64_t i = r * rows.size; i < (r + 1) * rows.size && din[0]; i++) {
            double xhat = (at(in[0], i) - m.mean) * m.inverse;
            double g = at(dout[0], i) * at(in[1], strided(shape, ss, i));
            put(din[0], i, (g - sum / n - xhat * sum_xhat / n) * m.inverse);
        }
    }
    return OK;
}

const struct op op_layernormalization = {
    .name = "LayerNormalization",
    .since = 1, /* 17 in ONNX; exporters wrote it earlier for ONNX Runtime */
    .inputs = {2, 3},
    .outputs = {1, 3},
    .attributes = "axis:i epsilon:f stash_type:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
