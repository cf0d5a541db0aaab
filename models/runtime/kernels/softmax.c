/* Softmax and LogSoftmax; before opset 13 over all dimensions from the axis on. */
#include "models/runtime/build.h"

#include <string.h>

struct softmax {
    struct shape shape;      /* as oneDNN sees it */
    int axis;
    bool logarithm;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    return !node->op->domain && node->inputs[0]->dtype == DTYPE_F32 &&
           (!strcmp(node->op->name, "Softmax") || !strcmp(node->op->name, "LogSoftmax"));
}

static struct softmax *prepare(struct builder *build, const struct node *node)
{
    struct softmax *softmax = build_alloc(build, sizeof *softmax);
    const struct shape *x = &node->inputs[0]->shape;
    bool flat = node->version < 13;
    int64_t axis = node_int(node, "axis", flat ? 1 : -1);
    if (axis < 0)
        axis += x->rank;
    softmax->shape = *x;
    softmax->axis = (int)axis;
    softmax->logarithm = node->op->name[0] == 'L';
    if (flat) {
        softmax->shape = (struct shape){.rank = 2, .dim = {1, 1}};
        for (int i = 0; i < x->rank; i++)
            softmax->shape.dim[i >= axis] *= x->dim[i];
        softmax->axis = 1;
    }
    return softmax;
}

static enum status describe(const struct softmax *softmax, dnnl_primitive_desc_t *out)
{
    dnnl_memory_desc_t md;
    layout_plain(&md, DTYPE_F32, &softmax->shape);
    dnnl_softmax_v2_desc_t descriptor;
    dnnl_status_t code = dnnl_softmax_v2_forward_desc_init(
        &descriptor, dnnl_forward_training,
        softmax->logarithm ? dnnl_softmax_log : dnnl_softmax_accurate, &md, &md,
        softmax->axis);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "softmax");
}

static enum status forward(struct builder *build, struct layer *layer)
{
    struct softmax *softmax = prepare(build, layer->node);
    int x = build_plain(build, layer->node->inputs[0]);
    dnnl_primitive_desc_t descriptor;
    enum status st = x < 0 ? ERR_UNSUPPORTED : describe(softmax, &descriptor);
    if (st)
        return st;
    int y = build_slot(build, DTYPE_F32, &layer->output->shape, NULL);
    struct arg args[] = {{DNNL_ARG_SRC, build_view(build, x, &softmax->shape)},
                         {DNNL_ARG_DST, build_view(build, y, &softmax->shape)}};
    st = build_primitive(build, descriptor, "softmax", args, 2);
    if (!st)
        build_define(build, layer->output, y);
    layer->state = softmax;
    return st;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct softmax *softmax = layer->state;
    int gradient = build_gradient(build, layer->output), y = build_plain(build, layer->output);
    if (gradient >= 0)
        gradient = build_plain_slot(build, gradient);
    if (gradient < 0 || y < 0)
        return ERR_UNSUPPORTED;
    dnnl_primitive_desc_t hint, descriptor;
    enum status st = describe(softmax, &hint);
    if (st)
        return st;
    dnnl_memory_desc_t md;
    layout_plain(&md, DTYPE_F32, &softmax->shape);
    dnnl_softmax_v2_desc_t back;
    dnnl_status_t code = dnnl_softmax_v2_backward_desc_init(
        &back, softmax->logarithm ? dnnl_softmax_log : dnnl_softmax_accurate, &md, &md, &md,
        softmax->axis);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(&descriptor, &back, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    if (code)
        return layout_fail(code, "softmax backward");
    struct value *x = layer->node->inputs[0];
    int out = build_slot(build, DTYPE_F32, &x->shape, NULL);
    struct arg args[] = {{DNNL_ARG_DST, build_view(build, y, &softmax->shape)},
                         {DNNL_ARG_DIFF_DST, build_view(build, gradient, &softmax->shape)},
                         {DNNL_ARG_DIFF_SRC, build_view(build, out, &softmax->shape)}};
    st = build_primitive(build, descriptor, "softmax backward", args, 3);
    if (!st)
        build_give(build, x, out);
    return st;
}

const struct kernel kernel_softmax = {
    .name = "softmax",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
