/*
 * The reductions: ReduceSum, ReduceMean and their kin over some axes, or all. One file,
 * since they differ in one line each:
 *
 *     REDUCE(name, "Name", f(x[0..n-1]), derivative with respect to one x, given y and n)
 *
 * Axes are an attribute until opset 12 (ReduceSum) or 17 (the others), then an input.
 */
#include "models/ops/elements.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* All elements of one group, or x's derivative at one of them. */
typedef double group_function(const double *x, int64_t n);
typedef double group_derivative(double x, double y, const double *all, int64_t n);

static enum status masks_of(const struct node *node, const struct shape *in,
                            bool mask[TENSOR_MAX_RANK])
{
    bool given;
    enum status st = read_axes(node, 1, in->rank, mask, &given);
    if (st || given || node_int(node, "noop_with_empty_axes", 0))
        return st;
    for (int i = 0; i < in->rank; i++)
        mask[i] = true;
    return OK;
}

static enum status infer(struct node *node)
{
    const struct shape *in = &node->inputs[0]->shape;
    bool mask[TENSOR_MAX_RANK], keep = node_int(node, "keepdims", 1) != 0;
    enum status st = masks_of(node, in, mask);
    if (st)
        return st;
    struct shape shape = {0};
    for (int i = 0; i < in->rank; i++)
        if (!mask[i] || keep)
            shape.dim[shape.rank++] = mask[i] ? 1 : in->dim[i];
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

/* The kept and the reduced dimensions as two shapes with strides in the input. */
struct groups {
    struct shape kept, reduced;
    int64_t kept_stride[TENSOR_MAX_RANK], reduced_stride[TENSOR_MAX_RANK];
};

static enum status groups_of(const struct node *node, const struct shape *in,
                             struct groups *out)
{
    bool mask[TENSOR_MAX_RANK];
    int64_t stride[TENSOR_MAX_RANK];
    enum status st = masks_of(node, in, mask);
    if (st)
        return st;
    *out = (struct groups){0};
    shape_strides(in, stride);
    for (int i = 0; i < in->rank; i++) {
        struct shape *part = mask[i] ? &out->reduced : &out->kept;
        (mask[i] ? out->reduced_stride : out->kept_stride)[part->rank] = stride[i];
        part->dim[part->rank++] = in->dim[i];
    }
    return OK;
}

static void gather(const struct groups *g, const struct tensor *x, int64_t start, double *out)
{
    int64_t n = shape_count(&g->reduced);
    for (int64_t i = 0; i < n; i++)
        out[i] = at(x, start + strided(&g->reduced, g->reduced_stride, i));
}

static enum status forward(const struct node *node, const struct tensor *x, struct tensor *y,
                           group_function *f)
{
    struct groups g;
    enum status st = groups_of(node, &x->shape, &g);
    if (st)
        return st;
    int64_t outs = shape_count(&g.kept), n = shape_count(&g.reduced);
    double *group = mem_try((size_t)n, sizeof *group);
    if (!group)
        return status_fail(ERR_NOMEM, "no memory to reduce %lld elements", (long long)n);
    for (int64_t o = 0; o < outs; o++) {
        gather(&g, x, strided(&g.kept, g.kept_stride, o), group);
        double value = f(group, n);
        put(y, o, dtype_is_float(y->dtype) ? value : trunc(value));
    }
    free(group);
    return OK;
}

static enum status back(const struct node *node, const struct tensor *const *in,
                        const struct tensor *const *out, const struct tensor *const *dout,
                        struct tensor *const *din, group_derivative *f)
{
    struct groups g;
    enum status st = groups_of(node, &in[0]->shape, &g);
    if (node->n_inputs > 1 && din[1])
        fill_zero(din[1]);
    if (st || !din[0] || !dout[0])
        return st;
    int64_t outs = shape_count(&g.kept), n = shape_count(&g.reduced);
    double *group = mem_try((size_t)n, sizeof *group);
    if (!group)
        return status_fail(ERR_NOMEM, "no memory to reduce %lld elements", (long long)n);
    for (int64_t o = 0; o < outs; o++) {
        int64_t start = strided(&g.kept, g.kept_stride, o);
        gather(&g, in[0], start, group);
        for (int64_t i = 0; i < n; i++)
            put(din[0], start + strided(&g.reduced, g.reduced_stride, i),
                at(dout[0], o) * f(group[i], at(out[0], o), group, n));
    }
    free(group);
    return OK;
}

#define REDUCE(id, onnx, f, df)                                                            \
    static double id##_f(const double *x, int64_t n)                                       \
    {                                                                                      \
        return f;                                                                          \
    }                                                                                      \
    static double id##_df(double x, double y, const double *all, int64_t n)                \
    {                                                                                      \
        (void)x, (void)y, (void)all, (void)n;                                              \
        return df;                                                                         \
    }                                                                                      \
    static enum status id##_reference(const struct node *node,                             \
                                      const struct tensor *const *in,                      \
                                      struct tensor *const *out)                           \
    {                                                                                      \
        return forward(node, in[0], out[0], id##_f);                                       \
    }                                                                                      \
    static enum status id##_backward(                                                      \
        const struct node *node, const struct tensor *const *in,                           \
        const struct tensor *const *out, const struct tensor *const *dout,                 \
        struct tensor *const *din)                                                         \
    {                                                                                      \
        return back(node, in, out, dout, din, id##_df);                                    \
    }                                                                                      \
    const struct op op_##id = {.name = onnx, .since = 1, .inputs = {1, 2},                 \
                               .outputs = {1, 1},                                          \
                               .attributes = "axes:I keepdims:i noop_with_empty_axes:i",   \
                               .infer = infer, .reference = id##_reference,                \
                               .backward = id##_backward}

static double sum(const double *x, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += x[i];
    return total;
}

static double norm(const double *x, int64_t n, bool squared)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += squared ? x[i] * x[i] : fabs(x[i]);
    return total;
}

