/*
 * Gemm, and MatMul with a weight matrix: y = act(x W + b + residual) on rows of the last
 * dimension, as oneDNN's inner product.
 */
#include "models/runtime/build.h"

#include <string.h>

struct dense {
    int64_t M, K, O;
    dnnl_memory_desc_t given;  /* the weights as the file has them, seen as [O][K] */
    struct value *bias;
    int input;                 /* rows that forward read: for the weights' gradient */
};

static bool row_of(const struct value *value, int64_t O)
{
    return value->dtype == DTYPE_F32 && shape_count(&value->shape) == O &&
           (value->shape.rank == 0 ||
            (value->shape.dim[value->shape.rank - 1] == O));
}

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    bool named = !strcmp(node->op->name, "MatMul") || !strcmp(node->op->name, "Gemm");
    if (!named || node->op->domain || node->inputs[0]->dtype != DTYPE_F32 ||
        !node->inputs[1]->constant || node->inputs[1]->shape.rank != 2 ||
        node->inputs[0]->shape.rank < 2)
        return false;
    if (!strcmp(node->op->name, "MatMul"))
        return true;
    if (strcmp(node->op->name, "Gemm") || node_int(node, "transA", 0) ||
        node_float(node, "alpha", 1.0f) != 1.0f || node_float(node, "beta", 1.0f) != 1.0f)
        return false;
    return node->n_inputs < 3 || !node->inputs[2] ||
           row_of(node->inputs[2], node->outputs[0]->shape.dim[1]);
}

static void prepare(const struct layer *layer, struct dense *dense)
{
    const struct node *node = layer->node;
    const struct shape *x = &node->inputs[0]->shape, *w = &node->inputs[1]->shape;
    bool transposed = !strcmp(node->op->name, "Gemm") && node_int(node, "transB", 0);
    dense->K = x->dim[x->rank - 1];
    dense->M = shape_count(x) / dense->K;
    dense->O = w->dim[transposed ? 0 : 1];
    dense->bias = layer->bias;
    if (!dense->bias && node->n_inputs > 2)
        dense->bias = node->inputs[2];
    dnnl_dims_t dims = {dense->O, dense->K};
    dnnl_dims_t strides = {transposed ? dense->K : 1, transposed ? 1 : dense->O};
    dnnl_memory_desc_init_by_strides(&dense->given, 2, dims, dnnl_f32, strides);
}

static struct shape matrix(int64_t rows, int64_t columns)
{
    return (struct shape){.rank = 2, .dim = {rows, columns}};
}

/* A value's plain form as rows. */
static int rows_of(struct builder *build, struct value *value, int64_t M, int64_t columns)
{
    int slot = build_plain(build, value);
    struct shape shape = matrix(M, columns);
    if (slot < 0 || shape_equal(&build_at(build, slot)->shape, &shape))
        return slot;
    return build_view(build, slot, &shape);
}

static int weights_form(struct builder *build, const struct dense *dense, struct value *value,
                        const dnnl_memory_desc_t *md)
{
    struct shape shape = matrix(dense->O, dense->K);
    int plain = build_first(build, value), view;
    const struct slot *slot = build_at(build, plain);
    if (slot->kind == SLOT_CONSTANT) {
        view = build_constant(build, DTYPE_F32, &shape, &dense->given, slot->data);
    } else {
        view = build_slot(build, DTYPE_F32, &shape, &dense->given);
        build_part(build, view, plain, 0);
    }
    return build_reorder(build, view, md);
}

static int bias_form(struct builder *build, const struct dense *dense)
{
    struct shape shape = {.rank = 1, .dim = {dense->O}};
    int plain = build_first(build, dense->bias);
    const struct slot *slot = build_at(build, plain);
    return slot->kind == SLOT_CONSTANT
               ? build_constant(build, DTYPE_F32, &shape, NULL, slot->data)
               : build_view(build, plain, &shape);
}

