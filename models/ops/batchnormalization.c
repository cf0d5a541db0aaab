/*
 * BatchNormalization: y = (x - mean) / sqrt(var + epsilon) * scale + b, per channel (axis 1).
 *
 * Evaluation uses the running statistics. With training_mode = 1 (opset 14) the batch's own
 * are used, and outputs 1 and 2 are the new running ones:
 *     running = running * momentum + batch * (1 - momentum), population variance.
 * The same attribute chooses the gradient: with running statistics x only passes through a
 * line; with the batch's, mean and variance depend on x as well (Ioffe and Szegedy 2015).
 */
#include "models/ops/elements.h"

#include <math.h>

struct sizes {
    int64_t batch, channels, area;
};

struct moments {
    double mean, var;
};

static struct sizes sizes_of(const struct shape *x)
{
    return (struct sizes){x->dim[0], x->dim[1], shape_span(x, 2, x->rank)};
}

static bool training(const struct node *node)
{
    return node_int(node, "training_mode", 0) != 0;
}

static enum status infer(struct node *node)
{
    const struct shape *x = &node->inputs[0]->shape;
    enum status st = need_rank(node, 0, 2, TENSOR_MAX_RANK);
    if (!st)
        st = infer_float(node);
    if (st)
        return st;
    for (int i = 1; i < 5; i++) {
        const struct shape *shape = &node->inputs[i]->shape;
        if (shape->rank != 1 || shape->dim[0] != x->dim[1])
            return status_fail(ERR_FORMAT, "'%s' does not have one element for each of the "
                               "%lld channels", node->inputs[i]->name, (long long)x->dim[1]);
    }
    if (node->n_outputs > 1 && node->version >= 14 && !training(node))
        return status_fail(ERR_FORMAT, "running statistics are asked for, but training_mode "
                           "is 0");
    if (node->n_outputs > 3)
        return status_fail(ERR_UNSUPPORTED, "saved statistics (opset 13 and older)");
    if (!node_int(node, "spatial", 1))
        return status_fail(ERR_UNSUPPORTED, "spatial = 0");
    for (int i = 1; i < node->n_outputs; i++)
        set_output(node, i, node->inputs[3]->dtype, &node->inputs[3]->shape);
    return OK;
}

static int64_t place(const struct sizes *s, int64_t n, int64_t c, int64_t i)
{
    return (n * s->channels + c) * s->area + i;
}

static struct moments moments_of(const struct tensor *x, const struct sizes *s, int64_t c)
{
    double count = (double)(s->batch * s->area), sum = 0, squares = 0;
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t i = 0; i < s->area; i++)
            sum += at(x, place(s, n, c, i));
    double mean = sum / count;
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t i = 0; i < s->area; i++) {
            double d = at(x, place(s, n, c, i)) - mean;
            squares += d * d;
        }
    return (struct moments){mean, squares / count};
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct sizes s = sizes_of(&in[0]->shape);
    double epsilon = (double)node_float(node, "epsilon", 1e-5f);
    double momentum = (double)node_float(node, "momentum", 0.9f);
    for (int64_t c = 0; c < s.channels; c++) {
        struct moments used = {at(in[3], c), at(in[4], c)};
        if (training(node)) {
            struct moments own = moments_of(in[0], &s, c);
            if (node->n_outputs > 1 && out[1])
                put(out[1], c, used.mean * momentum + own.mean * (1 - momentum));
            if (node->n_outputs > 2 && out[2])
                put(out[2], c, used.var * momentum + own.var * (1 - momentum));
            used = own;
        }
        double scale = at(in[1], c) / sqrt(used.var + epsilon), shift = at(in[2], c);
        for (int64_t n = 0; n < s.batch; n++)
            for (int64_t i = 0; i < s.area; i++) {
                int64_t p = place(&s, n, c, i);
                put(out[0], p, (at(in[0], p) - used.mean) * scale + shift);
            }
    }
    return OK;
}

struct sums {
    double dy, dy_xhat;
};

static struct sums sums_of(const struct tensor *dy, const struct tensor *x,
                           const struct sizes *s, int64_t c, double mean, double inverse)
{
    struct sums sums = {0, 0};
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t i = 0; i < s->area; i++) {
            int64_t p = place(s, n, c, i);
            sums.dy += at(dy, p);
            sums.dy_xhat += at(dy, p) * (at(x, p) - mean) * inverse;
        }
    return sums;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct sizes s = sizes_of(&in[0]->shape);
    double epsilon = (double)node_float(node, "epsilon", 1e-5f);
    double count = (double)(s.batch * s.area);
    bool train = training(node);
    if (!dout[0])
        return OK;
    for (int64_t c = 0; c < s.channels; c++) {
        struct moments m = {at(in[3], c), at(in[4], c)};
        if (train)
            m = moments_of(in[0], &s, c);
        double inverse = 1 / sqrt(m.var + epsilon), scale = at(in[1], c);
        struct sums sums = sums_of(dout[0], in[0], &s, c, m.mean, inverse);
        if (din[1])
            put(din[1], c, sums.dy_xhat);
        if (din[2])
            put(din[2], c, sums.dy);
        if (din[3])
            put(din[3], c, train ? 0 : -sums.dy * scale * inverse);
        if (din[4])
            put(din[4], c, train ? 0 : -0.5 * sums.dy_xhat * scale * inverse * inverse);
        for (int64_t n = 0; n < s.batch && din[0]; n++)
            for (int64_t i = 0; i < s.area; i++) {
                int64_t p = place(&s, n, c, i);
                double g = at(dout[0], p), xhat = (at(in[0], p) - m.mean) * inverse;
                if (train)
                    g -= (sums.dy + xhat * sums.dy_xhat) / count;
                put(din[0], p, g * scale * inverse);
            }
    }
    return OK;
}

const struct op op_batchnormalization = {
    .name = "BatchNormalization",
    .since = 7,
    .inputs = {5, 5},
    .outputs = {1, 5},
    .attributes = "epsilon:f momentum:f spatial:i training_mode:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
    .gradient_note = "running statistics, unless training_mode is 1",
};
