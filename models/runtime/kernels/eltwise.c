/* Activations and other functions of one number, where they are not part of a layer. */
#include "models/runtime/build.h"

static bool accepts(const struct builder *build, const struct layer *layer)
{
    struct activation act;
    (void)build;
    return layer->node->inputs[0]->dtype == DTYPE_F32 && activation_of(layer->node, &act);
}

static enum status describe(const struct activation *act, const dnnl_memory_desc_t *md,
                            dnnl_primitive_desc_t *out)
{
    dnnl_eltwise_desc_t descriptor;
    dnnl_status_t code = dnnl_eltwise_forward_desc_init(
        &descriptor, dnnl_forward_training, act->algorithm, md, act->alpha, act->beta);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "eltwise");
}

static enum status forward(struct builder *build, struct layer *layer)
{
    activation_of(layer->node, &layer->act);
    struct value *x = layer->node->inputs[0];
    int in = activation_keeps_zero(&layer->act) ? build_first(build, x) : build_plain(build, x);
    if (in < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md = build_at(build, in)->md;
    dnnl_primitive_desc_t descriptor;
    enum status st = describe(&layer->act, &md, &descriptor);
    if (st)
        return st;
    int out = build_slot(build, DTYPE_F32, &x->shape, &md);
    struct arg args[] = {{DNNL_ARG_SRC, in}, {DNNL_ARG_DST, out}};
    st = build_primitive(build, descriptor, "eltwise", args, 2);
    if (!st)
        build_define(build, layer->output, out);
    return st;
}

static enum status backward_smooth(struct builder *build, struct layer *layer)
{
    struct value *x = layer->node->inputs[0];
    int gradient = build_gradient(build, layer->output);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md = build_at(build, gradient)->md;
    int in = build_form(build, x, &md);
    dnnl_primitive_desc_t hint, descriptor;
    enum status st = describe(&layer->act, &md, &hint);
    if (st || in < 0)
        return ERR_UNSUPPORTED;
    dnnl_eltwise_desc_t back;
    dnnl_status_t code = dnnl_eltwise_backward_desc_init(&back, layer->act.algorithm, &md, &md,
                                                         layer->act.alpha, layer->act.beta);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(&descriptor, &back, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    if (code)
        return layout_fail(code, "eltwise backward");
    int out = build_slot(build, DTYPE_F32, &x->shape, &md);
    struct arg args[] = {
        {DNNL_ARG_SRC, in}, {DNNL_ARG_DIFF_DST, gradient}, {DNNL_ARG_DIFF_SRC, out}};
    st = build_primitive(build, descriptor, "eltwise backward", args, 3);
    if (!st)
        build_give(build, x, out);
    return st;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    if (layer->act.kind == ACT_SMOOTH)
        return backward_smooth(build, layer);
    int gradient = build_gradient_before(build, layer);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    build_give(build, layer->node->inputs[0], gradient);
    return OK;
}

const struct kernel kernel_eltwise = {
    .name = "eltwise",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
