/* A node's attributes: reading with defaults, setting, and checking against its op's table. */
#include "models/graph/graph.h"
#include "models/ops/op.h"

#include <stdio.h>
#include <string.h>

static const struct attribute *find(const struct node *node, const char *name)
{
    for (int i = 0; i < node->n_attributes; i++)
        if (!strcmp(node->attributes[i].name, name))
            return &node->attributes[i];
    return NULL;
}

static const struct attribute *find_kind(const struct node *node, const char *name,
                                         enum attribute_kind kind)
{
    const struct attribute *found = find(node, name);
    return found && found->kind == kind ? found : NULL;
}

int64_t node_int(const struct node *node, const char *name, int64_t fallback)
{
    const struct attribute *found = find_kind(node, name, ATTR_INT);
    return found ? found->i : fallback;
}

float node_float(const struct node *node, const char *name, float fallback)
{
    const struct attribute *found = find_kind(node, name, ATTR_FLOAT);
    return found ? found->f : fallback;
}

const char *node_string(const struct node *node, const char *name, const char *fallback)
{
    const struct attribute *found = find_kind(node, name, ATTR_STRING);
    return found ? found->s : fallback;
}

const int64_t *node_ints(const struct node *node, const char *name, int *count)
{
    const struct attribute *found = find_kind(node, name, ATTR_INTS);
    *count = found ? found->count : 0;
    return found ? found->ints : NULL;
}

const float *node_floats(const struct node *node, const char *name, int *count)
{
    const struct attribute *found = find_kind(node, name, ATTR_FLOATS);
    *count = found ? found->count : 0;
    return found ? found->floats : NULL;
}

const struct tensor *node_tensor(const struct node *node, const char *name)
{
    const struct attribute *found = find_kind(node, name, ATTR_TENSOR);
    return found ? found->tensor : NULL;
}

static struct attribute *slot(struct graph *graph, struct node *node, const char *name)
{
    for (int i = 0; i < node->n_attributes; i++)
        if (!strcmp(node->attributes[i].name, name))
            return &node->attributes[i];

    size_t count = (size_t)node->n_attributes;
    struct attribute *grown = arena_alloc(&graph->arena, (count + 1) * sizeof *grown);
    if (count)
        memcpy(grown, node->attributes, count * sizeof *grown);
    grown[count].name = arena_copy(&graph->arena, name);
    node->attributes = grown;
    node->n_attributes++;
    return &grown[count];
}

void node_set_int(struct graph *graph, struct node *node, const char *name, int64_t value)
{
    struct attribute *attribute = slot(graph, node, name);
    *attribute = (struct attribute){.name = attribute->name, .kind = ATTR_INT, .i = value};
}

void node_set_float(struct graph *graph, struct node *node, const char *name, float value)
{
    struct attribute *attribute = slot(graph, node, name);
    *attribute = (struct attribute){.name = attribute->name, .kind = ATTR_FLOAT, .f = value};
}

void node_set_string(struct graph *graph, struct node *node, const char *name,
                     const char *value)
{
    struct attribute *attribute = slot(graph, node, name);
    *attribute = (struct attribute){.name = attribute->name, .kind = ATTR_STRING,
                                    .s = arena_copy(&graph->arena, value)};
}

void node_set_ints(struct graph *graph, struct node *node, const char *name,
                   const int64_t *values, int count)
{
    struct attribute *attribute = slot(graph, node, name);
    int64_t *copy = arena_alloc(&graph->arena, (size_t)count * sizeof *copy);
    if (count)
        memcpy(copy, values, (size_t)count * sizeof *copy);
    *attribute = (struct attribute){.name = attribute->name, .kind = ATTR_INTS,
                                    .count = count, .ints = copy};
}

static const char kinds[] = {[ATTR_INT] = 'i', [ATTR_FLOAT] = 'f', [ATTR_STRING] = 's',
                             [ATTR_INTS] = 'I', [ATTR_FLOATS] = 'F', [ATTR_TENSOR] = 't'};
static const char *const kind_names[] = {
    [ATTR_INT] = "an integer",         [ATTR_FLOAT] = "a float",
    [ATTR_STRING] = "a string",        [ATTR_INTS] = "a list of integers",
    [ATTR_FLOATS] = "a list of floats", [ATTR_TENSOR] = "a tensor"};

static const char *kind_name(char letter)
{
    for (size_t i = 0; i < sizeof kinds; i++)
        if (kinds[i] == letter)
            return kind_names[i];
    return "something else";
}

/* The next "name:k!" of a table: its end, or NULL after the last. */
static const char *next_entry(const char *table, char name[32], char *kind, int *required)
{
    int used = 0;
    *required = 0;
    if (sscanf(table, " %31[^:]:%c%n", name, kind, &used) < 2)
        return NULL;
    if (table[used] == '!') {
        *required = 1;
        used++;
    }
    return table + used;
}

static enum status check_attribute(const struct node *node, const struct attribute *attribute)
{
    const char *at = node->op->attributes ? node->op->attributes : "";
    char name[32], kind;
    int required;
    while ((at = next_entry(at, name, &kind, &required)))
        if (!strcmp(name, attribute->name)) {
            if (kinds[attribute->kind] == kind)
                return OK;
            return status_fail(ERR_FORMAT, "attribute '%s' is %s instead of %s", name,
                               kind_names[attribute->kind], kind_name(kind));
        }
    return status_fail(ERR_UNSUPPORTED, "attribute '%s' is not known here", attribute->name);
}

static enum status check_required(const struct node *node)
{
    const char *at = node->op->attributes ? node->op->attributes : "";
    char name[32], kind;
    int required;
    while ((at = next_entry(at, name, &kind, &required)))
        if (required && !find(node, name))
            return status_fail(ERR_FORMAT, "attribute '%s' is missing", name);
    return OK;
}

static enum status check_count(const char *what, int count, const int range[2])
{
    if (count < range[0] || (range[1] >= 0 && count > range[1]))
        return status_fail(ERR_FORMAT, "%d %s, where the operator has %d to %d", count, what,
                           range[0], range[1] < 0 ? 999 : range[1]);
    return OK;
}

enum status node_check(const struct node *node)
{
    enum status st = check_count("inputs", node->n_inputs, node->op->inputs);
    if (!st)
        st = check_count("outputs", node->n_outputs, node->op->outputs);
    /* Of a variadic operator every input must be there. */
    int present = node->op->inputs[1] < 0 ? node->n_inputs : node->op->inputs[0];
    for (int i = 0; i < present && !st; i++)
        if (!node->inputs[i])
            st = status_fail(ERR_FORMAT, "input %d is missing", i);
    for (int i = 0; i < node->n_attributes && !st; i++)
        st = check_attribute(node, &node->attributes[i]);
    if (!st)
        st = check_required(node);
    if (!st && node->op->outputs[0] > 0 && !node->outputs[0])
        st = status_fail(ERR_FORMAT, "its first output is missing");
    return st;
}