static enum status describe(const struct layer *layer, const struct dense *dense,
                            dnnl_primitive_desc_t *out)
{
    struct shape x = matrix(dense->M, dense->K), w = matrix(dense->O, dense->K);
    struct shape y = matrix(dense->M, dense->O), b = {.rank = 1, .dim = {dense->O}};
    dnnl_memory_desc_t src, weights, bias, dst;
    layout_plain(&src, DTYPE_F32, &x);
    layout_any(&weights, DTYPE_F32, &w);
    layout_plain(&bias, DTYPE_F32, &b);
    layout_plain(&dst, DTYPE_F32, &y);
    dnnl_inner_product_desc_t descriptor;
    dnnl_status_t code = dnnl_inner_product_forward_desc_init(
        &descriptor, dnnl_forward_training, &src, &weights, dense->bias ? &bias : NULL, &dst);
    dnnl_primitive_attr_t attr = build_attributes(&layer->act, layer->residual ? &dst : NULL);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "inner product");
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct dense *dense = build_alloc(build, sizeof *dense);
    prepare(layer, dense);
    dnnl_primitive_desc_t descriptor;
    enum status st = describe(layer, dense, &descriptor);
    if (st)
        return st;
    dnnl_memory_desc_t weights =
        *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    struct arg args[8] = {
        {DNNL_ARG_SRC, rows_of(build, node->inputs[0], dense->M, dense->K)},
        {DNNL_ARG_WEIGHTS, weights_form(build, dense, node->inputs[1], &weights)},
    };
    int n = 2;
    dense->input = args[0].slot;
    if (dense->bias)
        args[n++] = (struct arg){DNNL_ARG_BIAS, bias_form(build, dense)};
    if (layer->residual)
        args[n++] = (struct arg){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                                 rows_of(build, layer->residual, dense->M, dense->O)};
    for (int i = 0; i < n; i++)
        if (args[i].slot < 0) {
            dnnl_primitive_desc_destroy(descriptor);
            return ERR_UNSUPPORTED;
        }
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, NULL);
    struct shape y = matrix(dense->M, dense->O);
    args[n++] = (struct arg){DNNL_ARG_DST, build_view(build, out, &y)};
    st = build_primitive(build, descriptor, "inner product", args, n);
    if (!st)
        build_define(build, layer->output, out);
    layer->state = dense;
    return st;
}

