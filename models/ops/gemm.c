/* Gemm: y = alpha A' B' + beta C, where ' transposes as transA and transB say and C is
 * broadcast to y. */
#include "models/ops/elements.h"

struct sizes {
    int64_t m, n, k;         /* y is [m][n] */
    int64_t am, ak, bk, bn;  /* strides of A' and B' */
    double alpha, beta;
};

static struct sizes sizes_of(const struct node *node, const struct shape *a,
                             const struct shape *b)
{
    bool ta = node_int(node, "transA", 0) != 0, tb = node_int(node, "transB", 0) != 0;
    return (struct sizes){
        .m = a->dim[ta], .k = a->dim[!ta], .n = b->dim[!tb],
        .am = ta ? 1 : a->dim[1], .ak = ta ? a->dim[1] : 1,
        .bk = tb ? 1 : b->dim[1], .bn = tb ? b->dim[1] : 1,
        .alpha = (double)node_float(node, "alpha", 1),
        .beta = (double)node_float(node, "beta", 1),
    };
}

static enum status infer(struct node *node)
{
    enum status st = need_rank(node, 0, 2, 2);
    if (!st)
        st = need_rank(node, 1, 2, 2);
    if (!st)
        st = need_same_dtype(node, 0, 1);
    if (st)
        return st;
    const struct shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
    struct sizes s = sizes_of(node, a, b);
    if (s.k != b->dim[node_int(node, "transB", 0) != 0])
        return status_fail(ERR_FORMAT, "A is %lld x %lld and B %lld x %lld: the inner sizes "
                           "differ", (long long)a->dim[0], (long long)a->dim[1],
                           (long long)b->dim[0], (long long)b->dim[1]);
    struct shape shape = {2, {s.m, s.n}}, both;
    if (node->n_inputs > 2 && node->inputs[2]) {
        st = need_same_dtype(node, 0, 2);
        if (!st)
            st = shape_broadcast(&node->inputs[2]->shape, &shape, &both);
        if (!st && !shape_equal(&shape, &both))
            st = status_fail(ERR_FORMAT, "C does not broadcast to the output");
    }
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct sizes s = sizes_of(node, &in[0]->shape, &in[1]->shape);
    const struct tensor *c = node->n_inputs > 2 ? in[2] : NULL;
    int64_t stride[TENSOR_MAX_RANK] = {0};
    if (c)
        broadcast_strides(&c->shape, &out[0]->shape, stride);
    for (int64_t i = 0; i < s.m; i++)
        for (int64_t j = 0; j < s.n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < s.k; k++)
                sum += at(in[0], i * s.am + k * s.ak) * at(in[1], k * s.bk + j * s.bn);
            sum *= s.alpha;
            if (c)
                sum += s.beta * at(c, i * stride[0] + j * stride[1]);
            put(out[0], i * s.n + j, sum);
        }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    struct sizes s = sizes_of(node, &in[0]->shape, &in[1]->shape);
    if (!dout[0])
        return OK;
    for (int64_t i = 0; i < s.m && din[0]; i++)
        for (int64_t k = 0; k < s.k; k++) {
            double sum = 0;
            for (int64_t j = 0; j < s.n; j++)
                sum += at(dout[0], i * s.n + j) * at(in[1], k * s.bk + j * s.bn);
            put(din[0], i * s.am + k * s.ak, s.alpha * sum);
        }
    for (int64_t k = 0; k < s.k && din[1]; k++)
        for (int64_t j = 0; j < s.n; j++) {
            double sum = 0;
            for (int64_t i = 0; i < s.m; i++)
                sum += at(dout[0], i * s.n + j) * at(in[0], i * s.am + k * s.ak);
            put(din[1], k * s.bk + j * s.bn, s.alpha * sum);
        }
    if (node->n_inputs > 2 && din[2]) {
        int64_t stride[TENSOR_MAX_RANK];
        broadcast_strides(&in[2]->shape, &out[0]->shape, stride);
        fill_zero(din[2]);
        for (int64_t i = 0; i < s.m * s.n; i++)
            add_to(din[2], strided(&out[0]->shape, stride, i), s.beta * at(dout[0], i));
    }
    return OK;
}

const struct op op_gemm = {
    .name = "Gemm",
    .since = 7,
    .inputs = {2, 3},
    .outputs = {1, 1},
    .attributes = "alpha:f beta:f transA:i transB:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
