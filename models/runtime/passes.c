#include "models/runtime/passes.h"

#include "models/ops/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is(const struct node *node, const char *name)
{
    return node && !node->op->domain && !strcmp(node->op->name, name);
}

static struct tensor *new_tensor(struct graph *graph, const struct shape *shape)
{
    struct tensor *tensor = arena_alloc(&graph->arena, sizeof *tensor);
    size_t bytes = (size_t)shape_count(shape) * sizeof(float);
    *tensor = (struct tensor){DTYPE_F32, *shape, arena_alloc(&graph->arena, bytes), false};
    return tensor;
}

static struct value *new_constant(struct graph *graph, const char *name,
                                  const struct tensor *tensor)
{
    struct value *value = graph_value(graph, name);
    value->dtype = tensor->dtype;
    value->shape = tensor->shape;
    value->shaped = true;
    value->constant = tensor;
    return value;
}

/* Fold batch normalisation. */

static bool constant_inputs(const struct node *node, int from)
{
    for (int i = from; i < node->n_inputs; i++)
        if (node->inputs[i] && !node->inputs[i]->constant)
            return false;
    return true;
}

/* Whether `norm` can go into the node before it. */
static bool folds(const struct node *norm)
{
    if (!is(norm, "BatchNormalization") || norm->n_inputs < 5 || !constant_inputs(norm, 1) ||
        node_int(norm, "training_mode", 0) || norm->inputs[0]->uses != 1)
        return false;
    for (int i = 1; i < norm->n_outputs; i++)
        if (norm->outputs[i] && norm->outputs[i]->uses)
            return false;
    const struct node *before = norm->inputs[0]->producer;
    if (!is(before, "Conv") && !is(before, "Gemm"))
        return false;
    if (is(before, "Gemm") &&
        (node_float(before, "beta", 1.0f) != 1.0f ||
         (before->n_inputs > 2 && before->inputs[2] &&
          shape_count(&before->inputs[2]->shape) != norm->inputs[1]->shape.dim[0])))
        return false;
    return before->outputs[0]->dtype == DTYPE_F32 && constant_inputs(before, 1);
}

/* Multiplies output channel c of the weights by a[c]. */
static struct value *scaled_weights(struct graph *graph, const struct node *node,
                                    const double *a)
{
    const struct tensor *w = node->inputs[1]->constant;
    struct tensor *out = new_tensor(graph, &w->shape);
    bool rows = is(node, "Conv") || node_int(node, "transB", 0);
    int64_t count = shape_count(&w->shape), channels = w->shape.dim[rows ? 0 : 1];
    int64_t inner = rows ? count / channels : 1;
    for (int64_t i = 0; i < count; i++)
        ((float *)out->data)[i] = (float)(tensor_get(w, i) * a[i / inner % channels]);
    return new_constant(graph, node->inputs[1]->name, out);
}

static void fold(struct graph *graph, struct node *norm)
{
    struct node *node = norm->inputs[0]->producer;
    int64_t channels = norm->inputs[1]->shape.dim[0];
    double *a = mem_array((size_t)channels, sizeof *a);
    double eps = (double)node_float(norm, "epsilon", 1e-5f);
    struct shape shape = {.rank = 1, .dim = {channels}};
    struct tensor *bias = new_tensor(graph, &shape);
    const struct tensor *old =
        node->n_inputs > 2 && node->inputs[2] ? node->inputs[2]->constant : NULL;
    for (int64_t c = 0; c < channels; c++) {
        double mean = tensor_get(norm->inputs[3]->constant, c);
        a[c] = tensor_get(norm->inputs[1]->constant, c) /
               sqrt(tensor_get(norm->inputs[4]->constant, c) + eps);
        ((float *)bias->data)[c] = (float)(((old ? tensor_get(old, c) : 0) - mean) * a[c] +
                                           tensor_get(norm->inputs[2]->constant, c));
    }
    struct value **inputs = arena_alloc(&graph->arena, 3 * sizeof *inputs);
    inputs[0] = node->inputs[0];
    inputs[1] = scaled_weights(graph, node, a);
    inputs[2] = new_constant(graph, norm->inputs[2]->name, bias);
    node->inputs = inputs;
    node->n_inputs = 3;
    graph_replace(graph, norm->outputs[0], node->outputs[0]);
    free(a);
}

