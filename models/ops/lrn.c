/*
 * LRN: y = x / s^beta, s = bias + alpha/size sum of x^2 over `size` channels around.
 *
 * Source: Krizhevsky, Sutskever and Hinton 2012 (AlexNet), section 3.3.
 */
#include "models/ops/elements.h"

#include <math.h>

struct norm {
    int64_t channels, area, size;
    double alpha, beta, bias;
};

static struct norm norm_of(const struct node *node, const struct shape *x)
{
    return (struct norm){x->dim[1], shape_span(x, 2, x->rank), node_int(node, "size", 1),
                         (double)node_float(node, "alpha", 1e-4f),
                         (double)node_float(node, "beta", 0.75f),
                         (double)node_float(node, "bias", 1)};
}

static enum status infer(struct node *node)
{
    enum status st = need_rank(node, 0, 2, TENSOR_MAX_RANK);
    if (!st && node_int(node, "size", 0) < 1)
        st = status_fail(ERR_FORMAT, "size %lld", (long long)node_int(node, "size", 0));
    return st ? st : infer_float(node);
}

/* s around element i of channel c; neighbours lie `area` apart. */
static double sum_around(const struct norm *n, const struct tensor *x, int64_t i, int64_t c)
{
    double sum = 0;
    int64_t from = c - (n->size - 1) / 2, to = c + n->size / 2;
    for (int64_t k = from < 0 ? 0 : from; k <= to && k < n->channels; k++) {
        double value = at(x, i + (k - c) * n->area);
        sum += value * value;
    }
    return n->bias + n->alpha / (double)n->size * sum;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct norm n = norm_of(node, &in[0]->shape);
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        int64_t c = i / n.area % n.channels;
        put(out[0], i, at(in[0], i) / pow(sum_around(&n, in[0], i, c), n.beta));
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct norm n = norm_of(node, &in[0]->shape);
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count && din[0] && dout[0]; i++) {
        int64_t c = i / n.area % n.channels;
        double x = at(in[0], i);
        double dx = at(dout[0], i) / pow(sum_around(&n, in[0], i, c), n.beta);
        /* The channels whose window holds c. */
        int64_t from = c - n.size / 2, to = c + (n.size - 1) / 2;
        for (int64_t k = from < 0 ? 0 : from; k <= to && k < n.channels; k++) {
            int64_t j = i + (k - c) * n.area;
            dx -= at(dout[0], j) * at(in[0], j) * n.beta * 2 * n.alpha / (double)n.size * x *
                  pow(sum_around(&n, in[0], j, k), -n.beta - 1);
        }
        put(din[0], i, dx);
    }
    return OK;
}

const struct op op_lrn = {
    .name = "LRN",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "alpha:f beta:f bias:f size:i!",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
