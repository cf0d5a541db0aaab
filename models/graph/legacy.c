#include "models/graph/legacy.h"

#include "models/ops/op.h"

#include <string.h>

static void drop(struct node *node, const char *name)
{
    int kept = 0;
    for (int i = 0; i < node->n_attributes; i++)
        if (strcmp(node->attributes[i].name, name))
            node->attributes[kept++] = node->attributes[i];
    node->n_attributes = kept;
}

static bool broadcasts(const struct node *node)
{
    static const char *const names[] = {"Add", "Sub",   "Mul",  "Div", "Pow", "And",
                                        "Or",  "Xor", "Equal", "Less", "Greater", "PRelu"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(node->op->name, names[i]))
            return true;
    return false;
}

/* broadcast = 1, axis = k: b's dimensions lie along a's from k on, so ones follow them. */
static enum status align(struct graph *graph, struct node *node)
{
    int64_t axis = node_int(node, "axis", INT64_MAX);
    if (axis == INT64_MAX || node->n_inputs != 2 || !node->inputs[0] || !node->inputs[1])
        return OK;
    const struct value *a = node->inputs[0], *b = node->inputs[1];
    if (axis < 0)
        axis += a->shape.rank;
    if (axis < 0 || axis + b->shape.rank > a->shape.rank)
        return status_fail(ERR_FORMAT, "axis %lld for %d dimensions into %d", (long long)axis,
                           b->shape.rank, a->shape.rank);
    int ones = a->shape.rank - (int)axis - b->shape.rank;
    if (!ones)
        return OK;
    if (!b->constant)
        return status_fail(ERR_UNSUPPORTED, "'%s' is broadcast along axis %lld and is not a "
                           "constant", b->name, (long long)axis);
    struct tensor aligned = *b->constant;
    for (int i = 0; i < ones; i++)
        aligned.shape.dim[aligned.shape.rank++] = 1;
    struct value *value = graph_constant(graph, b->name, &aligned);
    value->trainable = b->trainable;
    node->inputs[1] = value;
    return OK;
}

/* Reshape's target was an attribute until opset 4. */
static enum status move_shape(struct graph *graph, struct node *node)
{
    int count;
    const int64_t *list = node_ints(node, "shape", &count);
    if (!list || node->n_inputs != 1)
        return OK;
    int64_t copy[TENSOR_MAX_RANK];
    if (count > TENSOR_MAX_RANK)
        return status_fail(ERR_LIMIT, "%d dimensions", count);
    memcpy(copy, list, (size_t)count * sizeof *copy);
    struct tensor target = {DTYPE_I64, {1, {count}}, copy, false};
    struct value **inputs = arena_alloc(&graph->arena, 2 * sizeof *inputs);
    inputs[0] = node->inputs[0];
    inputs[1] = graph_constant(graph, "shape", &target);
    node->inputs = inputs;
    node->n_inputs = 2;
    drop(node, "shape");
    return OK;
}

enum status node_modernise(struct graph *graph, struct node *node)
{
    const char *name = node->op->name;
    enum status st = OK;
    if (node->version >= 7 || node->op->domain)
        return OK;
    drop(node, "consumed_inputs");
    if (broadcasts(node)) {
        st = align(graph, node);
        drop(node, "axis");
        drop(node, "broadcast");
    } else if (!strcmp(name, "Reshape")) {
        st = move_shape(graph, node);
    } else if (!strcmp(name, "Gemm")) {
        drop(node, "broadcast");
    } else if (!strcmp(name, "BatchNormalization") || !strcmp(name, "Dropout")) {
        drop(node, "is_test"); /* evaluation is all there is here */
    } else if (!strcmp(name, "Concat") && node_int(node, "axis", INT64_MAX) == INT64_MAX) {
        node_set_int(graph, node, "axis", 1);
    }
    node->version = 7;
    return st;
}
