/*
 * Post-training quantization of a float network: activations uint8 per tensor between the
 * least and the largest value seen, weights int8 per output channel and symmetric, biases
 * int32. The result is a Q/DQ graph, which pass_integer() turns into integers.
 *
 * Quantized are the network's input and what comes out of convolutions, matrix products with
 * weights, sums and products of two tensors, means and concatenations, after their Relu or
 * Clip. The logits stay float. Jacob et al. 2018, arXiv:1712.05877; Nagel et al. 2021,
 * arXiv:2106.08295, section 3.
 */
#include "models/runtime/passes.h"

#include "models/ops/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is(const struct node *node, const char *name)
{
    return node && !node->op->domain && !strcmp(node->op->name, name);
}

static bool any_of(const struct node *node, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (is(node, names[i]))
            return true;
    return false;
}

/* By value id: the node that alone reads it, or NULL. */
static struct node **find_readers(const struct graph *graph)
{
    struct node **readers = mem_array((size_t)graph->n_values + 1, sizeof *readers);
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i]->n_inputs; k++) {
            const struct value *value = graph->nodes[i]->inputs[k];
            if (value && value->uses == 1)
                readers[value->id] = graph->nodes[i];
        }
    return readers;
}

static bool is_output(const struct graph *graph, const struct value *value)
{
    for (int i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == value)
            return true;
    return false;
}

/* The value after a node's own Relu or Clip. */
static struct value *behind_activation(struct node **readers, struct value *value)
{
    static const char *const names[] = {"Relu", "Clip", NULL};
    struct node *next = readers[value->id];
    return next && any_of(next, names) ? next->outputs[0] : value;
}

unsigned char *pass_observed(struct graph *graph)
{
    static const char *const names[] = {"Conv", "Gemm", "Add", "Mul", "GlobalAveragePool",
                                        "AveragePool", "Concat", NULL};
    unsigned char *marks = arena_alloc(&graph->arena, (size_t)graph->n_values + 1);
    struct node **readers = find_readers(graph);
    marks[graph->inputs[0]->id] = 1;
    for (int i = 0; i < graph->n_nodes; i++) {
        struct node *node = graph->nodes[i];
        if (!any_of(node, names) || node->outputs[0]->dtype != DTYPE_F32)
            continue;
        struct value *value = behind_activation(readers, node->outputs[0]);
        if (!is_output(graph, value))
            marks[value->id] = 1;
    }
    free(readers);
    return marks;
}

/* Scale and zero point of an activation; the range always holds 0. */
static void grid_of(struct range range, float *scale, int *zero)
{
    float low = range.low < 0 ? range.low : 0, high = range.high > 0 ? range.high : 0;
    *scale = high > low ? (high - low) / 255 : 1.0f;
    *zero = (int)rintf(-low / *scale);
    *zero = *zero > 255 ? 255 : *zero;
}

static struct value *number(struct graph *graph, enum dtype dtype, double x)
{
    struct shape scalar = {.rank = 0};
    struct tensor tensor = {0};
    if (tensor_init(&tensor, dtype, &scalar))
        return NULL;
    tensor_set(&tensor, 0, x);
    struct value *value = graph_constant(graph, "grid", &tensor);
    tensor_clear(&tensor);
    return value;
}

static struct value *like(struct graph *graph, const struct value *value, enum dtype dtype)
{
    struct value *copy = graph_value(graph, value->name);
    copy->dtype = dtype;
    copy->shape = value->shape;
    copy->shaped = true;
    return copy;
}

/* value -> Q -> DQ -> everybody who read value. */
static void insert(struct graph *graph, struct value *value, float scale, int zero)
{
    struct value *s = number(graph, DTYPE_F32, (double)scale);
    struct value *z = number(graph, DTYPE_U8, zero);
    struct value *q = like(graph, value, DTYPE_U8), *x = like(graph, value, DTYPE_F32);
    graph_replace(graph, value, x);
    struct node *quantize =
        graph_node(graph, op_find(NULL, "QuantizeLinear", 13), value->name, 3, 1);
    struct node *dequantize =
        graph_node(graph, op_find(NULL, "DequantizeLinear", 13), value->name, 3, 1);
    quantize->version = dequantize->version = 13;
    quantize->inputs[0] = value;
    dequantize->inputs[0] = quantize->outputs[0] = q;
    dequantize->outputs[0] = x;
    quantize->inputs[1] = dequantize->inputs[1] = s;
    quantize->inputs[2] = dequantize->inputs[2] = z;
    q->producer = quantize;
    x->producer = dequantize;
}

/* A constant as if folded from DequantizeLinear(q, scale) along `axis`. */
static struct value *folded(struct graph *graph, const char *name, struct tensor *q,
                            struct tensor *scale, struct tensor *real, int axis)
{
    struct node *origin = arena_alloc(&graph->arena, sizeof *origin);
    origin->op = op_find(NULL, "DequantizeLinear", 13);
    origin->name = name;
    origin->version = 13;
    origin->n_inputs = 2;
    origin->n_outputs = 1;
    origin->inputs = arena_alloc(&graph->arena, 2 * sizeof *origin->inputs);
    origin->outputs = arena_alloc(&graph->arena, sizeof *origin->outputs);
    origin->inputs[0] = graph_constant(graph, name, q);
    origin->inputs[1] = graph_constant(graph, name, scale);
    node_set_int(graph, origin, "axis", axis);
    struct value *value = graph_constant(graph, name, real);
    value->origin = origin;
    origin->outputs[0] = value;
    tensor_clear(q);
    tensor_clear(scale);
    tensor_clear(real);
    return value;
}

