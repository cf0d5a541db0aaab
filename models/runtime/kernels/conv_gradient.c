/* Gradients of Conv: of its input, its weights, its bias. */
#include "models/runtime/kernels/conv.h"

/* A forward description without post-ops: oneDNN wants it as a hint. */
static enum status plain_hint(const struct conv *conv, const dnnl_memory_desc_t *src,
                              const dnnl_memory_desc_t *dst, dnnl_primitive_desc_t *out)
{
    dnnl_memory_desc_t weights;
    layout_any(&weights, DTYPE_F32, &conv->grouped);
    dnnl_convolution_desc_t descriptor;
    const struct window *w = &conv->window;
    dnnl_status_t code = dnnl_dilated_convolution_forward_desc_init(
        &descriptor, dnnl_forward_training, dnnl_convolution_direct, src, &weights, NULL, dst,
        w->stride, w->dilation, w->left, w->right);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, NULL, layout_engine(), NULL);
    return layout_fail(code, "conv hint");
}

static enum status describe_data(const struct conv *conv, const dnnl_memory_desc_t *dsrc,
                                 const dnnl_memory_desc_t *ddst, dnnl_primitive_desc_t *out)
{
    const struct window *w = &conv->window;
    dnnl_memory_desc_t weights, any = *dsrc, any_dst = *ddst;
    layout_any(&weights, DTYPE_F32, &conv->grouped);
    dnnl_primitive_desc_t hint;
    enum status st = plain_hint(conv, dsrc, ddst, &hint);
    if (st)
        return st;
    dnnl_convolution_desc_t descriptor;
    dnnl_status_t code = dnnl_dilated_convolution_backward_data_desc_init(
        &descriptor, dnnl_convolution_direct, &any, &weights, &any_dst, w->stride, w->dilation,
        w->left, w->right);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    return layout_fail(code, "conv backward");
}

/* In the gradient's layout; in another one where oneDNN would fall into its plain code. */
static enum status choose_data(struct builder *build, const struct conv *conv,
                               const struct shape *x, int gradient, dnnl_primitive_desc_t *out)
{
    dnnl_memory_desc_t any, any_dst;
    /* Pictures: a blocked kernel would pad three channels to sixteen. */
    if (x->dim[1] <= 4 && conv->window.stride[0] > 1 && conv->grouped.rank == x->rank) {
        layout_plain(&any, DTYPE_F32, x);
        layout_plain(&any_dst, DTYPE_F32, &build_at(build, gradient)->shape);
        enum status plain = describe_data(conv, &any, &any_dst, out);
        if (!plain && !layout_is_reference(*out))
            return OK;
        if (!plain)
            dnnl_primitive_desc_destroy(*out);
    }
    layout_any(&any, DTYPE_F32, x);
    enum status st = describe_data(conv, &any, &build_at(build, gradient)->md, out);
    if (!st && !layout_is_reference(*out))
        return OK;
    if (!st)
        dnnl_primitive_desc_destroy(*out);
    layout_any(&any_dst, DTYPE_F32, &build_at(build, gradient)->shape);
    return describe_data(conv, &any, &any_dst, out);
}

/* By oneDNN's kernels. The weights are a value, or where that is NULL a slot of the
 * grouped shape. */
static int data_gradient(struct builder *build, const struct conv *conv, const struct shape *x,
                         struct value *value, int slot, int gradient)
{
    dnnl_primitive_desc_t descriptor;
    if (choose_data(build, conv, x, gradient, &descriptor))
        return -1;
    dnnl_memory_desc_t dsrc =
        *dnnl_primitive_desc_query_md(descriptor, dnnl_query_diff_src_md, 0);
    dnnl_memory_desc_t weights =
        *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    dnnl_memory_desc_t ddst =
        *dnnl_primitive_desc_query_md(descriptor, dnnl_query_diff_dst_md, 0);
    int out = build_slot(build, DTYPE_F32, x, &dsrc);
    struct arg args[] = {
        {DNNL_ARG_DIFF_DST, build_reorder(build, gradient, &ddst)},
        {DNNL_ARG_WEIGHTS, value ? conv_weights_form(build, value, &conv->grouped, &weights)
                                 : build_reorder(build, slot, &weights)},
        {DNNL_ARG_DIFF_SRC, out},
    };
    if (args[0].slot < 0 || args[1].slot < 0) {
        dnnl_primitive_desc_destroy(descriptor);
        return -1;
    }
    return build_primitive(build, descriptor, "conv backward data", args, 3) ? -1 : out;
}

int conv_input_gradient(struct builder *build, const struct window *window,
                        const struct shape *grouped, const struct shape *x, int weights,
                        int gradient)
{
    struct conv conv = {.window = *window, .grouped = *grouped};
    int out = conv_winograd_turned(build, &conv, x, weights, gradient);
    return out >= 0 ? out : data_gradient(build, &conv, x, NULL, weights, gradient);
}

