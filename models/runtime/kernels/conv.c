/* Conv, with bias, residual and activation, in the layouts that oneDNN likes best. */
#include "models/runtime/kernels/conv.h"

#include <string.h>

struct conv {
    struct window window;
    dnnl_memory_desc_t src, weights, bias, dst;
    struct shape grouped;      /* the weights' shape as oneDNN wants it */
    bool has_bias;
    int input;                 /* slot that forward read: for the weights' gradient */
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    return !node->op->domain && !strcmp(node->op->name, "Conv") &&
           node->inputs[0]->dtype == DTYPE_F32 && node->inputs[0]->shape.rank >= 3 &&
           node->inputs[0]->shape.rank <= 5;
}

/* [O][I/g][k...] as [g][O/g][I/g][k...] where there are groups. */
struct shape conv_grouped(const struct node *node, const struct shape *weights)
{
    struct shape shape = *weights;
    int64_t groups = node_int(node, "group", 1);
    if (groups == 1)
        return shape;
    struct shape out = {.rank = shape.rank + 1, .dim = {groups, shape.dim[0] / groups}};
    for (int i = 1; i < shape.rank; i++)
        out.dim[i + 1] = shape.dim[i];
    return out;
}

/* The weights in the layout the primitive chose. */
static int weights_form(struct builder *build, struct value *value, const struct shape *shape,
                        const dnnl_memory_desc_t *md)
{
    if (shape->rank == value->shape.rank)
        return build_form(build, value, md);
    int plain = build_first(build, value);
    const struct slot *slot = build_at(build, plain);
    int view = slot->kind == SLOT_CONSTANT
                   ? build_constant(build, DTYPE_F32, shape, NULL, slot->data)
                   : build_view(build, plain, shape);
    return build_reorder(build, view, md);
}

static enum status describe(const struct layer *layer, const struct conv *conv,
                            dnnl_alg_kind_t algorithm, dnnl_primitive_desc_t *out)
{
    const struct node *node = layer->node;
    const struct shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    dnnl_memory_desc_t src, weights, bias = {0}, dst;
    layout_any(&src, DTYPE_F32, x);
    layout_any(&weights, DTYPE_F32, &conv->grouped);
    layout_any(&dst, DTYPE_F32, y);
    if (conv->has_bias)
        layout_plain(&bias, DTYPE_F32, &node->inputs[2]->shape);
    dnnl_convolution_desc_t descriptor;
    const struct window *w = &conv->window;
    dnnl_status_t code = dnnl_dilated_convolution_forward_desc_init(
        &descriptor,
        algorithm == dnnl_convolution_winograd ? dnnl_forward_inference : dnnl_forward_training,
        algorithm, &src, &weights,
        conv->has_bias ? &bias : NULL, &dst, w->stride, w->dilation, w->left, w->right);
    if (code)
        return layout_fail(code, "conv");
    dnnl_memory_desc_t residual;
    if (layer->residual)
        layout_any(&residual, DTYPE_F32, y);
    dnnl_primitive_attr_t attr =
        build_attributes(&layer->act, layer->residual ? &residual : NULL);
    code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "conv");
}

/* Winograd's F(2x2, 3x3) and F(4x4, 3x3) save products (Lavin & Gray 2015, arXiv:1509.09308).
 * On ResNet-20, 32 and 56 the logits stay as near to the golden ones as with direct
 * convolution. A rule by shape, not a measurement: plans must be the same everywhere. */
static bool suits_winograd(const struct builder *build, const struct layer *layer,
                           const struct conv *conv)
{
    const struct window *w = &conv->window;
    const struct shape *x = &layer->node->inputs[0]->shape, *y = &layer->node->outputs[0]->shape;
    return build->mode != PLAN_TRAIN && !layer->residual && w->n == 2 && w->kernel[0] == 3 &&
           w->kernel[1] == 3 && w->stride[0] == 1 && w->stride[1] == 1 && !w->dilation[0] &&
           !w->dilation[1] && node_int(layer->node, "group", 1) == 1 && x->dim[1] >= 16 &&
           y->dim[1] >= 16;
}

static enum status choose(const struct builder *build, const struct layer *layer,
                          const struct conv *conv, dnnl_primitive_desc_t *out)
{
    if (suits_winograd(build, layer, conv) &&
        !describe(layer, conv, dnnl_convolution_winograd, out))
        return OK;
    return describe(layer, conv, dnnl_convolution_direct, out);
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct conv *conv = build_alloc(build, sizeof *conv);
    conv->grouped = conv_grouped(node, &node->inputs[1]->shape);
    conv->has_bias = node->n_inputs > 2 && node->inputs[2];
    window_of(node, &node->inputs[0]->shape, &node->outputs[0]->shape,
              &node->inputs[1]->shape, &conv->window);
    dnnl_primitive_desc_t descriptor;
    enum status st = choose(build, layer, conv, &descriptor);
    if (st)
        return st;
    conv->src = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_src_md, 0);
    conv->weights = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    conv->dst = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_dst_md, 0);
    struct arg args[8] = {
        {DNNL_ARG_SRC, build_form(build, node->inputs[0], &conv->src)},
        {DNNL_ARG_WEIGHTS,
         weights_form(build, node->inputs[1], &conv->grouped, &conv->weights)},
    };
    int n = 2;
    conv->input = args[0].slot;
    if (conv->has_bias)
        args[n++] = (struct arg){DNNL_ARG_BIAS, build_plain(build, node->inputs[2])};
    if (layer->residual)
        args[n++] = (struct arg){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                                 build_form(build, layer->residual, &conv->dst)};
    for (int i = 0; i < n; i++)
        if (args[i].slot < 0) {
            dnnl_primitive_desc_destroy(descriptor);
            return ERR_UNSUPPORTED;
        }
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, &conv->dst);
    args[n++] = (struct arg){DNNL_ARG_DST, out};
    st = build_primitive(build, descriptor, "conv", args, n);
    if (!st)
        build_define(build, layer->output, out);
    layer->state = conv;
    return st;
}

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

/* The weights are a value, or where that is NULL a slot of the grouped shape. */
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
        {DNNL_ARG_WEIGHTS, value ? weights_form(build, value, &conv->grouped, &weights)
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
    return data_gradient(build, &conv, x, NULL, weights, gradient);
}

/* Gradient of the input. */
static enum status backward_data(struct builder *build, struct layer *layer, int gradient)
{
    struct value *x = layer->node->inputs[0];
    int out = data_gradient(build, layer->state, &x->shape, layer->node->inputs[1], -1,
                            gradient);
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

/* Gradients of weights and bias. */
static enum status backward_weights(struct builder *build, struct layer *layer, int gradient)
{
    const struct conv *conv = layer->state;
    struct value *weights = layer->node->inputs[1];
    struct value *bias = conv->has_bias ? layer->node->inputs[2] : NULL;
    if (bias && !build_wants(build, bias))
        bias = NULL;
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

static enum status backward(struct builder *build, struct layer *layer)
{
    int gradient = build_gradient_before(build, layer);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    if (layer->residual)
        build_give(build, layer->residual, gradient);
    enum status st = OK;
    if (build_wants(build, layer->node->inputs[1]))
        st = backward_weights(build, layer, gradient);
    if (!st && build_wants(build, layer->node->inputs[0]))
        st = backward_data(build, layer, gradient);
    return st;
}

const struct kernel kernel_conv = {
    .name = "conv",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .fuses_activation = true,
    .fuses_smooth = true,
    .fuses_residual = true,
};
