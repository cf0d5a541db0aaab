/* Shapes, and the nodes that can be computed before any picture is seen. */
#include "models/graph/graph.h"
#include "models/graph/legacy.h"
#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

enum { ELEMENTS_PER_SAMPLE = 1 << 28, FOLD_BYTES = 16 << 20, FOLD_FACTOR = 16 };

static enum status wrap(enum status st, const struct node *node)
{
    return status_wrap(st, "node '%s' (%s, opset %d)", node->name, node->op->name,
                       node->version);
}

static enum status check_size(const struct value *value, int64_t limit)
{
    int64_t count = 1;
    for (int i = 0; i < value->shape.rank; i++) {
        int64_t dim = value->shape.dim[i];
        if (dim < 0 || __builtin_mul_overflow(count, dim ? dim : 1, &count) || count > limit) {
            char text[128];
            return status_fail(ERR_LIMIT, "'%s' would be %s, more than %lld elements",
                               value->name, shape_text(&value->shape, text),
                               (long long)limit);
        }
    }
    return OK;
}

static bool foldable(const struct node *node)
{
    if (node->op->from_shape)
        return true;
    for (int i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] && !node->inputs[i]->constant)
            return false;
    return true;
}

/* Evaluates a node whose inputs are constants into the graph's arena. */
static enum status fold(struct graph *graph, struct node *node, size_t *budget)
{
    const struct tensor **in = mem_array((size_t)node->n_inputs, sizeof *in);
    struct tensor *tensors = mem_array((size_t)node->n_outputs, sizeof *tensors);
    struct tensor **out = mem_array((size_t)node->n_outputs, sizeof *out);
    /* from_shape operators read no data, but want a tensor to look at. */
    struct tensor *shapes = mem_array((size_t)node->n_inputs, sizeof *shapes);

    enum status st = OK;
    for (int i = 0; i < node->n_inputs; i++) {
        const struct value *value = node->inputs[i];
        if (!value)
            continue;
        shapes[i] = (struct tensor){value->dtype, value->shape, NULL, false};
        in[i] = value->constant ? value->constant : &shapes[i];
    }
    for (int i = 0; i < node->n_outputs && !st; i++) {
        const struct value *value = node->outputs[i];
        if (!value)
            continue;
        size_t size = (size_t)shape_count(&value->shape) * dtype_size(value->dtype);
        if (size > *budget) {
            st = status_fail(ERR_LIMIT, "folding '%s' takes %zu bytes, more than the file's "
                             "size justifies", value->name, size);
            break;
        }
        *budget -= size;
        void *data = arena_try(&graph->arena, size);
        if (!data)
            st = status_fail(ERR_NOMEM, "no memory to fold '%s'", value->name);
        tensors[i] = (struct tensor){value->dtype, value->shape, data, false};
        out[i] = &tensors[i];
    }
    if (!st)
        st = node->op->reference(node, in, out);
    for (int i = 0; i < node->n_outputs && !st; i++)
        if (out[i]) {
            struct tensor *kept = arena_alloc(&graph->arena, sizeof *kept);
            *kept = tensors[i];
            node->outputs[i]->constant = kept;
            node->outputs[i]->producer = NULL;
            node->outputs[i]->origin = node;
        }
    free(shapes);
    free(out);
    free(tensors);
    free(in);
    return st;
}

static enum status infer_node(struct graph *graph, struct node *node, int64_t limit,
                              size_t *budget)
{
    enum status st = OK;
    for (int i = 0; i < node->n_inputs && !st; i++)
        if (node->inputs[i] && !node->inputs[i]->shaped)
            st = status_fail(ERR_FORMAT, "the shape of '%s' is not known",
                             node->inputs[i]->name);
    if (!st)
        st = node_modernise(graph, node);
    if (!st)
        st = node_check(node);
    if (!st)
        st = node->op->infer(node);
    for (int i = 0; i < node->n_outputs && !st; i++) {
        struct value *value = node->outputs[i];
        if (!value)
            continue;
        if (!value->shaped || !value->dtype)
            st = status_fail(ERR_UNSUPPORTED, "output %d is not computed here", i);
        else
            st = check_size(value, limit);
    }
    if (!st && node->op->reference && foldable(node))
        st = fold(graph, node, budget);
    return wrap(st, node);
}

