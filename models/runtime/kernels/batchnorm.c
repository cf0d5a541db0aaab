/*
 * BatchNormalization in training: statistics of this lane's part of the batch, Relu inside,
 * gradients of input, scale and bias. Ioffe & Szegedy 2015, arXiv:1502.03167.
 */
#include "models/runtime/build.h"

#include <string.h>

struct batchnorm {
    int input, mean, variance, workspace;
    dnnl_memory_desc_t md;
    float epsilon;
    unsigned flags;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    return build->mode == PLAN_TRAIN && !node->op->domain &&
           !strcmp(node->op->name, "BatchNormalization") && node->n_inputs == 5 &&
           node->inputs[0]->dtype == DTYPE_F32 && node->inputs[0]->shape.rank >= 2;
}

static enum status describe(const struct batchnorm *bn, dnnl_primitive_desc_t *out)
{
    dnnl_batch_normalization_desc_t descriptor;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_batch_normalization_forward_desc_init(
        &descriptor, dnnl_forward_training, &bn->md, bn->epsilon, bn->flags);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "batch normalization");
}

/* Tells the plan which statistics this layer leaves behind. */
static void announce(struct builder *build, const struct node *node,
                     const struct batchnorm *bn)
{
    struct plan *plan = build->plan;
    plan->statistics = mem_grow(plan->statistics, (size_t)plan->n_statistics + 1,
                                sizeof *plan->statistics);
    const struct shape *x = &node->inputs[0]->shape;
    plan->statistics[plan->n_statistics++] = (struct plan_statistics){
        node->inputs[3], node->inputs[4], node,
        bn->mean,        bn->variance,    shape_count(x) / x->dim[1]};
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    if (layer->act.kind != ACT_NONE && layer->act.kind != ACT_RELU)
        return status_fail(ERR_UNSUPPORTED, "only Relu fits into batch normalization");
    bool relu = layer->act.kind == ACT_RELU;
    struct batchnorm *bn = build_alloc(build, sizeof *bn);
    bn->input = build_first(build, node->inputs[0]);
    bn->md = build_at(build, bn->input)->md;
    bn->epsilon = node_float(node, "epsilon", 1e-5f);
    bn->flags = dnnl_use_scale | dnnl_use_shift | (relu ? dnnl_fuse_norm_relu : 0u);

    dnnl_primitive_desc_t descriptor;
    enum status st = describe(bn, &descriptor);
    if (st)
        return st;
    struct shape row = {.rank = 1, .dim = {node->inputs[0]->shape.dim[1]}};
    bn->mean = build_slot(build, DTYPE_F32, &row, NULL);
    bn->variance = build_slot(build, DTYPE_F32, &row, NULL);
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, &bn->md);
    struct arg args[8] = {{DNNL_ARG_SRC, bn->input},
                          {DNNL_ARG_SCALE, build_plain(build, node->inputs[1])},
                          {DNNL_ARG_SHIFT, build_plain(build, node->inputs[2])},
                          {DNNL_ARG_MEAN, bn->mean},
                          {DNNL_ARG_VARIANCE, bn->variance},
                          {DNNL_ARG_DST, out}};
    int n = 6;
    bn->workspace = -1;
    if (relu) {
        const dnnl_memory_desc_t *md =
            dnnl_primitive_desc_query_md(descriptor, dnnl_query_workspace_md, 0);
        struct shape bytes = {.rank = 1, .dim = {(int64_t)layout_bytes(md)}};
        bn->workspace = build_slot(build, DTYPE_U8, &bytes, md);
        args[n++] = (struct arg){DNNL_ARG_WORKSPACE, bn->workspace};
    }
    st = build_primitive(build, descriptor, "batch normalization", args, n);
    if (st)
        return st;
    build_define(build, layer->output, out);
    announce(build, node, bn);
    layer->state = bn;
    return OK;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    const struct batchnorm *bn = layer->state;
    int gradient = build_gradient(build, layer->output);
    if (gradient >= 0)
        gradient = build_reorder(build, gradient, &bn->md);
    if (gradient < 0)
        return ERR_UNSUPPORTED;

    dnnl_primitive_desc_t hint, descriptor;
    enum status st = describe(bn, &hint);
    if (st)
        return st;
    dnnl_batch_normalization_desc_t back;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_batch_normalization_backward_desc_init(
        &back, dnnl_backward, &bn->md, &bn->md, bn->epsilon, bn->flags);
    if (!code)
        code =
            dnnl_primitive_desc_create(&descriptor, &back, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    if (code)
        return layout_fail(code, "batch normalization backward");

    int dx = build_slot(build, DTYPE_F32, &node->inputs[0]->shape, &bn->md);
    int dscale = build_slot(build, DTYPE_F32, &node->inputs[1]->shape, NULL);
    int dshift = build_slot(build, DTYPE_F32, &node->inputs[2]->shape, NULL);
    struct arg args[12] = {{DNNL_ARG_SRC, bn->input},
                           {DNNL_ARG_MEAN, bn->mean},
                           {DNNL_ARG_VARIANCE, bn->variance},
                           {DNNL_ARG_DIFF_DST, gradient},
                           {DNNL_ARG_SCALE, build_plain(build, node->inputs[1])},
                           {DNNL_ARG_SHIFT, build_plain(build, node->inputs[2])},
                           {DNNL_ARG_DIFF_SRC, dx},
                           {DNNL_ARG_DIFF_SCALE, dscale},
                           {DNNL_ARG_DIFF_SHIFT, dshift}};
    int n = 9;
    if (bn->workspace >= 0)
        args[n++] = (struct arg){DNNL_ARG_WORKSPACE, bn->workspace};
    st = build_primitive(build, descriptor, "batch normalization backward", args, n);
    if (st)
        return st;
    build_give(build, node->inputs[0], dx);
    build_give(build, node->inputs[1], dscale);
    build_give(build, node->inputs[2], dshift);
    return OK;
}

const struct kernel kernel_batchnorm = {
    .name = "batchnorm",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .fuses_activation = true,
};
