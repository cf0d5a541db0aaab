/*
 * Where a network can be cut: behind a node after which a single value is still to be
 * read. Between two cuts lies a block: a plain layer, or a residual block with its
 * shortcut, or a fire module. An inverted residual stays whole without a shortcut, too.
 */
#include "models/compress/compress.h"

#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

/* last[v]: the node that reads value v last; n_nodes for the output. */
static int *last_reads(const struct graph *graph)
{
    int *last = mem_array((size_t)graph->n_values + 1, sizeof *last);
    for (int i = 0; i < graph->n_values; i++)
        last[i] = -1;
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i]->n_inputs; k++)
            if (graph->nodes[i]->inputs[k])
                last[graph->nodes[i]->inputs[k]->id] = i;
    last[graph->outputs[0]->id] = graph->n_nodes;
    return last;
}

static bool is_layer(const struct compress *c, const struct node *node, int *index)
{
    for (*index = 0; *index < c->n_layers; ++*index)
        if (c->layers[*index].original == node)
            return true;
    return false;
}

/* An activation or pooling that belongs to what stands before it. */
static bool trails(const struct node *node)
{
    static const char *const names[] = {"Relu", "Clip",      "HardSwish",  "Sigmoid",
                                        "Gelu", "LeakyRelu", "HardSigmoid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(node->op->name, names[i]))
            return true;
    return false;
}

static bool is_depthwise(const struct quant_layer *layer)
{
    return !strcmp(layer->original->op->name, "Conv") && layer->channels > 1 &&
           node_int(layer->original, "group", 1) == layer->channels;
}

/* What a layer or a sum gives, without an activation. */
static bool is_linear(const struct compress *c, const struct value *value)
{
    int index;
    return value->producer && (is_layer(c, value->producer, &index) ||
                               !strcmp(value->producer->op->name, "Add"));
}

/* An inverted residual is not whole yet: what began at a linear bottleneck is about to
 * enter its depthwise layer, or has just left it. */
static bool is_open(const struct compress *c, const struct value *entry, int layers)
{
    return layers > 0 && layers < c->n_layers && is_linear(c, entry) &&
           (is_depthwise(&c->layers[layers - 1]) || is_depthwise(&c->layers[layers]));
}

int compress_blocks(const struct compress *c, struct block **out)
{
    const struct graph *graph = &c->full;
    int *last = last_reads(graph), n = 0, index, layers = 0, first = 0;
    *out = mem_array((size_t)graph->n_nodes + 1, sizeof **out);
    const struct value *entry = graph->inputs[0];
    int live = last[graph->inputs[0]->id] >= 0;
    for (int i = 0; i < graph->n_nodes; i++) {
        const struct node *node = graph->nodes[i];
        layers += is_layer(c, node, &index);
        for (int k = 0; k < node->n_outputs; k++)
            live += node->outputs[k] && last[node->outputs[k]->id] > i;
        for (int v = 0; v < graph->n_values; v++)
            live -= last[v] == i && !graph->values[v]->constant;
        bool next_trails = i + 1 < graph->n_nodes && trails(graph->nodes[i + 1]);
        if (live != 1 || !node->outputs[0] || last[node->outputs[0]->id] <= i ||
            next_trails || is_open(c, entry, layers))
            continue;
        const struct value *exit = node->outputs[0];
        if (layers > first)
            (*out)[n++] = (struct block){entry->name, exit->name, first, layers};
        entry = exit;
        first = layers;
    }
    free(last);
    return n;
}

int compress_single_layers(const struct compress *c, struct block **out)
{
    *out = mem_array((size_t)c->n_layers, sizeof **out);
    const struct graph *graph = &c->full;
    for (int i = 0; i < c->n_layers; i++) {
        const struct value *value = c->layers[i].original->outputs[0];
        for (int k = 0; k < graph->n_nodes && value->uses == 1; k++)
            if (graph->nodes[k]->n_inputs > 0 && graph->nodes[k]->inputs[0] == value &&
                trails(graph->nodes[k]))
                value = graph->nodes[k]->outputs[0];
        (*out)[i] =
            (struct block){c->layers[i].original->inputs[0]->name, value->name, i, i + 1};
    }
    return c->n_layers;
}
