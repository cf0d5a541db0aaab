/* MaxPool and AveragePool; the maximum's place is kept for backward. */
#include "models/runtime/kernels/window.h"

#include <string.h>

struct pool {
    struct window window;
    dnnl_alg_kind_t algorithm;
    int workspace;           /* slot, or -1 */
    dnnl_memory_desc_t src;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    if (node->op->domain || node->inputs[0]->dtype != DTYPE_F32 ||
        node->inputs[0]->shape.rank < 3 || node->inputs[0]->shape.rank > 5)
        return false;
    bool max = !strcmp(node->op->name, "MaxPool");
    return (max && (node->n_outputs == 1 || !node->outputs[1])) ||
           !strcmp(node->op->name, "AveragePool");
}

static enum status describe(const struct node *node, const struct pool *pool, bool inference,
                            const dnnl_memory_desc_t *src, dnnl_primitive_desc_t *out)
{
    dnnl_memory_desc_t dst;
    layout_any(&dst, DTYPE_F32, &node->outputs[0]->shape);
    const struct window *w = &pool->window;
    dnnl_pooling_v2_desc_t descriptor;
    dnnl_status_t code = dnnl_pooling_v2_forward_desc_init(
        &descriptor, inference ? dnnl_forward_inference : dnnl_forward_training,
        pool->algorithm, src, &dst, w->stride, w->kernel, w->dilation, w->left, w->right);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "pool");
}

static enum status prepare(const struct node *node, struct pool *pool)
{
    window_of(node, &node->inputs[0]->shape, &node->outputs[0]->shape, NULL, &pool->window);
    bool padded = node_int(node, "count_include_pad", 0);
    pool->algorithm = !strcmp(node->op->name, "MaxPool") ? dnnl_pooling_max
                      : padded                           ? dnnl_pooling_avg_include_padding
                                                         : dnnl_pooling_avg_exclude_padding;
    /* The part that ceil mode adds is never counted; oneDNN would. */
    if (padded && pool->window.slack && pool->algorithm != dnnl_pooling_max)
        return status_fail(ERR_UNSUPPORTED, "ceil mode counting padding");
    pool->workspace = -1;
    return OK;
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct pool *pool = build_alloc(build, sizeof *pool);
    enum status st = prepare(node, pool);
    if (st)
        return st;
    int in = build_first(build, node->inputs[0]);
    pool->src = build_at(build, in)->md;
    bool keeps = build->mode != PLAN_INFER && build_wants(build, node->inputs[0]);
    dnnl_primitive_desc_t descriptor;
    st = describe(node, pool, !keeps, &pool->src, &descriptor);
    if (st)
        return st;
    dnnl_memory_desc_t dst = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_dst_md, 0);
    const dnnl_memory_desc_t *workspace =
        dnnl_primitive_desc_query_md(descriptor, dnnl_query_workspace_md, 0);
    int out = build_slot(build, DTYPE_F32, &node->outputs[0]->shape, &dst);
    struct arg args[4] = {{DNNL_ARG_SRC, in}, {DNNL_ARG_DST, out}};
    int n = 2;
    if (workspace && workspace->ndims && keeps) {
        struct shape shape = {.rank = 1, .dim = {(int64_t)layout_bytes(workspace)}};
        pool->workspace = build_slot(build, DTYPE_U8, &shape, workspace);
        args[n++] = (struct arg){DNNL_ARG_WORKSPACE, pool->workspace};
    }
    st = build_primitive(build, descriptor, "pool", args, n);
    if (!st)
        build_define(build, layer->output, out);
    layer->state = pool;
    return st;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    const struct pool *pool = layer->state;
    int gradient = build_gradient(build, layer->output);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    dnnl_primitive_desc_t hint, descriptor;
    enum status st = describe(node, pool, false, &pool->src, &hint);
    if (st)
        return st;
    const struct window *w = &pool->window;
    dnnl_pooling_v2_desc_t back;
    dnnl_memory_desc_t ddst = build_at(build, gradient)->md;
    dnnl_status_t code = dnnl_pooling_v2_backward_desc_init(
        &back, pool->algorithm, &pool->src, &ddst, w->stride, w->kernel, w->dilation, w->left,
        w->right);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(&descriptor, &back, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    if (code)
        return layout_fail(code, "pool backward");
    int out = build_slot(build, DTYPE_F32, &node->inputs[0]->shape, &pool->src);
    struct arg args[4] = {{DNNL_ARG_DIFF_DST, gradient}, {DNNL_ARG_DIFF_SRC, out}};
    int n = 2;
    if (pool->workspace >= 0)
        args[n++] = (struct arg){DNNL_ARG_WORKSPACE, pool->workspace};
    st = build_primitive(build, descriptor, "pool backward", args, n);
    if (!st)
        build_give(build, node->inputs[0], out);
    return st;
}

const struct kernel kernel_pool = {
    .name = "pool",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
