/*
 * MatMulInteger and QLinearMatMul: exact integer sums of (a - a_zero)(b - b_zero), as int32
 * or rescaled once to 8 bits. Scales and zero points are one number, or one a row of a and
 * one a column of b.
 */
#include "models/ops/product.h"
#include "models/ops/quantize.h"

/* Sum for row i and column j of the matrices that begin at a and b. */
static int64_t dot(const struct product *p, const struct tensor *a, int64_t a_at,
                   int64_t a_zero, const struct tensor *b, int64_t b_at, int64_t b_zero)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < p->k; k++)
        sum += (tensor_get_int(a, a_at + k) - a_zero) *
               (tensor_get_int(b, b_at + k * p->n) - b_zero);
    return sum;
}

static enum status need_integers(const struct node *node, int a, int b)
{
    if (dtype_is_float(node->inputs[a]->dtype) || dtype_is_float(node->inputs[b]->dtype))
        return status_fail(ERR_FORMAT, "floats in an integer product");
    return OK;
}

static enum status check_zero(const struct node *node, int i, int64_t many)
{
    if (i >= node->n_inputs || !node->inputs[i])
        return OK;
    int64_t count = shape_count(&node->inputs[i]->shape);
    if (count != 1 && count != many)
        return status_fail(ERR_FORMAT, "input %d has %lld elements", i, (long long)count);
    return OK;
}

static enum status integer_infer(struct node *node)
{
    struct product p;
    enum status st = need_integers(node, 0, 1);
    if (!st)
        st = product_of(&node->inputs[0]->shape, &node->inputs[1]->shape, &p);
    if (!st)
        st = check_zero(node, 2, p.m);
    if (!st)
        st = check_zero(node, 3, p.n);
    if (!st)
        set_output(node, 0, DTYPE_I32, &p.out);
    return st;
}

static enum status integer_reference(const struct node *node, const struct tensor *const *in,
                                     struct tensor *const *out)
{
    struct product p;
    enum status st = product_of(&in[0]->shape, &in[1]->shape, &p);
    const struct tensor *az = node->n_inputs > 2 ? in[2] : NULL;
    const struct tensor *bz = node->n_inputs > 3 ? in[3] : NULL;
    int64_t count = st ? 0 : shape_count(&p.lead) * p.m * p.n;
    for (int64_t o = 0; o < count; o++) {
        int64_t q = o / p.n / p.m, i = o / p.n % p.m, j = o % p.n;
        int64_t a = strided(&p.lead, p.a_stride, q), b = strided(&p.lead, p.b_stride, q);
        put_int(out[0], o, dot(&p, in[0], a + i * p.k, zero_at(az, i), in[1], b + j,
                               zero_at(bz, j)));
    }
    return st;
}

/* As if the integers were real numbers: da = dy (b - b_zero)', db = (a - a_zero)' dy. */
static enum status integer_backward(const struct node *node, const struct tensor *const *in,
                                    const struct tensor *const *out,
                                    const struct tensor *const *dout,
                                    struct tensor *const *din)
{
    struct product p;
    enum status st = product_of(&in[0]->shape, &in[1]->shape, &p);
    const struct tensor *az = node->n_inputs > 2 ? in[2] : NULL;
    const struct tensor *bz = node->n_inputs > 3 ? in[3] : NULL;
    for (int k = 0; k < node->n_inputs; k++)
        if (din[k])
            fill_zero(din[k]);
    int64_t count = st || !dout[0] ? 0 : shape_count(&out[0]->shape);
    for (int64_t o = 0; o < count; o++) {
        int64_t q = o / p.n / p.m, i = o / p.n % p.m, j = o % p.n;
        int64_t a = strided(&p.lead, p.a_stride, q) + i * p.k;
        int64_t b = strided(&p.lead, p.b_stride, q) + j;
        for (int64_t k = 0; k < p.k; k++) {
            if (din[0])
                add_to(din[0], a + k, at(dout[0], o) * (double)(tensor_get_int(in[1],
                                          b + k * p.n) - zero_at(bz, j)));
            if (din[1])
                add_to(din[1], b + k * p.n, at(dout[0], o) *
                       (double)(tensor_get_int(in[0], a + k) - zero_at(az, i)));
        }
    }
    return st;
}

/* inputs  a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero */
static enum status linear_infer(struct node *node)
{
    struct product p;
    enum status st = need_integers(node, 0, 3);
    if (!st)
        st = product_of(&node->inputs[0]->shape, &node->inputs[3]->shape, &p);
    if (!st)
        st = scale_pair_check(node, 1, p.m);
    if (!st)
        st = scale_pair_check(node, 4, p.n);
    if (!st)
        st = scale_pair_check(node, 6, 0);
    if (!st)
        set_output(node, 0, node->inputs[7]->dtype, &p.out);
    return st;
}

static enum status linear_reference(const struct node *node, const struct tensor *const *in,
                                    struct tensor *const *out)
{
    (void)node;
    struct product p;
    enum status st = product_of(&in[0]->shape, &in[3]->shape, &p);
    int64_t count = st ? 0 : shape_count(&p.lead) * p.m * p.n;
    for (int64_t o = 0; o < count; o++) {
        int64_t q = o / p.n / p.m, i = o / p.n % p.m, j = o % p.n;
        int64_t a = strided(&p.lead, p.a_stride, q), b = strided(&p.lead, p.b_stride, q);
        int64_t sum = dot(&p, in[0], a + i * p.k, zero_at(in[2], i), in[3], b + j,
                          zero_at(in[5], j));
        float multiplier = scale_at(in[1], i) * scale_at(in[4], j) / scale_at(in[6], 0);
        put_int(out[0], o, requantize(sum, multiplier, zero_at(in[7], 0), out[0]->dtype));
    }
    return st;
}

const struct op op_matmulinteger = {
    .name = "MatMulInteger",
    .since = 10,
    .inputs = {2, 4},
    .outputs = {1, 1},
    .infer = integer_infer,
    .reference = integer_reference,
    .backward = integer_backward,
    .gradient_note = "as if the integers were real numbers",
};

const struct op op_qlinearmatmul = {
    .name = "QLinearMatMul",
    .since = 10,
    .inputs = {8, 8},
    .outputs = {1, 1},
    .infer = linear_infer,
    .reference = linear_reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};