enum status pass_fold_batchnorm(struct graph *graph, int *folded)
{
    *folded = 0;
    for (int i = 0; i < graph->n_nodes; i++)
        if (folds(graph->nodes[i])) {
            fold(graph, graph->nodes[i]);
            ++*folded;
        }
    return graph_update(graph);
}

/* Logits. */

static bool keeps_numbers(const struct node *node)
{
    return is(node, "Reshape") || is(node, "Flatten") || is(node, "Squeeze") ||
           is(node, "Unsqueeze") || is(node, "Identity") || is(node, "Cast");
}

enum status pass_logits(struct graph *graph)
{
    struct node *node = graph->outputs[0]->producer;
    while (node && keeps_numbers(node))
        node = node->inputs[0]->producer;
    if (!is(node, "Softmax") && !is(node, "LogSoftmax"))
        return OK;
    const struct shape *shape = &node->outputs[0]->shape;
    int64_t axis = node_int(node, "axis", node->version < 13 ? 1 : -1);
    if (axis < 0)
        axis += shape->rank;
    int64_t classes = shape->dim[axis];
    if (shape->dim[0] * classes != shape_count(shape))
        return OK; /* not over the classes */
    graph_replace(graph, node->outputs[0], node->inputs[0]);
    return graph_update(graph);
}

void pass_ceil_mode(struct graph *graph)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (is(graph->nodes[i], "MaxPool") || is(graph->nodes[i], "AveragePool"))
            node_set_int(graph, graph->nodes[i], "ceil_mode", 1);
}

/* Rounding. */

static float narrowed(float value, enum rounding to)
{
    switch (to) {
    case ROUND_F16: return f16_to_float(f16_from_float(value));
    case ROUND_BF16: return bf16_to_float(bf16_from_float(value));
    default: return value;
    }
}

static enum rounding rounding_of(enum dtype dtype)
{
    return dtype == DTYPE_F16 ? ROUND_F16 : dtype == DTYPE_BF16 ? ROUND_BF16 : ROUND_NONE;
}

static const struct tensor *widen(struct graph *graph, const struct tensor *from,
                                  enum rounding to)
{
    struct tensor *out = new_tensor(graph, &from->shape);
    int64_t count = shape_count(&from->shape);
    for (int64_t i = 0; i < count; i++)
        ((float *)out->data)[i] = narrowed((float)tensor_get(from, i), to);
    return out;
}

/* Casts between float types become casts to float32: their rounding is in rounds[]. */
static void widen_casts(struct graph *graph)
{
    enum { ONNX_FLOAT = 1, ONNX_FLOAT16 = 10, ONNX_BFLOAT16 = 16 };
    for (int i = 0; i < graph->n_nodes; i++) {
        struct node *node = graph->nodes[i];
        if (!is(node, "Cast"))
            continue;
        int64_t to = node_int(node, "to", 0);
        if (to == ONNX_FLOAT16 || to == ONNX_BFLOAT16)
            node_set_int(graph, node, "to", ONNX_FLOAT);
    }
}

enum status pass_round(struct graph *graph, enum rounding precision,
                       const unsigned char **rounds)
{
    unsigned char *marks = arena_alloc(&graph->arena, (size_t)graph->n_values + 1);
    *rounds = NULL;
    for (int i = 0; i < graph->n_values; i++) {
        struct value *value = graph->values[i];
        enum rounding to = rounding_of(value->dtype);
        bool narrow = to != ROUND_NONE;
        if (precision != ROUND_NONE && (narrow || value->dtype == DTYPE_F32))
            to = precision;
        if (to == ROUND_NONE)
            continue;
        *rounds = marks;
        marks[i] = (unsigned char)to;
        value->dtype = DTYPE_F32;
        if (value->constant)
            value->constant = widen(graph, value->constant, to);
    }
    if (*rounds)
        widen_casts(graph);
    return OK;
}
