/* Conv, with bias, residual and activation, in the layouts that oneDNN likes best. */
#include "models/runtime/kernels/conv.h"

#include "base/simd.h"

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
                            dnnl_alg_kind_t algorithm, bool residual,
                            dnnl_primitive_desc_t *out)
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
    dnnl_primitive_attr_t attr = layer->residual && !residual
                                     ? build_attributes(NULL, NULL)
                                     : build_attributes(&layer->act, residual ? &dst : NULL);
    code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "conv");
}

bool conv_suits_winograd(const struct builder *build, const struct window *w,
                         const struct shape *grouped)
{
    return build->mode != PLAN_TRAIN && w->n == 2 && w->kernel[0] == 3 && w->kernel[1] == 3 &&
           w->stride[0] == 1 && w->stride[1] == 1 && !w->dilation[0] && !w->dilation[1] &&
           grouped->rank == 4 && grouped->dim[1] >= 16 && grouped->dim[0] >= 32;
}

bool conv_winograd_pays(const_dnnl_primitive_desc_t descriptor, const struct shape *y)
{
    const char *name = "";
    dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, (void *)&name);
    return strncmp(name, "jit_wino_4x3", 12) || y->dim[2] * y->dim[3] >= 24 * 24;
}

/* oneDNN's Winograd kernels take no second tensor: the residual is added behind them. */
static enum status choose(const struct builder *build, const struct layer *layer,
                          const struct conv *conv, bool *joins, dnnl_primitive_desc_t *out)
{
    *joins = layer->residual && layer->act.kind != ACT_SMOOTH &&
             activation_keeps_zero(&layer->act);
    if (conv_suits_winograd(build, &conv->window, &conv->grouped) &&
        (!layer->residual || *joins) &&
        !describe(layer, conv, dnnl_convolution_winograd, false, out)) {
        if (conv_winograd_pays(*out, &layer->output->shape))
            return OK;
        dnnl_primitive_desc_destroy(*out);
    }
    *joins = false;
    return describe(layer, conv, dnnl_convolution_direct, layer->residual != NULL, out);
}

/* y = act(y + residual), the activation as bounds. */
struct join {
    float low, high;
    int64_t count;
};

SIMD_CLONES
static void join(float *y, const float *residual, const struct join *j)
{
    float low = j->low, high = j->high;
    for (int64_t i = 0; i < j->count; i++) {
        float sum = y[i] + residual[i];
        sum = sum < low ? low : sum;
        y[i] = sum > high ? high : sum;
    }
}

static void run_join(const struct step *step, struct lane *lane)
{
    join(lane_arg(step, lane, 1), lane_arg(step, lane, 0), step->context);
}

static void add_join(struct builder *build, const struct layer *layer, int residual, int out)
{
    const struct activation *act = &layer->act;
    struct join *j = build_alloc(build, sizeof *j);
    *j = (struct join){-__builtin_inff(), __builtin_inff(),
                       (int64_t)(build_at(build, out)->bytes / sizeof(float))};
    if (act->kind != ACT_NONE)
        j->low = act->kind == ACT_CLIP ? act->alpha : 0;
    if (act->kind == ACT_CLIP)
        j->high = act->beta;
    struct arg args[] = {{0, residual}, {0, out}};
    build_step(build, run_join, "sum", j, args, 2);
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
    bool joins;
    enum status st = choose(build, layer, conv, &joins, &descriptor);
    if (st)
        return st;
    conv->src = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_src_md, 0);
    conv->weights = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    conv->dst = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_dst_md, 0);
    struct arg args[8] = {
        {DNNL_ARG_SRC, build_form(build, node->inputs[0], &conv->src)},
        {DNNL_ARG_WEIGHTS,
         conv_weights_form(build, node->inputs[1], &conv->grouped, &conv->weights)},
    };
    int n = 2;
    conv->input = args[0].slot;
    if (conv->has_bias)
        args[n++] = (struct arg){DNNL_ARG_BIAS, build_plain(build, node->inputs[2])};
    int residual = layer->residual ? build_form(build, layer->residual, &conv->dst) : -1;
    if (layer->residual && !joins)
        args[n++] =
            (struct arg){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, residual};
    for (int i = 0; i < n; i++)
        if (args[i].slot < 0 || (layer->residual && residual < 0)) {
            dnnl_primitive_desc_destroy(descriptor);
            return ERR_UNSUPPORTED;
        }
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, &conv->dst);
    args[n++] = (struct arg){DNNL_ARG_DST, out};
    st = build_primitive(build, descriptor, "conv", args, n);
    if (!st && joins)
        add_join(build, layer, residual, out);
    if (!st)
        build_define(build, layer->output, out);
    layer->state = conv;
    return st;
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