enum status conv_backward_data(struct builder *build, struct layer *layer, int gradient)
{
    struct value *x = layer->node->inputs[0], *w = layer->node->inputs[1];
    int out =
        conv_winograd_turned(build, layer->state, &x->shape, build_plain(build, w), gradient);
    if (out < 0)
        out = data_gradient(build, layer->state, &x->shape, w, -1, gradient);
    if (out < 0)
        return ERR_UNSUPPORTED;
    build_give(build, x, out);
    return OK;
}

static enum status describe_weights(const struct conv *conv, const dnnl_memory_desc_t *src,
                                    const dnnl_memory_desc_t *ddst,
                                    const struct shape *bias, dnnl_primitive_desc_t *out)
{
    const struct window *w = &conv->window;
    dnnl_memory_desc_t dweights, dbias = {0};
    layout_any(&dweights, DTYPE_F32, &conv->grouped);
    if (bias)
        layout_plain(&dbias, DTYPE_F32, bias);
    dnnl_primitive_desc_t hint;
    enum status st = plain_hint(conv, src, ddst, &hint);
    if (st)
        return st;
    dnnl_convolution_desc_t descriptor;
    dnnl_status_t code = dnnl_dilated_convolution_backward_weights_desc_init(
        &descriptor, dnnl_convolution_direct, src, &dweights, bias ? &dbias : NULL, ddst,
        w->stride, w->dilation, w->left, w->right);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    return layout_fail(code, "conv backward weights");
}

/* A weight gradient in the weights' own shape, plain. */
static int ungrouped(struct builder *build, int slot, const struct value *weights)
{
    slot = build_plain_slot(build, slot);
    if (slot < 0 || build_at(build, slot)->shape.rank == weights->shape.rank)
        return slot;
    return build_view(build, slot, &weights->shape);
}

/* In the layouts of the forward pass, or where there is no kernel for them in oneDNN's. */
static enum status choose_weights(struct builder *build, const struct layer *layer,
                                  int gradient, const struct shape *bias,
                                  dnnl_primitive_desc_t *out)
{
    const struct conv *conv = layer->state;
    enum status st =
        describe_weights(conv, &conv->src, &build_at(build, gradient)->md, bias, out);
    if (!st)
        return OK;
    dnnl_memory_desc_t src, ddst;
    layout_any(&src, DTYPE_F32, &layer->node->inputs[0]->shape);
    layout_any(&ddst, DTYPE_F32, &layer->output->shape);
    return describe_weights(conv, &src, &ddst, bias, out);
}

enum status conv_backward_weights(struct builder *build, struct layer *layer, int gradient)
{
    const struct conv *conv = layer->state;
    struct value *weights = layer->node->inputs[1];
    struct value *bias = conv->has_bias ? layer->node->inputs[2] : NULL;
    if (bias && !build_wants(build, bias))
        bias = NULL;
    int tiled = conv_winograd_weights(build, layer, gradient);
    if (tiled >= 0) {
        build_give(build, weights, tiled);
        return OK;
    }
    dnnl_primitive_desc_t pd;
    enum status st = choose_weights(build, layer, gradient, bias ? &bias->shape : NULL, &pd);
    if (st)
        return st;
    dnnl_memory_desc_t src = *dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    dnnl_memory_desc_t ddst = *dnnl_primitive_desc_query_md(pd, dnnl_query_diff_dst_md, 0);
    dnnl_memory_desc_t dw = *dnnl_primitive_desc_query_md(pd, dnnl_query_diff_weights_md, 0);
    int out = build_slot(build, DTYPE_F32, &conv->grouped, &dw);
    int out_bias = bias ? build_slot(build, DTYPE_F32, &bias->shape, NULL) : -1;
    struct arg args[4] = {{DNNL_ARG_SRC, build_reorder(build, conv->input, &src)},
                          {DNNL_ARG_DIFF_DST, build_reorder(build, gradient, &ddst)},
                          {DNNL_ARG_DIFF_WEIGHTS, out},
                          {DNNL_ARG_DIFF_BIAS, out_bias}};
    if (args[0].slot < 0 || args[1].slot < 0) {
        dnnl_primitive_desc_destroy(pd);
        return ERR_UNSUPPORTED;
    }
    st = build_primitive(build, pd, "conv backward weights", args, bias ? 4 : 3);
    if (st)
        return st;
    out = ungrouped(build, out, weights);
    if (out < 0)
        return ERR_UNSUPPORTED;
    build_give(build, weights, out);
    if (bias)
        build_give(build, bias, out_bias);
    return OK;
}
