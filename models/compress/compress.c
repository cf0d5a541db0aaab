#include "models/compress/compress.h"

#include "models/ops/op.h"
#include "models/runtime/passes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct method *method_find(const char *name)
{
    for (size_t i = 0; method_registry[i]; i++)
        if (!strcmp(method_registry[i]->name, name))
            return method_registry[i];
    return NULL;
}

static bool has_weights(const struct node *node)
{
    const char *name = node->op->name;
    if (node->op->domain || node->n_inputs < 2 || !node->inputs[1] ||
        !node->inputs[1]->constant || node->inputs[1]->dtype != DTYPE_F32)
        return false;
    int rank = node->inputs[1]->shape.rank;
    return (!strcmp(name, "Conv") && rank >= 3) ||
           ((!strcmp(name, "Gemm") || !strcmp(name, "MatMul")) && rank == 2);
}

/* The axis of the outputs: 0 of Conv and of Gemm's transposed matrix, else the last. */
static int output_axis(const struct node *node)
{
    if (!strcmp(node->op->name, "Conv"))
        return 0;
    return !strcmp(node->op->name, "Gemm") && node_int(node, "transB", 0) ? 0 : 1;
}

/* A weight of its own, under a name of its own, so that blocks can find it. */
static void own_weights(struct graph *graph, struct node *node)
{
    char *name = arena_format(&graph->arena, "%s_w%d", node->inputs[1]->name, node->id);
    node->inputs[1] = graph_constant(graph, name, node->inputs[1]->constant);
}

static void choose_grids(const struct compress *c, struct quant_layer *layer)
{
    const struct compress_rule *rule = c->rule;
    const float *w = layer->original->inputs[1]->constant->data;
    struct grid_rule grid_rule = rule->preset->weights;
    grid_rule.bits = layer->bits;
    bool each = rule->preset->per_channel;
    /* ONNX Runtime's integer convolutions take one zero point for all channels. Fewer bits
     * leave room to move the codes by it; see compress_export(). */
    grid_rule.symmetric |= each && layer->bits == 8;
    float *values = mem_array((size_t)layer->count, sizeof *values);
    for (int64_t channel = 0; channel < (each ? layer->channels : 1); channel++) {
        size_t n = 0;
        for (int64_t i = 0; i < layer->count; i++)
            if (!each || i / layer->inner % layer->channels == channel)
                values[n++] = w[i];
        struct statistics statistics = {0};
        double low, high;
        statistics_add(&statistics, values, n);
        rule->weight_observer->range(&statistics, &grid_rule, &low, &high);
        layer->grids[channel] = grid_for_range(&grid_rule, low, high);
        statistics_clear(&statistics);
    }
    for (int64_t channel = 1; !each && channel < layer->channels; channel++)
        layer->grids[channel] = layer->grids[0];
    free(values);
}

void compress_set_bits(struct compress *c, struct quant_layer *layer, int bits)
{
    layer->bits = bits;
    choose_grids(c, layer);
    const float *data = layer->original->inputs[1]->constant->data;
    for (int64_t k = 0; k < layer->count; k++)
        layer->codes[k] = grid_encode(layer_grid(layer, k), (double)data[k]);
    compress_apply(c, layer);
}

/* Each weight is used once for every output element of its channel. */
static int64_t count_macs(const struct quant_layer *layer)
{
    const struct value *out = layer->original->outputs[0];
    return shape_count(&out->shape) / layer->channels * layer->count;
}

static int find_act(struct compress *c, const char *name)
{
    int i = 0;
    while (i < c->n_acts && strcmp(c->acts[i].name, name))
        i++;
    if (i == c->n_acts)
        c->acts[c->n_acts++].name = name;
    return i;
}

