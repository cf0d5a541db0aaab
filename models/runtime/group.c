/*
 * Which nodes run as one step: a node, then the addition of a residual, then an
 * activation, as far as its kernel can take them in. A layer runs where its last node
 * stood, when the residual is known.
 */
#include "models/runtime/group.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    dnnl_alg_kind_t algorithm;
    float alpha, beta;
} smooth[] = {
    {"Sigmoid", dnnl_eltwise_logistic, 0, 0},
    {"Tanh", dnnl_eltwise_tanh, 0, 0},
    {"Gelu", dnnl_eltwise_gelu_erf, 0, 0},
    {"Softplus", dnnl_eltwise_soft_relu, 0, 0},
    {"Exp", dnnl_eltwise_exp, 0, 0},
    {"Log", dnnl_eltwise_log, 0, 0},
    {"Sqrt", dnnl_eltwise_sqrt, 0, 0},
    {"Abs", dnnl_eltwise_abs, 0, 0},
    {"Neg", dnnl_eltwise_linear, -1, 0},
    {"HardSwish", dnnl_eltwise_hardswish, 0, 0},
    {"Mish", dnnl_eltwise_mish, 0, 0},
};

static bool scalar(const struct node *node, int input, float *out)
{
    if (node->n_inputs <= input || !node->inputs[input])
        return true;
    const struct tensor *tensor = node->inputs[input]->constant;
    if (!tensor || shape_count(&tensor->shape) != 1)
        return false;
    *out = (float)tensor_get(tensor, 0);
    return true;
}

static bool clip_of(const struct node *node, struct activation *out)
{
    float low = -__builtin_inff(), high = __builtin_inff();
    if (node->version < 11) {
        low = node_float(node, "min", low);
        high = node_float(node, "max", high);
    } else if (!scalar(node, 1, &low) || !scalar(node, 2, &high)) {
        return false;
    }
    *out = (struct activation){ACT_CLIP, dnnl_eltwise_clip, low, high};
    return low < high;
}

bool activation_of(const struct node *node, struct activation *out)
{
    const char *name = node->op->name;
    if (node->outputs[0]->dtype != DTYPE_F32)
        return false;
    if (node->op->domain) {
        *out = (struct activation){ACT_SMOOTH, dnnl_eltwise_swish,
                                   node_float(node, "alpha", 1.702f), 0};
        return !strcmp(node->op->domain, "com.microsoft") && !strcmp(name, "QuickGelu");
    }
    if (!strcmp(name, "Relu")) {
        *out = (struct activation){ACT_RELU, dnnl_eltwise_relu, 0, 0};
        return true;
    }
    if (!strcmp(name, "Clip"))
        return clip_of(node, out);
    if (!strcmp(name, "LeakyRelu") || !strcmp(name, "Elu")) {
        bool leaky = name[0] == 'L';
        *out = (struct activation){ACT_SMOOTH, leaky ? dnnl_eltwise_relu : dnnl_eltwise_elu,
                                   node_float(node, "alpha", leaky ? 0.01f : 1.0f), 0};
        return true;
    }
    if (!strcmp(name, "Gelu") && strcmp(node_string(node, "approximate", "none"), "none"))
        return false;
    for (size_t i = 0; i < sizeof smooth / sizeof smooth[0]; i++)
        if (!strcmp(name, smooth[i].name)) {
            *out = (struct activation){ACT_SMOOTH, smooth[i].algorithm, smooth[i].alpha,
                                       smooth[i].beta};
            return true;
        }
    return false;
}

bool activation_keeps_zero(const struct activation *act)
{
    switch (act->algorithm) {
    case dnnl_eltwise_clip: return act->alpha <= 0 && act->beta >= 0;
    case dnnl_eltwise_logistic:
    case dnnl_eltwise_soft_relu:
    case dnnl_eltwise_exp:
    case dnnl_eltwise_log: return false;
    default: return true;
    }
}

struct layer group_single(struct node *node)
{
    return (struct layer){.node = node, .output = node->outputs[0]};
}

const struct kernel *group_kernel(const struct builder *build, const struct layer *layer,
                                  const struct kernel *after)
{
    bool passed = !after;
    for (int i = 0; kernel_registry[i]; i++) {
        const struct kernel *kernel = kernel_registry[i];
        if (passed && (!kernel->accepts || kernel->accepts(build, layer)))
            return kernel;
        passed |= kernel == after;
    }
    return NULL;
}

/* By value id: the node that alone reads it; -1: none or several. */
static int *find_readers(const struct graph *graph)
{
    int *reader = mem_array((size_t)graph->n_values + 1, sizeof *reader);
    for (int i = 0; i < graph->n_values; i++)
        reader[i] = -1;
    for (int i = 0; i < graph->n_nodes; i++) {
        const struct node *node = graph->nodes[i];
        for (int k = 0; k < node->n_inputs; k++)
            if (node->inputs[k] && node->inputs[k]->uses == 1)
                reader[node->inputs[k]->id] = i;
    }
    return reader;
}

