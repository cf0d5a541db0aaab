/* LayerNormalization over the last dimension, with constant scale and bias. */
#include "models/runtime/build.h"

#include <string.h>

struct layernorm {
    int in, mean, variance, scale;
    dnnl_memory_desc_t md;
    float epsilon;
    unsigned flags;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    if (node->op->domain || strcmp(node->op->name, "LayerNormalization") ||
        build->mode == PLAN_TRAIN || node->inputs[0]->dtype != DTYPE_F32)
        return false;
    const struct shape *x = &node->inputs[0]->shape;
    int64_t axis = node_int(node, "axis", -1);
    for (int i = 1; i < node->n_outputs; i++)
        if (node->outputs[i] && node->outputs[i]->uses)
            return false;
    for (int i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && (!node->inputs[i]->constant ||
                                shape_count(&node->inputs[i]->shape) != x->dim[x->rank - 1]))
            return false;
    return x->rank >= 2 && x->rank <= 5 && (axis == -1 || axis == x->rank - 1) &&
           node->n_inputs > 1;
}

static int row_of(struct builder *build, struct value *value)
{
    struct shape row = {.rank = 1, .dim = {shape_count(&value->shape)}};
    return build_constant(build, DTYPE_F32, &row, NULL, value->constant->data);
}

static enum status describe(const struct layernorm *ln, const dnnl_memory_desc_t *statistics,
                            dnnl_primitive_desc_t *out)
{
    dnnl_layer_normalization_desc_t descriptor;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_layer_normalization_forward_desc_init(
        &descriptor, dnnl_forward_training, &ln->md, statistics, ln->epsilon, ln->flags);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "layer normalization");
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct layernorm *ln = build_alloc(build, sizeof *ln);
    bool shifts = node->n_inputs > 2 && node->inputs[2];
    struct shape rows = node->inputs[0]->shape;
    rows.rank--;
    ln->in = build_plain(build, node->inputs[0]);
    if (ln->in < 0)
        return ERR_UNSUPPORTED;
    ln->md = build_at(build, ln->in)->md;
    ln->epsilon = node_float(node, "epsilon", 1e-5f);
    ln->flags = dnnl_use_scale | (shifts ? dnnl_use_shift : 0u);
    ln->mean = build_slot(build, DTYPE_F32, &rows, NULL);
    ln->variance = build_slot(build, DTYPE_F32, &rows, NULL);
    ln->scale = row_of(build, node->inputs[1]);
    dnnl_memory_desc_t statistics = build_at(build, ln->mean)->md;
    dnnl_primitive_desc_t descriptor;
    enum status st = describe(ln, &statistics, &descriptor);
    if (st)
        return st;
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, NULL);
    struct arg args[7] = {{DNNL_ARG_SRC, ln->in},          {DNNL_ARG_SCALE, ln->scale},
                          {DNNL_ARG_MEAN, ln->mean},       {DNNL_ARG_VARIANCE, ln->variance},
                          {DNNL_ARG_DST, out}};
    int n = 5;
    if (shifts)
        args[n++] = (struct arg){DNNL_ARG_SHIFT, row_of(build, node->inputs[2])};
    st = build_primitive(build, descriptor, "layer normalization", args, n);
    if (!st)
        build_define(build, layer->output, out);
    layer->state = ln;
    return st;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct layernorm *ln = layer->state;
    struct value *x = layer->node->inputs[0];
    int gradient = build_gradient(build, layer->output);
    if (gradient >= 0)
        gradient = build_plain_slot(build, gradient);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t statistics = build_at(build, ln->mean)->md;
    dnnl_primitive_desc_t hint, descriptor;
    enum status st = describe(ln, &statistics, &hint);
    if (st)
        return st;
    dnnl_layer_normalization_desc_t back;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_layer_normalization_backward_desc_init(
        &back, dnnl_backward_data, &ln->md, &ln->md, &statistics, ln->epsilon, ln->flags);
    if (!code)
        code = dnnl_primitive_desc_create(&descriptor, &back, attr, layout_engine(), hint);
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    if (code)
        return layout_fail(code, "layer normalization backward");
    int out = build_slot(build, DTYPE_F32, &x->shape, NULL);
    struct arg args[] = {{DNNL_ARG_SRC, ln->in},      {DNNL_ARG_MEAN, ln->mean},
                         {DNNL_ARG_VARIANCE, ln->variance}, {DNNL_ARG_SCALE, ln->scale},
                         {DNNL_ARG_DIFF_DST, gradient}, {DNNL_ARG_DIFF_SRC, out}};
    st = build_primitive(build, descriptor, "layer normalization backward", args, 6);
    if (!st)
        build_give(build, x, out);
    return st;
}

const struct kernel kernel_layernorm = {
    .name = "layernorm",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
