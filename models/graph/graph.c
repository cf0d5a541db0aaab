#include "models/graph/graph.h"

#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

void graph_clear(struct graph *graph)
{
    arena_clear(&graph->arena);
    *graph = (struct graph){0};
}

struct value *graph_value(struct graph *graph, const char *name)
{
    struct value *value = arena_alloc(&graph->arena, sizeof *value);
    value->name = arena_copy(&graph->arena, name ? name : "");
    value->id = -1;
    return value;
}

struct value *graph_constant(struct graph *graph, const char *name,
                             const struct tensor *tensor)
{
    size_t size = (size_t)shape_count(&tensor->shape) * dtype_size(tensor->dtype);
    struct tensor *copy = arena_alloc(&graph->arena, sizeof *copy);
    *copy = (struct tensor){tensor->dtype, tensor->shape, arena_alloc(&graph->arena, size), false};
    if (size)
        memcpy(copy->data, tensor->data, size);

    struct value *value = graph_value(graph, name);
    value->dtype = copy->dtype;
    value->shape = copy->shape;
    value->shaped = true;
    value->constant = copy;
    return value;
}

struct node *graph_node(struct graph *graph, const struct op *op, const char *name,
                        int n_inputs, int n_outputs)
{
    struct node *node = arena_alloc(&graph->arena, sizeof *node);
    node->op = op;
    node->name = arena_copy(&graph->arena, name ? name : "");
    node->n_inputs = n_inputs;
    node->n_outputs = n_outputs;
    node->inputs = arena_alloc(&graph->arena, (size_t)n_inputs * sizeof *node->inputs);
    node->outputs = arena_alloc(&graph->arena, (size_t)n_outputs * sizeof *node->outputs);
    node->version = op && op->domain ? 1 : graph->opset;

    if (graph->n_nodes == graph->nodes_room) {
        int room = graph->nodes_room ? 2 * graph->nodes_room : 64;
        struct node **nodes = arena_alloc(&graph->arena, (size_t)room * sizeof *nodes);
        if (graph->n_nodes)
            memcpy(nodes, graph->nodes, (size_t)graph->n_nodes * sizeof *nodes);
        graph->nodes = nodes;
        graph->nodes_room = room;
    }
    node->id = graph->n_nodes;
    graph->nodes[graph->n_nodes++] = node;
    return node;
}

void graph_replace(struct graph *graph, struct value *old, struct value *new_value)
{
    for (int n = 0; n < graph->n_nodes; n++)
        for (int i = 0; i < graph->nodes[n]->n_inputs; i++)
            if (graph->nodes[n]->inputs[i] == old)
                graph->nodes[n]->inputs[i] = new_value;
    for (int i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == old)
            graph->outputs[i] = new_value;
}

/*
 * Depth first with our own stack, since a hostile file may be a chain of a million nodes.
 * A node's state while we walk is in its id: UNSEEN, OPEN (on the stack), or its new place.
 */
enum { UNSEEN = -1, OPEN = -2 };

struct frame {
    struct node *node;
    int next; /* input to look at */
};

struct sorter {
    struct node **order;
    int count;
    struct frame *stack;
};

static enum status visit(struct sorter *sorter, struct node *root)
{
    int depth = 0;
    root->id = OPEN;
    sorter->stack[depth++] = (struct frame){root, 0};
    while (depth) {
        struct frame *top = &sorter->stack[depth - 1];
        if (top->next == top->node->n_inputs) {
            top->node->id = sorter->count;
            sorter->order[sorter->count++] = top->node;
            depth--;
            continue;
        }
        struct value *input = top->node->inputs[top->next++];
        struct node *producer = input ? input->producer : NULL;
        if (!producer || producer->id >= 0)
            continue;
        if (producer->id == OPEN)
            return status_fail(ERR_FORMAT, "node '%s' (%s) depends on itself",
                               producer->name, producer->op->name);
        producer->id = OPEN;
        sorter->stack[depth++] = (struct frame){producer, 0};
    }
    return OK;
}

/* Marks (id UNSEEN, else id n) the nodes that an output depends on. */
static void mark_needed(struct graph *graph, struct frame *stack)
{
    int depth = 0;
    for (int i = 0; i < graph->n_outputs; i++) {
        struct node *node = graph->outputs[i]->producer;
        if (!node || node->id == UNSEEN)
            continue;
        node->id = UNSEEN;
        stack[depth++].node = node;
        while (depth) {
            node = stack[--depth].node;
            for (int k = 0; k < node->n_inputs; k++) {
                struct node *before = node->inputs[k] ? node->inputs[k]->producer : NULL;
                if (before && before->id != UNSEEN) {
                    before->id = UNSEEN;
                    stack[depth++].node = before;
                }
            }
        }
    }
}