static enum status backward_data(struct builder *build, const struct layer *layer,
                                 const struct dense *dense, int gradient)
{
    struct shape x = matrix(dense->M, dense->K), w = matrix(dense->O, dense->K);
    struct shape y = matrix(dense->M, dense->O);
    dnnl_memory_desc_t src, weights, dst;
    layout_plain(&src, DTYPE_F32, &x);
    layout_any(&weights, DTYPE_F32, &w);
    layout_plain(&dst, DTYPE_F32, &y);
    dnnl_inner_product_desc_t forwards, back;
    dnnl_primitive_desc_t hint = NULL, descriptor = NULL;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_inner_product_forward_desc_init(
        &forwards, dnnl_forward_training, &src, &weights, NULL, &dst);
    if (!code)
        code = dnnl_primitive_desc_create(&hint, &forwards, NULL, layout_engine(), NULL);
    if (!code)
        code = dnnl_inner_product_backward_data_desc_init(&back, &src, &weights, &dst);
    if (!code)
        code = dnnl_primitive_desc_create(&descriptor, &back, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    if (code)
        return layout_fail(code, "inner product backward");
    weights = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    struct value *input = layer->node->inputs[0];
    int out = build_slot(build, DTYPE_F32, &input->shape, NULL);
    struct arg args[] = {
        {DNNL_ARG_DIFF_DST, build_view(build, gradient, &y)},
        {DNNL_ARG_WEIGHTS, weights_form(build, dense, layer->node->inputs[1], &weights)},
        {DNNL_ARG_DIFF_SRC, build_view(build, out, &x)},
    };
    if (args[1].slot < 0) {
        dnnl_primitive_desc_destroy(descriptor);
        return ERR_UNSUPPORTED;
    }
    enum status st = build_primitive(build, descriptor, "inner product backward", args, 3);
    if (!st)
        build_give(build, input, out);
    return st;
}

static enum status describe_weights(const struct dense *dense, bool with_bias,
                                    dnnl_primitive_desc_t *out)
{
    struct shape x = matrix(dense->M, dense->K), w = matrix(dense->O, dense->K);
    struct shape y = matrix(dense->M, dense->O), b = {.rank = 1, .dim = {dense->O}};
    dnnl_memory_desc_t src, weights, bias, dst;
    layout_plain(&src, DTYPE_F32, &x);
    layout_any(&weights, DTYPE_F32, &w);
    layout_plain(&bias, DTYPE_F32, &b);
    layout_plain(&dst, DTYPE_F32, &y);
    dnnl_inner_product_desc_t forwards, back;
    dnnl_primitive_desc_t hint = NULL;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_inner_product_forward_desc_init(
        &forwards, dnnl_forward_training, &src, &weights, NULL, &dst);
    if (!code)
        code = dnnl_primitive_desc_create(&hint, &forwards, NULL, layout_engine(), NULL);
    if (!code)
        code = dnnl_inner_product_backward_weights_desc_init(
            &back, &src, &weights, with_bias ? &bias : NULL, &dst);
    if (!code)
        code = dnnl_primitive_desc_create(out, &back, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    return layout_fail(code, "inner product backward weights");
}

/* The same bytes under the value's own shape. */
static int as_value(struct builder *build, int slot, const struct value *value)
{
    int view = build_slot(build, DTYPE_F32, &value->shape, NULL);
    build_part(build, view, slot, 0);
    return view;
}

static enum status backward_weights(struct builder *build, const struct layer *layer,
                                    const struct dense *dense, int gradient)
{
    bool with_bias = dense->bias && build_wants(build, dense->bias);
    dnnl_primitive_desc_t pd = NULL;
    enum status st = describe_weights(dense, with_bias, &pd);
    if (st)
        return st;
    dnnl_memory_desc_t md = *dnnl_primitive_desc_query_md(pd, dnnl_query_diff_weights_md, 0);
    struct shape w = matrix(dense->O, dense->K), y = matrix(dense->M, dense->O);
    struct shape row = {.rank = 1, .dim = {dense->O}};
    int out = build_slot(build, DTYPE_F32, &w, &md);
    int out_bias = with_bias ? build_slot(build, DTYPE_F32, &row, NULL) : -1;
    struct arg args[4] = {{DNNL_ARG_SRC, dense->input},
                          {DNNL_ARG_DIFF_DST, build_view(build, gradient, &y)},
                          {DNNL_ARG_DIFF_WEIGHTS, out},
                          {DNNL_ARG_DIFF_BIAS, out_bias}};
    st = build_primitive(build, pd, "inner product backward weights", args, with_bias ? 4 : 3);
    if (!st && (out = build_reorder(build, out, &dense->given)) < 0)
        st = ERR_UNSUPPORTED;
    if (st)
        return st;
    build_give(build, layer->node->inputs[1], as_value(build, out, layer->node->inputs[1]));
    if (with_bias)
        build_give(build, dense->bias, as_value(build, out_bias, dense->bias));
    return OK;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    int gradient = build_gradient_before(build, layer);
    if (gradient >= 0)
        gradient = build_plain_slot(build, gradient);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    if (layer->residual)
        build_give(build, layer->residual, gradient);
    enum status st = OK;
    if (build_wants(build, layer->node->inputs[1]))
        st = backward_weights(build, layer, layer->state, gradient);
    if (!st && build_wants(build, layer->node->inputs[0]))
        st = backward_data(build, layer, layer->state, gradient);
    return st;
}

const struct kernel kernel_dense = {
    .name = "dense",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .fuses_bias = true,
    .fuses_activation = true,
    .fuses_smooth = true,
    .fuses_residual = true,
};