/* The other operand when `node` adds a tensor of the same shape to `value`. */
static struct value *residual_of(const struct node *node, const struct value *value)
{
    if (strcmp(node->op->name, "Add") || node->n_inputs != 2 ||
        node->outputs[0]->dtype != DTYPE_F32)
        return NULL;
    struct value *other = node->inputs[0] == value ? node->inputs[1] : node->inputs[0];
    if (other == value || other->constant || !shape_equal(&other->shape, &value->shape))
        return NULL;
    return other;
}

/* The constant when `node` adds one number per last dimension to `value`. */
static struct value *row_of(const struct node *node, const struct value *value)
{
    if (strcmp(node->op->name, "Add") || node->n_inputs != 2)
        return NULL;
    struct value *other = node->inputs[0] == value ? node->inputs[1] : node->inputs[0];
    int64_t last = value->shape.rank ? value->shape.dim[value->shape.rank - 1] : 0;
    if (other == value || !other->constant || other->dtype != DTYPE_F32 ||
        !shape_equal(&node->outputs[0]->shape, &value->shape) || !other->shape.rank ||
        other->shape.dim[other->shape.rank - 1] != last || shape_count(&other->shape) != last)
        return NULL;
    return other;
}

static void take(struct layer *layer, struct node *node)
{
    layer->fused[layer->n_fused++] = node;
    layer->output = node->outputs[0];
}

/* Takes in what follows; `owner[i]` is the layer that node i belongs to, or -1. */
static void fuse(struct builder *build, struct layer *layer, const int *reader,
                 const int *owner)
{
    for (;;) {
        struct value *value = layer->output;
        int next = value->uses == 1 ? reader[value->id] : -1;
        if (next < 0 || owner[next] >= 0 || layer->n_fused == LAYER_MAX_FUSED ||
            layer->node->n_outputs != 1)
            return;
        struct node *node = build->graph->nodes[next];
        /* Rounding after each op forbids arithmetic inside; Relu and Clip commute with it
         * (their bounds are constants, rounded alike). */
        bool rounds = build->plan->options.rounds && build->plan->options.rounds[value->id] &&
                      !build->plan->options.native;
        const struct kernel *kernel = layer->kernel;
        bool observes = build->plan->options.observe != NULL;
        struct value *other = rounds || observes ? NULL : residual_of(node, value);
        struct value *row = rounds ? NULL : row_of(node, value);
        struct activation act;
        if (row && kernel->fuses_bias && !layer->n_fused && layer->node->n_inputs == 2) {
            layer->bias = row;
            take(layer, node);
        } else if (other && kernel->fuses_residual && !layer->residual) {
            layer->residual = other;
            take(layer, node);
        } else if (kernel->fuses_activation && activation_of(node, &act) &&
                   (act.kind != ACT_SMOOTH ||
                    (kernel->fuses_smooth && build->mode == PLAN_INFER && !rounds))) {
            layer->act = act;
            take(layer, node);
            return;
        } else {
            return;
        }
    }
}

/* An Add fits into only one of its operands. Either would do, since the layer runs where
 * the Add stood; the later one is better, as less has to be kept until then. */
static bool better_in_the_other(const struct builder *build, const struct layer *layer,
                                const int *owner)
{
    const struct value *other = layer->residual;
    if (!other || !other->producer || other->uses != 1)
        return false;
    int theirs = other->producer->id;
    if (owner[theirs] >= 0 || theirs < layer->node->id)
        return false;
    struct layer single = group_single(other->producer);
    const struct kernel *kernel = group_kernel(build, &single, NULL);
    return kernel && kernel->fuses_residual;
}

void group_nodes(struct builder *build)
{
    const struct graph *graph = build->graph;
    int *reader = find_readers(graph);
    int *owner = mem_array((size_t)graph->n_nodes + 1, sizeof *owner);
    int *last = mem_array((size_t)graph->n_nodes + 1, sizeof *last);
    struct layer *made = mem_array((size_t)graph->n_nodes + 1, sizeof *made);
    for (int i = 0; i < graph->n_nodes; i++)
        owner[i] = last[i] = -1;
    int n = 0;
    for (int i = 0; i < graph->n_nodes; i++) {
        if (owner[i] >= 0)
            continue;
        struct layer layer = group_single(graph->nodes[i]);
        layer.kernel = group_kernel(build, &layer, NULL);
        if (layer.kernel) {
            fuse(build, &layer, reader, owner);
            if (better_in_the_other(build, &layer, owner)) {
                const struct kernel *kernel = layer.kernel;
                layer = group_single(graph->nodes[i]);
                layer.kernel = kernel;
            }
        }
        owner[i] = n;
        int end = i;
        for (int k = 0; k < layer.n_fused; k++) {
            end = layer.fused[k]->id;
            owner[end] = n;
        }
        last[end] = n;
        made[n++] = layer;
    }
    build->layers = mem_array((size_t)n + 1, sizeof *build->layers);
    for (int i = 0; i < graph->n_nodes; i++)
        if (last[i] >= 0)
            build->layers[build->n_layers++] = made[last[i]];
    free(made);
    free(last);
    free(owner);
    free(reader);
}