/* Weights of output channel o along `axis`; per_channel: how far apart they lie. */
static enum status quantize_weights(struct graph *graph, struct node *node, int axis,
                                    float *scales)
{
    const struct tensor *w = node->inputs[1]->constant;
    int64_t O = w->shape.dim[axis], count = shape_count(&w->shape), inner = 1;
    for (int i = axis + 1; i < w->shape.rank; i++)
        inner *= w->shape.dim[i];
    struct shape row = {.rank = 1, .dim = {O}};
    struct tensor q = {0}, scale = {0}, real = {0};
    enum status st = tensor_init(&q, DTYPE_I8, &w->shape);
    if (!st)
        st = tensor_init(&scale, DTYPE_F32, &row);
    if (!st)
        st = tensor_init(&real, DTYPE_F32, &w->shape);
    for (int64_t i = 0; !st && i < count; i++) {
        float size = fabsf(((const float *)w->data)[i]), *top = &scales[i / inner % O];
        *top = size > *top ? size : *top;
    }
    for (int64_t o = 0; !st && o < O; o++) {
        scales[o] = scales[o] > 0 ? scales[o] / 127 : 1.0f;
        ((float *)scale.data)[o] = scales[o];
    }
    for (int64_t i = 0; !st && i < count; i++) {
        float s = scales[i / inner % O], r = rintf(((const float *)w->data)[i] / s);
        r = r > 127 ? 127 : r < -127 ? -127 : r;
        ((int8_t *)q.data)[i] = (int8_t)r;
        ((float *)real.data)[i] = r * s;
    }
    if (!st)
        node->inputs[1] = folded(graph, node->inputs[1]->name, &q, &scale, &real, axis);
    tensor_clear(&q);
    tensor_clear(&scale);
    tensor_clear(&real);
    return st;
}

static enum status quantize_bias(struct graph *graph, struct node *node, float x_scale,
                                 const float *scales)
{
    const struct tensor *b = node->inputs[2]->constant;
    int64_t O = shape_count(&b->shape);
    struct tensor q = {0}, scale = {0}, real = {0};
    struct shape row = {.rank = 1, .dim = {O}};
    enum status st = tensor_init(&q, DTYPE_I32, &row);
    if (!st)
        st = tensor_init(&scale, DTYPE_F32, &row);
    if (!st)
        st = tensor_init(&real, DTYPE_F32, &row);
    for (int64_t o = 0; !st && o < O; o++) {
        float s = x_scale * scales[o];
        double r = rint((double)((const float *)b->data)[o] / (double)s);
        r = r > INT32_MAX / 2 ? INT32_MAX / 2 : r < INT32_MIN / 2 ? INT32_MIN / 2 : r;
        ((int32_t *)q.data)[o] = (int32_t)r;
        ((float *)scale.data)[o] = s;
        ((float *)real.data)[o] = (float)r * s;
    }
    if (!st)
        node->inputs[2] = folded(graph, node->inputs[2]->name, &q, &scale, &real, 0);
    tensor_clear(&q);
    tensor_clear(&scale);
    tensor_clear(&real);
    return st;
}

/* A layer with weights whose input is quantized with x_scale. */
static enum status quantize_layer(struct graph *graph, struct node *node, float x_scale)
{
    bool gemm = is(node, "Gemm");
    const struct value *w = node->inputs[1];
    if (!w->constant || w->dtype != DTYPE_F32)
        return OK;
    int axis = gemm && !node_int(node, "transB", 0) ? 1 : 0;
    int64_t O = w->shape.dim[axis];
    float *scales = mem_array((size_t)O, sizeof *scales);
    enum status st = quantize_weights(graph, node, axis, scales);
    if (!st && node->n_inputs > 2 && node->inputs[2] && node->inputs[2]->constant &&
        node->inputs[2]->dtype == DTYPE_F32 && shape_count(&node->inputs[2]->shape) == O)
        st = quantize_bias(graph, node, x_scale, scales);
    free(scales);
    return st;
}

/* The grid of a value, or of what it was moved from; 0: not quantized. */
static float scale_of(const unsigned char *marks, const struct range *ranges,
                      const struct value *value, int *zero)
{
    static const char *const movers[] = {"MaxPool", "Reshape", "Flatten", "Squeeze",
                                         "Unsqueeze", "Transpose", "Identity", "Dropout", NULL};
    float scale;
    while (value && !marks[value->id] && any_of(value->producer, movers))
        value = value->producer->inputs[0];
    if (!value || !marks[value->id])
        return 0;
    grid_of(ranges[value->id], &scale, zero);
    return scale;
}

enum status pass_quantize(struct graph *graph, const unsigned char *marks,
                          const struct range *ranges)
{
    static const char *const layers[] = {"Conv", "Gemm", NULL};
    int n_values = graph->n_values, n_nodes = graph->n_nodes;
    float *scales = mem_array((size_t)n_values, sizeof *scales);
    int *zeros = mem_array((size_t)n_values, sizeof *zeros);
    struct value **values = graph->values;
    enum status st = OK;
    for (int i = 0; i < n_values; i++)
        if (!values[i]->constant && values[i]->dtype == DTYPE_F32 &&
            !is_output(graph, values[i]))
            scales[i] = scale_of(marks, ranges, values[i], &zeros[i]);
    for (int i = 0; i < n_nodes && !st; i++) {
        struct node *node = graph->nodes[i];
        if (any_of(node, layers) && scales[node->inputs[0]->id] > 0)
            st = quantize_layer(graph, node, scales[node->inputs[0]->id]);
    }
    for (int i = 0; i < n_values && !st; i++)
        if (scales[i] > 0)
            insert(graph, values[i], scales[i], zeros[i]);
    free(scales);
    free(zeros);
    return st ? st : graph_update(graph);
}
