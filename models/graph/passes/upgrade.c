/*
 * Old opsets to 13 and, where an operator needs it, to 20: what was an attribute and is an
 * input now becomes a constant; the other operators mean the same or are told apart by their
 * inputs.
 */
#include "models/graph/passes.h"

#include "models/ops/op.h"

#include <string.h>

static void drop_attribute(struct node *node, const char *name)
{
    int kept = 0;
    for (int i = 0; i < node->n_attributes; i++)
        if (strcmp(node->attributes[i].name, name))
            node->attributes[kept++] = node->attributes[i];
    node->n_attributes = kept;
}

static void set_input(struct graph *graph, struct node *node, int place, struct value *value)
{
    if (place >= node->n_inputs) {
        struct value **grown = arena_alloc(&graph->arena,
                                           (size_t)(place + 1) * sizeof *grown);
        memcpy(grown, node->inputs, (size_t)node->n_inputs * sizeof *grown);
        node->inputs = grown;
        node->n_inputs = place + 1;
    }
    node->inputs[place] = value;
}

static struct value *ints_constant(struct graph *graph, const struct node *node,
                                   const char *name, const int64_t *list, int count)
{
    int64_t copy[2 * TENSOR_MAX_RANK];
    if (count > 2 * TENSOR_MAX_RANK)
        return NULL;
    if (count)
        memcpy(copy, list, (size_t)count * sizeof *copy);
    struct tensor tensor = {DTYPE_I64, {1, {count}}, copy, false};
    return graph_constant(graph, arena_format(&graph->arena, "%s_%s", node->name, name),
                          &tensor);
}

/* An attribute of integers becomes input `place`. */
static void move_ints(struct graph *graph, struct node *node, const char *name, int place)
{
    int count;
    const int64_t *list = node_ints(node, name, &count);
    struct value *value = list ? ints_constant(graph, node, name, list, count) : NULL;
    if (!value)
        return;
    set_input(graph, node, place, value);
    drop_attribute(node, name);
}

/* A float attribute becomes scalar input `place`, in the dtype of input 0. */
static enum status move_float(struct graph *graph, struct node *node, const char *name,
                              int place)
{
    double bits[1];
    bool given = false;
    for (int i = 0; i < node->n_attributes; i++)
        given |= !strcmp(node->attributes[i].name, name);
    if (!given)
        return OK;
    enum dtype dtype = node->inputs[0]->dtype ? node->inputs[0]->dtype : DTYPE_F32;
    struct tensor tensor = {dtype, {0}, bits, false};
    tensor_set(&tensor, 0, (double)node_float(node, name, 0));
    set_input(graph, node, place,
              graph_constant(graph, arena_format(&graph->arena, "%s_%s", node->name, name),
                             &tensor));
    drop_attribute(node, name);
    return OK;
}

/* Old: over everything from `axis` on. New: over one axis. The same where that axis is the
 * last, or all after it are 1. */
static enum status upgrade_softmax(struct graph *graph, struct node *node)
{
    int64_t axis = node_int(node, "axis", 1);
    const struct value *in = node->inputs[0];
    if (!in->shaped)
        return status_fail(ERR_UNSUPPORTED, "node '%s': Softmax of opset %d needs its shape "
                           "known to be upgraded", node->name, node->version);
    if (axis < 0)
        axis += in->shape.rank;
    int wide = -1, count = 0;
    for (int i = (int)axis; i < in->shape.rank; i++)
        if (in->shape.dim[i] != 1) {
            wide = i;
            count++;
        }
    if (count > 1)
        return status_fail(ERR_UNSUPPORTED, "node '%s': a Softmax over %d axes has no single "
                           "form in opset 13", node->name, count);
    node_set_int(graph, node, "axis", count ? wide : axis < in->shape.rank ? axis : -1);
    return OK;
}

/* Opset 18: the axes of all reductions are an input, and equal parts of Split are counted. */
static void upgrade_18(struct graph *graph, struct node *node)
{
    if (!strncmp(node->op->name, "Reduce", 6))
        move_ints(graph, node, "axes", 1);
    if (!strcmp(node->op->name, "Split") && (node->n_inputs < 2 || !node->inputs[1]))
        node_set_int(graph, node, "num_outputs", node->n_outputs);
}

static enum status upgrade_13(struct graph *graph, struct node *node)
{
    const char *type = node->op->name;
    int from = node->version;
    enum status st = OK;
    if (!strcmp(type, "Clip") && from < 11) {
        st = move_float(graph, node, "min", 1);
        st = st ? st : move_float(graph, node, "max", 2);
    } else if (!strcmp(type, "Slice") && from < 10) {
        move_ints(graph, node, "starts", 1);
        move_ints(graph, node, "ends", 2);
        move_ints(graph, node, "axes", 3);
    } else if (!strcmp(type, "Pad") && from < 11) {
        move_ints(graph, node, "pads", 1);
        st = move_float(graph, node, "value", 2);
    } else if (!strcmp(type, "Squeeze") || !strcmp(type, "Unsqueeze") ||
               !strcmp(type, "ReduceSum")) {
        move_ints(graph, node, "axes", 1);
    } else if (!strcmp(type, "Split")) {
        move_ints(graph, node, "split", 1);
    } else if (!strcmp(type, "Dropout") && from < 12) {
        drop_attribute(node, "ratio");
    } else if (!strcmp(type, "BatchNormalization")) {
        drop_attribute(node, "spatial");
    } else if (!strcmp(type, "Softmax") || !strcmp(type, "LogSoftmax") ||
               !strcmp(type, "Hardmax")) {
        st = upgrade_softmax(graph, node);
    } else if (!strcmp(type, "Upsample")) {
        st = status_fail(ERR_UNSUPPORTED, "node '%s': Upsample has no form in opset 13",
                         node->name);
    }
    return st;
}

enum status graph_upgrade(struct graph *graph, int opset)
{
    enum status st = OK;
    if (graph->opset >= opset)
        return OK;
    for (int n = 0; n < graph->n_nodes && !st; n++) {
        struct node *node = graph->nodes[n];
        if (node->op->domain)
            continue;
        if (node->op->inputs[0] > 0 && (!node->n_inputs || !node->inputs[0]))
            st = status_fail(ERR_FORMAT, "node '%s': its first input is missing", node->name);
        if (!st && node->version < 13)
            st = upgrade_13(graph, node);
        if (!st && opset >= 18 && node->version < 18)
            upgrade_18(graph, node);
        node->version = opset;
    }
    graph->opset = opset;
    return st ? st : graph_update(graph);
}
