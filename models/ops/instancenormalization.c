/*
 * InstanceNormalization: each plane of each sample by its own mean and variance;
 * GroupNormalization: groups of channels together. y = (x - mean) / sqrt(var + epsilon) *
 * scale + b, with scale and b per channel (per group in opset 18 to 20 of the latter).
 */
#include "models/ops/elements.h"

#include <math.h>

struct sizes {
    int64_t batch, channels, area, groups, per; /* channels in a group */
};

struct moments {
    double mean, inverse;
};

static enum status sizes_of(const struct node *node, const struct shape *x, struct sizes *out)
{
    int64_t groups = node_int(node, "num_groups", x->dim[1]);
    if (groups < 1 || x->dim[1] % groups)
        return status_fail(ERR_FORMAT, "%lld channels in %lld groups", (long long)x->dim[1],
                           (long long)groups);
    *out = (struct sizes){x->dim[0], x->dim[1], shape_span(x, 2, x->rank), groups,
                          x->dim[1] / groups};
    return OK;
}

static enum status infer(struct node *node)
{
    struct sizes s = {0};
    enum status st = need_rank(node, 0, 2, TENSOR_MAX_RANK);
    if (!st)
        st = infer_float(node);
    if (!st)
        st = sizes_of(node, &node->inputs[0]->shape, &s);
    for (int i = 1; i < 3 && !st; i++) {
        const struct shape *shape = &node->inputs[i]->shape;
        if (shape->rank != 1 || (shape->dim[0] != s.channels && shape->dim[0] != s.groups))
            st = status_fail(ERR_FORMAT, "'%s' does not have one element a channel",
                             node->inputs[i]->name);
    }
    return st;
}

/* Which element of scale or b belongs to channel c. */
static int64_t slot(const struct sizes *s, const struct tensor *scale, int64_t c)
{
    return scale->shape.dim[0] == s->channels ? c : c / s->per;
}

static struct moments moments_of(const struct node *node, const struct tensor *x,
                                 int64_t start, int64_t size)
{
    double mean = 0, var = 0;
    for (int64_t i = 0; i < size; i++)
        mean += at(x, start + i);
    mean /= (double)size;
    for (int64_t i = 0; i < size; i++)
        var += (at(x, start + i) - mean) * (at(x, start + i) - mean);
    return (struct moments){
        mean, 1 / sqrt(var / (double)size + (double)node_float(node, "epsilon", 1e-5f))};
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct sizes s = {0};
    enum status st = sizes_of(node, &in[0]->shape, &s);
    int64_t size = st ? 0 : s.per * s.area;
    for (int64_t p = 0; !st && p < s.batch * s.groups; p++) {
        struct moments m = moments_of(node, in[0], p * size, size);
        for (int64_t i = p * size; i < (p + 1) * size; i++) {
            int64_t c = i / s.area % s.channels;
            put(out[0], i, (at(in[0], i) - m.mean) * m.inverse *
                                   at(in[1], slot(&s, in[1], c)) +
                               at(in[2], slot(&s, in[2], c)));
        }
    }
    return st;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct sizes s = {0};
    enum status st = sizes_of(node, &in[0]->shape, &s);
    if (st || !dout[0])
        return st;
    int64_t size = s.per * s.area;
    double n = (double)size;
    for (int k = 1; k < 3; k++)
        if (din[k])
            fill_zero(din[k]);
    for (int64_t p = 0; p < s.batch * s.groups; p++) {
        struct moments m = moments_of(node, in[0], p * size, size);
        double sum = 0, sum_xhat = 0;
        for (int64_t i = p * size; i < (p + 1) * size; i++) {
            int64_t c = slot(&s, in[1], i / s.area % s.channels);
            double dy = at(dout[0], i), xhat = (at(in[0], i) - m.mean) * m.inverse;
            sum += dy * at(in[1], c);
            sum_xhat += dy * at(in[1], c) * xhat;
            if (din[1])
                add_to(din[1], c, dy * xhat);
            if (din[2])
                add_to(din[2], c, dy);
        }
        for (int64_t i = p * size; i < (p + 1) * size && din[0]; i++) {
            double xhat = (at(in[0], i) - m.mean) * m.inverse;
            double g = at(dout[0], i) * at(in[1], slot(&s, in[1], i / s.area % s.channels));
            put(din[0], i, (g - sum / n - xhat * sum_xhat / n) * m.inverse);
        }
    }
    return OK;
}

const struct op op_instancenormalization = {
    .name = "InstanceNormalization",
    .since = 6,
    .inputs = {3, 3},
    .outputs = {1, 1},
    .attributes = "epsilon:f",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};

const struct op op_groupnormalization = {
    .name = "GroupNormalization",
    .since = 18,
    .inputs = {3, 3},
    .outputs = {1, 1},
    .attributes = "epsilon:f num_groups:i! stash_type:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
