/*
 * com.microsoft.QGemm: alpha A' B' + C on integers, C an int32 bias of scale alpha a_scale
 * b_scale; with y_scale the sum is rescaled to 8 bits, without it becomes float32.
 *
 * inputs  a, a_scale, a_zero, b, b_scale, b_zero, c, y_scale, y_zero
 */
#include "models/ops/quantize.h"

static bool present(const struct node *node, int i)
{
    return i < node->n_inputs && node->inputs[i];
}

struct sizes {
    int64_t m, n, k, am, ak, bk, bn;
};

static struct sizes sizes_of(const struct node *node, const struct shape *a,
                             const struct shape *b)
{
    bool ta = node_int(node, "transA", 0) != 0, tb = node_int(node, "transB", 0) != 0;
    return (struct sizes){.m = a->dim[ta], .k = a->dim[!ta], .n = b->dim[!tb],
                          .am = ta ? 1 : a->dim[1], .ak = ta ? a->dim[1] : 1,
                          .bk = tb ? 1 : b->dim[1], .bn = tb ? b->dim[1] : 1};
}

static enum status infer(struct node *node)
{
    enum status st = need_rank(node, 0, 2, 2);
    if (!st)
        st = need_rank(node, 3, 2, 2);
    if (st)
        return st;
    const struct shape *a = &node->inputs[0]->shape, *b = &node->inputs[3]->shape;
    struct sizes s = sizes_of(node, a, b);
    struct shape shape = {2, {s.m, s.n}}, both = shape;
    if (s.k != b->dim[node_int(node, "transB", 0) != 0])
        return status_fail(ERR_FORMAT, "the inner sizes differ");
    st = scale_pair_check(node, 1, 0);
    if (!st)
        st = scale_pair_check(node, 4, s.n);
    if (!st && present(node, 6))
        st = shape_broadcast(&node->inputs[6]->shape, &shape, &both);
    if (!st && !shape_equal(&both, &shape))
        st = status_fail(ERR_FORMAT, "C does not broadcast to the output");
    if (!st && present(node, 7))
        st = scale_pair_check(node, 7, 0);
    if (!st)
        set_output(node, 0,
                   !present(node, 7)   ? DTYPE_F32
                   : present(node, 8) ? node->inputs[8]->dtype
                                       : DTYPE_U8,
                   &shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct sizes s = sizes_of(node, &in[0]->shape, &in[3]->shape);
    float alpha = node_float(node, "alpha", 1);
    int64_t stride[TENSOR_MAX_RANK] = {0};
    if (present(node, 6))
        broadcast_strides(&in[6]->shape, &out[0]->shape, stride);
    for (int64_t i = 0; i < s.m; i++)
        for (int64_t j = 0; j < s.n; j++) {
            int64_t sum = 0;
            for (int64_t k = 0; k < s.k; k++)
                sum += (tensor_get_int(in[0], i * s.am + k * s.ak) - zero_at(in[2], 0)) *
                       (tensor_get_int(in[3], k * s.bk + j * s.bn) - zero_at(in[5], j));
            if (present(node, 6))
                sum += tensor_get_int(in[6], i * stride[0] + j * stride[1]);
            float scale = alpha * scale_at(in[1], 0) * scale_at(in[4], j);
            if (present(node, 7))
                put_int(out[0], i * s.n + j,
                        requantize(sum, scale / scale_at(in[7], 0),
                                   present(node, 8) ? zero_at(in[8], 0) : 0, out[0]->dtype));
            else
                put(out[0], i * s.n + j, (double)((float)sum * scale));
        }
    return OK;
}

const struct op op_microsoft_qgemm = {
    .name = "QGemm",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {6, 9},
    .outputs = {1, 1},
    .attributes = "alpha:f transA:i transB:i",
    .infer = infer,
    .reference = reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};