static size_t constant_bytes(const struct graph *graph)
{
    size_t bytes = 0;
    for (int i = 0; i < graph->n_values; i++) {
        const struct tensor *constant = graph->values[i]->constant;
        if (constant)
            bytes += (size_t)shape_count(&constant->shape) * dtype_size(constant->dtype);
    }
    for (int n = 0; n < graph->n_nodes; n++)
        for (int i = 0; i < graph->nodes[n]->n_attributes; i++) {
            const struct tensor *tensor = graph->nodes[n]->attributes[i].tensor;
            if (tensor)
                bytes += (size_t)shape_count(&tensor->shape) * dtype_size(tensor->dtype);
        }
    return bytes;
}

enum status graph_infer(struct graph *graph)
{
    int64_t batch = 1;
    for (int i = 0; i < graph->n_inputs; i++)
        if (graph->inputs[i]->shape.rank && graph->inputs[i]->shape.dim[0] > batch)
            batch = graph->inputs[i]->shape.dim[0];
    int64_t limit = batch < 65536 ? batch * ELEMENTS_PER_SAMPLE : ELEMENTS_PER_SAMPLE;

    for (int i = 0; i < graph->n_values; i++)
        if (graph->values[i]->producer)
            graph->values[i]->shaped = false;
    enum status st = OK;
    for (int i = 0; i < graph->n_inputs && !st; i++)
        st = check_size(graph->inputs[i], limit);

    size_t budget = FOLD_BYTES + FOLD_FACTOR * constant_bytes(graph);
    for (int n = 0; n < graph->n_nodes && !st; n++)
        st = infer_node(graph, graph->nodes[n], limit, &budget);
    return st ? st : graph_update(graph);
}

static enum status fix_input(struct value *input, int batch, bool *overridden)
{
    if (!input->shaped || !input->dtype)
        return status_fail(ERR_FORMAT, "input '%s' has no shape", input->name);
    struct shape *shape = &input->shape;
    if (shape->rank && (shape->dim[0] < 0 || shape->dim[0] == 1)) {
        *overridden |= shape->dim[0] == 1 && batch != 1;
        shape->dim[0] = batch;
    }
    for (int i = 1; i < shape->rank; i++)
        if (shape->dim[i] < 0)
            return status_fail(ERR_FORMAT, "dimension %d of input '%s' is not fixed", i,
                               input->name);
    return OK;
}

/* A file exported at batch 1 reshapes to 1 x ...; for another batch that 1 must follow. */
static void release_reshapes(struct graph *graph)
{
    for (int n = 0; n < graph->n_nodes; n++) {
        struct node *node = graph->nodes[n];
        if (strcmp(node->op->name, "Reshape") || node->n_inputs < 2 || !node->inputs[1] ||
            !node->inputs[0] || node->inputs[0]->constant)
            continue;
        const struct tensor *target = node->inputs[1]->constant;
        if (!target || target->dtype != DTYPE_I64 || target->shape.rank != 1 ||
            target->shape.dim[0] < 1 || ((const int64_t *)target->data)[0] != 1)
            continue;
        struct value *released = graph_constant(graph, node->inputs[1]->name, target);
        ((int64_t *)released->constant->data)[0] = 0; /* ONNX: as the input's */
        node->inputs[1] = released;
    }
}

enum status graph_specialise(const struct graph *in, int batch, struct graph *out)
{
    bool overridden = false;
    enum status st = graph_copy(in, out);
    for (int i = 0; i < out->n_inputs && !st; i++)
        st = fix_input(out->inputs[i], batch, &overridden);
    if (!st && overridden) {
        release_reshapes(out);
        st = graph_update(out);
    }
    if (!st)
        st = graph_infer(out);
    if (st)
        graph_clear(out);
    return st;
}
