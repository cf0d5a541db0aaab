/* MatMul: numpy's matmul. */
#include "models/ops/elements.h"
#include "models/ops/product.h"

static enum status infer(struct node *node)
{
    struct product p;
    enum status st = need_same_dtype(node, 0, 1);
    if (!st)
        st = product_of(&node->inputs[0]->shape, &node->inputs[1]->shape, &p);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &p.out);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    struct product p;
    enum status st = product_of(&in[0]->shape, &in[1]->shape, &p);
    if (st)
        return st;
    int64_t matrices = shape_count(&p.lead);
    for (int64_t q = 0; q < matrices; q++) {
        int64_t a = strided(&p.lead, p.a_stride, q), b = strided(&p.lead, p.b_stride, q);
        for (int64_t i = 0; i < p.m; i++)
            for (int64_t j = 0; j < p.n; j++) {
                double sum = 0;
                for (int64_t k = 0; k < p.k; k++)
                    sum += at(in[0], a + i * p.k + k) * at(in[1], b + k * p.n + j);
                put(out[0], (q * p.m + i) * p.n + j, sum);
            }
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)node, (void)out;
    struct product p;
    enum status st = product_of(&in[0]->shape, &in[1]->shape, &p);
    if (st || !dout[0])
        return st;
    for (int i = 0; i < 2; i++)
        if (din[i])
            fill_zero(din[i]);
    int64_t matrices = shape_count(&p.lead);
    for (int64_t q = 0; q < matrices; q++) {
        int64_t a = strided(&p.lead, p.a_stride, q), b = strided(&p.lead, p.b_stride, q);
        for (int64_t i = 0; i < p.m && din[0]; i++)
            for (int64_t k = 0; k < p.k; k++) {
                double sum = 0;
                for (int64_t j = 0; j < p.n; j++)
                    sum += at(dout[0], (q * p.m + i) * p.n + j) * at(in[1], b + k * p.n + j);
                add_to(din[0], a + i * p.k + k, sum);
            }
        for (int64_t k = 0; k < p.k && din[1]; k++)
            for (int64_t j = 0; j < p.n; j++) {
                double sum = 0;
                for (int64_t i = 0; i < p.m; i++)
                    sum += at(dout[0], (q * p.m + i) * p.n + j) * at(in[0], a + i * p.k + k);
                add_to(din[1], b + k * p.n + j, sum);
            }
    }
    return OK;
}

const struct op op_matmul = {
    .name = "MatMul",
    .since = 1,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
