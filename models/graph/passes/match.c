#include "models/graph/passes/match.h"

#include <assert.h>
#include <math.h>
#include <string.h>

bool node_is(const struct node *node, const char *name)
{
    return node && !node->op->domain && !strcmp(node->op->name, name);
}

struct node *made_by(const struct value *value, const char *name)
{
    if (!value || value->uses != 1 || !node_is(value->producer, name))
        return NULL;
    return value->producer;
}

struct node *only_reader(const struct graph *graph, const struct value *value)
{
    if (value->uses != 1)
        return NULL;
    for (int n = 0; n < graph->n_nodes; n++)
        for (int i = 0; i < graph->nodes[n]->n_inputs; i++)
            if (graph->nodes[n]->inputs[i] == value)
                return graph->nodes[n];
    return NULL;
}

struct value *other_input(const struct node *node, const struct value *known)
{
    if (node->n_inputs != 2)
        return NULL;
    return node->inputs[0] == known   ? node->inputs[1]
           : node->inputs[1] == known ? node->inputs[0]
                                      : NULL;
}

bool scalar_of(const struct value *value, double *out)
{
    if (!value || !value->constant || shape_count(&value->constant->shape) != 1)
        return false;
    *out = tensor_get(value->constant, 0);
    return true;
}

bool with_scalar(const struct node *node, double want, struct value **rest)
{
    double have;
    if (!node || node->n_inputs != 2)
        return false;
    for (int i = 0; i < 2; i++)
        if (scalar_of(node->inputs[i], &have) && fabs(have - want) <= 1e-4 * fabs(want)) {
            *rest = node->inputs[1 - i];
            return true;
        }
    return false;
}

struct node *put_node(struct graph *graph, const char *domain, const char *name, int opset,
                      struct value *const *inputs, int n_inputs, struct value *old)
{
    const struct op *op = op_find(domain, name, opset);
    assert(op);
    struct node *node = graph_node(graph, op, old->name, n_inputs, 1);
    node->version = opset;
    for (int i = 0; i < n_inputs; i++)
        node->inputs[i] = inputs[i];
    struct value *output = graph_value(graph, old->name);
    output->dtype = old->dtype;
    output->shape = old->shape;
    output->shaped = old->shaped;
    output->producer = node;
    node->outputs[0] = output;
    graph_replace(graph, old, output);
    return node;
}
