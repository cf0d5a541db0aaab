/*
 * Softmax and LogSoftmax: along one axis since opset 13 (default the last); before that
 * over everything from `axis` on (default 1).
 */
#include "models/ops/elements.h"

#include <math.h>

struct rows {
    int64_t outer, size, inner;
};

static enum status rows_of(const struct node *node, const struct shape *shape,
                           struct rows *out)
{
    int axis = 0;
    bool old = node->version < 13;
    int64_t asked = node_int(node, "axis", old ? 1 : -1);
    if (shape->rank == 0 || (old && asked == shape->rank)) {
        *out = (struct rows){shape_count(shape), 1, 1};
        return OK;
    }
    enum status st = resolve_axis(asked, shape->rank, &axis);
    if (st)
        return st;
    out->outer = shape_span(shape, 0, axis);
    out->size = old ? shape_span(shape, axis, shape->rank) : shape->dim[axis];
    out->inner = old ? 1 : shape_span(shape, axis + 1, shape->rank);
    return OK;
}

static enum status infer(struct node *node)
{
    struct rows rows;
    enum status st = rows_of(node, &node->inputs[0]->shape, &rows);
    return st ? st : infer_float(node);
}

/* log sum exp of the row that starts at `start`, without overflow. */
static double log_sum(const struct tensor *x, int64_t start, const struct rows *r)
{
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < r->size; i++)
        top = fmax(top, at(x, start + i * r->inner));
    for (int64_t i = 0; i < r->size; i++)
        sum += exp(at(x, start + i * r->inner) - top);
    return top + log(sum);
}

static enum status forward(const struct node *node, const struct tensor *x,
                           struct tensor *y, bool logarithm)
{
    struct rows r;
    enum status st = rows_of(node, &x->shape, &r);
    for (int64_t row = 0; row < r.outer * r.inner && !st; row++) {
        int64_t start = row / r.inner * r.size * r.inner + row % r.inner;
        double norm = log_sum(x, start, &r);
        for (int64_t i = 0; i < r.size; i++) {
            int64_t p = start + i * r.inner;
            double value = at(x, p) - norm;
            put(y, p, logarithm ? value : exp(value));
        }
    }
    return st;
}

/* softmax: dx = y (dy - sum dy y);  log: dx = dy - exp(y) sum dy. */
static enum status back(const struct node *node, const struct tensor *y,
                        const struct tensor *dy, struct tensor *dx, bool logarithm)
{
    struct rows r;
    enum status st = rows_of(node, &y->shape, &r);
    if (!dy || !dx)
        return st;
    for (int64_t row = 0; row < r.outer * r.inner && !st; row++) {
        int64_t start = row / r.inner * r.size * r.inner + row % r.inner;
        double sum = 0;
        for (int64_t i = 0; i < r.size; i++) {
            int64_t p = start + i * r.inner;
            sum += at(dy, p) * (logarithm ? 1 : at(y, p));
        }
        for (int64_t i = 0; i < r.size; i++) {
            int64_t p = start + i * r.inner;
            put(dx, p, logarithm ? at(dy, p) - exp(at(y, p)) * sum
                                 : at(y, p) * (at(dy, p) - sum));
        }
    }
    return st;
}

static enum status softmax_reference(const struct node *node, const struct tensor *const *in,
                                     struct tensor *const *out)
{
    return forward(node, in[0], out[0], false);
}

static enum status log_reference(const struct node *node, const struct tensor *const *in,
                                 struct tensor *const *out)
{
    return forward(node, in[0], out[0], true);
}

static enum status softmax_backward(const struct node *node, const struct tensor *const *in,
                                    const struct tensor *const *out,
                                    const struct tensor *const *dout,
                                    struct tensor *const *din)
{
    (void)in;
    return back(node, out[0], dout[0], din[0], false);
}

static enum status log_backward(const struct node *node, const struct tensor *const *in,
                                const struct tensor *const *out,
                                const struct tensor *const *dout, struct tensor *const *din)
{
    (void)in;
    return back(node, out[0], dout[0], din[0], true);
}

const struct op op_softmax = {
    .name = "Softmax",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = infer,
    .reference = softmax_reference,
    .backward = softmax_backward,
};

const struct op op_logsoftmax = {
    .name = "LogSoftmax",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "axis:i",
    .infer = infer,
    .reference = log_reference,
    .backward = log_backward,
};