static void number(struct graph *graph, struct value *value)
{
    if (value->id < 0) {
        value->id = graph->n_values;
        graph->values[graph->n_values++] = value;
    }
}

/* Dense ids in the order inputs, then each node's inputs and outputs. */
static void number_values(struct graph *graph)
{
    size_t room = (size_t)(graph->n_inputs + graph->n_outputs);
    for (int i = 0; i < graph->n_inputs; i++)
        graph->inputs[i]->id = -1, graph->inputs[i]->uses = 0;
    for (int i = 0; i < graph->n_outputs; i++)
        graph->outputs[i]->id = -1, graph->outputs[i]->uses = 0;
    for (int n = 0; n < graph->n_nodes; n++) {
        struct node *node = graph->nodes[n];
        room += (size_t)(node->n_inputs + node->n_outputs);
        for (int i = 0; i < node->n_inputs + node->n_outputs; i++) {
            struct value *value = i < node->n_inputs ? node->inputs[i]
                                                     : node->outputs[i - node->n_inputs];
            if (value)
                value->id = -1, value->uses = 0;
        }
    }

    graph->values = arena_alloc(&graph->arena, room * sizeof *graph->values);
    graph->n_values = 0;
    for (int i = 0; i < graph->n_inputs; i++)
        number(graph, graph->inputs[i]);
    for (int n = 0; n < graph->n_nodes; n++) {
        struct node *node = graph->nodes[n];
        for (int i = 0; i < node->n_inputs; i++)
            if (node->inputs[i]) {
                number(graph, node->inputs[i]);
                node->inputs[i]->uses++;
            }
        for (int i = 0; i < node->n_outputs; i++)
            if (node->outputs[i])
                number(graph, node->outputs[i]);
    }
    for (int i = 0; i < graph->n_outputs; i++) {
        number(graph, graph->outputs[i]);
        graph->outputs[i]->uses++;
    }
}

enum status graph_update(struct graph *graph)
{
    int n = graph->n_nodes;
    for (int i = 0; i < n; i++) {
        struct node *node = graph->nodes[i];
        node->id = i;
        for (int k = 0; k < node->n_outputs; k++)
            if (node->outputs[k] && !node->outputs[k]->constant)
                node->outputs[k]->producer = node;
    }

    struct sorter sorter = {arena_alloc(&graph->arena, (size_t)n * sizeof *sorter.order), 0,
                            mem_array((size_t)n + 1, sizeof *sorter.stack)};
    enum status st = OK;
    mark_needed(graph, sorter.stack);
    for (int i = 0; i < n && !st; i++)
        if (graph->nodes[i]->id == UNSEEN)
            st = visit(&sorter, graph->nodes[i]);
    free(sorter.stack);
    if (st)
        return st;

    graph->nodes = sorter.order;
    graph->n_nodes = sorter.count;
    graph->nodes_room = n;
    number_values(graph);
    return OK;
}

static struct value **copy_slots(struct graph *out, struct value *const *slots, int count,
                                 struct value *const *map)
{
    struct value **copy = arena_alloc(&out->arena, (size_t)count * sizeof *copy);
    for (int i = 0; i < count; i++)
        copy[i] = slots[i] ? map[slots[i]->id] : NULL;
    return copy;
}

enum status graph_copy(const struct graph *in, struct graph *out)
{
    *out = (struct graph){.name = in->name, .opset = in->opset, .n_inputs = in->n_inputs,
                          .n_outputs = in->n_outputs, .n_metadata = in->n_metadata,
                          .metadata = in->metadata};

    struct value **map = mem_array((size_t)in->n_values, sizeof *map);
    for (int i = 0; i < in->n_values; i++) {
        map[i] = arena_alloc(&out->arena, sizeof *map[i]);
        *map[i] = *in->values[i];
        map[i]->producer = NULL;
    }
    out->inputs = copy_slots(out, in->inputs, in->n_inputs, map);
    out->outputs = copy_slots(out, in->outputs, in->n_outputs, map);
    for (int n = 0; n < in->n_nodes; n++) {
        const struct node *from = in->nodes[n];
        struct node *to = graph_node(out, from->op, from->name, 0, 0);
        to->version = from->version;
        to->n_inputs = from->n_inputs;
        to->n_outputs = from->n_outputs;
        to->inputs = copy_slots(out, from->inputs, from->n_inputs, map);
        to->outputs = copy_slots(out, from->outputs, from->n_outputs, map);
        to->n_attributes = from->n_attributes;
        size_t size = (size_t)from->n_attributes * sizeof *to->attributes;
        to->attributes = arena_alloc(&out->arena, size);
        if (size)
            memcpy(to->attributes, from->attributes, size);
    }
    free(map);
    return graph_update(out);
}
