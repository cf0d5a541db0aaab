/* Conv, with bias, residual and activation, in the layouts that oneDNN likes best. */
#include "models/runtime/kernels/conv.h"

#include <string.h>

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

int conv_weights_form(struct builder *build, struct value *value, const struct shape *grouped,
                      const dnnl_memory_desc_t *md)
{
    if (grouped->rank == value->shape.rank)
        return build_form(build, value, md);
    int plain = build_first(build, value);
    const struct slot *slot = build_at(build, plain);
    int view = slot->kind == SLOT_CONSTANT
                   ? build_constant(build, DTYPE_F32, grouped, NULL, slot->data)
                   : build_view(build, plain, grouped);
    return build_reorder(build, view, md);
}

static enum status describe(const struct layer *layer, const struct conv *conv,
                            dnnl_alg_kind_t algorithm, dnnl_primitive_desc_t *out)
{
    const struct node *node = layer->node;
    const struct shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    enum dtype type = conv->type == dnnl_bf16 ? DTYPE_BF16 : DTYPE_F32;
    dnnl_memory_desc_t src, weights, bias = {0}, dst;
    layout_any(&src, type, x);
    layout_any(&weights, type, &conv->grouped);
    layout_any(&dst, type, y);
    if (conv->has_bias)
        layout_plain(&bias, DTYPE_F32, &node->inputs[2]->shape);
    dnnl_convolution_desc_t descriptor;
    const struct window *w = &conv->window;
    dnnl_status_t code = dnnl_dilated_convolution_forward_desc_init(
        &descriptor,
        algorithm == dnnl_convolution_winograd ? dnnl_forward_inference : dnnl_forward_training,
        algorithm, &src, &weights, conv->has_bias ? &bias : NULL, &dst, w->stride,
        w->dilation, w->left, w->right);
    if (code)
        return layout_fail(code, "conv");
    dnnl_primitive_attr_t attr =
        build_attributes(&layer->act, layer->residual ? &dst : NULL);
    code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "conv");
}

static int form(struct builder *build, const struct conv *conv, struct value *value,
                const dnnl_memory_desc_t *md)
{
    return conv->type == dnnl_bf16 ? build_narrow(build, value, md)
                                   : build_form(build, value, md);
}

/* By oneDNN's kernels; the new slot, or -1. */
static int primitive(struct builder *build, struct layer *layer, struct conv *conv)
{
    const struct node *node = layer->node;
    dnnl_primitive_desc_t descriptor;
    bool winograd = build->mode != PLAN_TRAIN && conv->type == dnnl_f32 &&
                    conv_suits_winograd(conv, &node->inputs[0]->shape, &layer->output->shape);
    if ((!winograd || describe(layer, conv, dnnl_convolution_winograd, &descriptor)) &&
        describe(layer, conv, dnnl_convolution_direct, &descriptor))
        return -1;
    conv->src = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_src_md, 0);
    dnnl_memory_desc_t weights =
        *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    dnnl_memory_desc_t dst = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_dst_md, 0);
    struct arg args[8] = {
        {DNNL_ARG_SRC, form(build, conv, node->inputs[0], &conv->src)},
        {DNNL_ARG_WEIGHTS,
         conv_weights_form(build, node->inputs[1], &conv->grouped, &weights)},
    };
    int n = 2;
    conv->input = args[0].slot;
    if (conv->has_bias)
        args[n++] = (struct arg){DNNL_ARG_BIAS, build_plain(build, node->inputs[2])};
    if (layer->residual)
        args[n++] = (struct arg){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                                 form(build, conv, layer->residual, &dst)};
    for (int i = 0; i < n; i++)
        if (args[i].slot < 0) {
            dnnl_primitive_desc_destroy(descriptor);
            return -1;
        }
    int out = build_slot(build, conv->type == dnnl_bf16 ? DTYPE_BF16 : DTYPE_F32,
                         &layer->output->shape, &dst);
    args[n++] = (struct arg){DNNL_ARG_DST, out};
    return build_primitive(build, descriptor, "conv", args, n) ? -1 : out;
}

/* All that goes in and out is bfloat16, and the CPU multiplies it. */
static bool is_native(const struct builder *build, const struct layer *layer)
{
    const struct plan_options *options = &build->plan->options;
    return options->native && build->mode == PLAN_INFER &&
           options->rounds[layer->node->inputs[0]->id] == ROUND_BF16 &&
           options->rounds[layer->node->inputs[1]->id] == ROUND_BF16 &&
           options->rounds[layer->output->id] == ROUND_BF16 &&
           (!layer->residual || options->rounds[layer->residual->id] == ROUND_BF16);
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct conv *conv = build_alloc(build, sizeof *conv);
    conv->grouped = conv_grouped(node, &node->inputs[1]->shape);
    conv->has_bias = node->n_inputs > 2 && node->inputs[2];
    window_of(node, &node->inputs[0]->shape, &node->outputs[0]->shape,
              &node->inputs[1]->shape, &conv->window);
    conv->type = is_native(build, layer) ? dnnl_bf16 : dnnl_f32;
    layer->state = conv;
    int out = conv->type == dnnl_f32 ? conv_winograd_forward(build, layer, conv) : -1;
    if (out < 0)
        out = primitive(build, layer, conv);
    if (out < 0)
        return ERR_UNSUPPORTED;
    if (conv->type == dnnl_bf16)
        build_define_narrow(build, layer->output, out);
    else
        build_define(build, layer->output, out);
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
        st = conv_backward_weights(build, layer, gradient);
    if (!st && build_wants(build, layer->node->inputs[0]))
        st = conv_backward_data(build, layer, gradient);
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