static double product(const double *x, int64_t n)
{
    double total = 1;
    for (int64_t i = 0; i < n; i++)
        total *= x[i];
    return total;
}

static double extreme(const double *x, int64_t n, double sign)
{
    double best = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        best = fmax(best, sign * x[i]);
    return sign * best;
}

static double log_sum_exp(const double *x, int64_t n)
{
    double top = extreme(x, n, 1), total = 0;
    for (int64_t i = 0; i < n; i++)
        total += exp(x[i] - top);
    return top + log(total);
}

/* The elements that reach the extreme share its gradient evenly, as PyTorch's amax does. */
static double share(double x, const double *all, int64_t n, double sign)
{
    double best = extreme(all, n, sign);
    int64_t equal = 0;
    for (int64_t i = 0; i < n; i++)
        equal += all[i] == best;
    return x == best ? 1 / (double)equal : 0;
}

/* The product of all others, also where one is zero. */
static double others(double x, const double *all, int64_t n)
{
    double total = 1;
    bool skipped = false;
    for (int64_t i = 0; i < n; i++) {
        if (all[i] == x && !skipped)
            skipped = true;
        else
            total *= all[i];
    }
    return total;
}

// clang-format off
REDUCE(reducesum, "ReduceSum", sum(x, n), 1);
REDUCE(reducemean, "ReduceMean", sum(x, n) / (double)n, 1 / (double)n);
REDUCE(reducemax, "ReduceMax", extreme(x, n, 1), share(x, all, n, 1));
REDUCE(reducemin, "ReduceMin", extreme(x, n, -1), share(x, all, n, -1));
REDUCE(reduceprod, "ReduceProd", product(x, n), others(x, all, n));
REDUCE(reducel1, "ReduceL1", norm(x, n, false), (x > 0) - (x < 0));
REDUCE(reducel2, "ReduceL2", sqrt(norm(x, n, true)), y > 0 ? x / y : 0);
REDUCE(reducesumsquare, "ReduceSumSquare", norm(x, n, true), 2 * x);
REDUCE(reducelogsum, "ReduceLogSum", log(sum(x, n)), exp(-y));
REDUCE(reducelogsumexp, "ReduceLogSumExp", log_sum_exp(x, n), exp(x - y));
// clang-format on