static void describe_layer(struct compress *c, int i)
{
    struct quant_layer *layer = &c->layers[i];
    const struct compress_rule *rule = c->rule;
    const struct value *w = layer->original->inputs[1];
    bool edge = i == 0 || i == c->n_layers - 1;
    layer->input = find_act(c, layer->original->inputs[0]->name);
    struct quant_act *act = &c->acts[layer->input];
    int act_bits = edge && rule->act_bits <= 8 ? rule->edge_bits : rule->act_bits;
    act->bits = act_bits > act->bits ? act_bits : act->bits;
    layer->axis = output_axis(layer->original);
    layer->count = shape_count(&w->shape);
    layer->channels = w->shape.dim[layer->axis];
    layer->inner = layer->axis == 0 ? layer->count / layer->channels : 1;
    layer->macs = count_macs(layer);
    layer->sensitivity = NAN;
    layer->grids = mem_array((size_t)layer->channels, sizeof *layer->grids);
    layer->codes = mem_array((size_t)layer->count, sizeof *layer->codes);
    compress_set_bits(c, layer, edge ? rule->edge_bits : rule->weight_bits);
}

void compress_apply(struct compress *c, struct quant_layer *layer)
{
    (void)c;
    const float *w = layer->original->inputs[1]->constant->data;
    float *out = layer->node->inputs[1]->constant->data;
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < layer->count; i++) {
        out[i] = (float)grid_decode(layer_grid(layer, i), layer->codes[i]);
        double off = (double)out[i] - (double)w[i];
        signal += (double)w[i] * (double)w[i];
        noise += off * off;
    }
    layer->snr_db = noise > 0 ? 10 * log10(signal / noise) : HUGE_VAL;
}

static enum status prepare(struct compress *c, const struct graph *graph)
{
    int folded;
    enum status st = graph_copy(graph, &c->source);
    if (!st)
        st = graph_specialise(&c->source, 1, &c->full);
    if (!st)
        st = pass_logits(&c->full);
    if (!st)
        st = pass_fold_batchnorm(&c->full, &folded);
    for (int i = 0; i < c->rule->n_methods && !st; i++)
        if (c->rule->methods[i]->prepare)
            st = c->rule->methods[i]->prepare(c);
    if (!st)
        st = graph_copy(&c->full, &c->work);
    return st;
}

enum status compress_open(const struct graph *graph, const struct compress_rule *rule,
                          const float *x, size_t n_samples, struct compress *out)
{
    *out = (struct compress){.rule = rule, .x = x, .n_samples = n_samples};
    enum status st = prepare(out, graph);
    if (st) {
        compress_clear(out);
        return st;
    }
    out->n_input = (size_t)shape_count(&out->full.inputs[0]->shape);
    out->layers = mem_array((size_t)out->full.n_nodes + 1, sizeof *out->layers);
    out->acts = mem_array((size_t)out->full.n_nodes + 1, sizeof *out->acts);
    for (int i = 0; i < out->full.n_nodes; i++)
        if (has_weights(out->full.nodes[i])) {
            struct quant_layer *layer = &out->layers[out->n_layers++];
            layer->original = out->full.nodes[i];
            layer->node = out->work.nodes[i];
            own_weights(&out->work, layer->node);
        }
    if (!out->n_layers) {
        compress_clear(out);
        return status_fail(ERR_UNSUPPORTED,
                           "the network has no float weights to quantize");
    }
    for (int i = 0; i < out->n_layers; i++)
        describe_layer(out, i);
    st = graph_update(&out->work);
    if (st)
        compress_clear(out);
    return st;
}

void compress_clear(struct compress *c)
{
    for (int i = 0; i < c->n_layers; i++) {
        free(c->layers[i].grids);
        free(c->layers[i].codes);
    }
    free(c->layers);
    free(c->acts);
    free(c->loaded_steps);
    graph_clear(&c->staged);
    graph_clear(&c->work);
    graph_clear(&c->full);
    graph_clear(&c->source);
    *c = (struct compress){0};
}

enum status compress_run(struct compress *c)
{
    enum status st = OK;
    for (int i = 0; i < c->rule->n_methods && !st; i++)
        if (c->rule->methods[i]->run)
            st = c->rule->methods[i]->run(c);
    bool open = c->rule->act_bits <= 8 && c->acts[0].grid.scale == 0;
    return st || !open ? st : compress_ranges(c, &c->work);
}
