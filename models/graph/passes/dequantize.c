/*
 * Integer operators become their float form: DequantizeLinear on every quantized input, the
 * plain operator, QuantizeLinear on the output. The result is fake quantization, the literal
 * reading of a QDQ file: it may differ from the integer operator by one level, and has
 * straight-through gradients.
 */
#include "models/graph/passes/match.h"

#include <string.h>

static struct value *input_of(const struct node *node, int i)
{
    return i < node->n_inputs ? node->inputs[i] : NULL;
}

/* A node of the ai.onnx domain with one new output, not yet inferred. */
static struct node *add_node(struct graph *graph, const char *name, const char *label,
                             int n_inputs)
{
    int opset = graph->opset > 13 ? graph->opset : 13;
    struct node *node = graph_node(graph, op_find(NULL, name, opset), label, n_inputs, 1);
    node->version = opset;
    node->outputs[0] = graph_value(graph, label);
    node->outputs[0]->producer = node;
    return node;
}

/* Inputs i, i + 1, i + 2 of a node are a tensor, its scale and its zero point. */
static struct value *dequantized(struct graph *graph, const struct node *node, int i,
                                 int64_t axis)
{
    struct value *zero = input_of(node, i + 2);
    struct node *dq = add_node(graph, "DequantizeLinear", node->name, zero ? 3 : 2);
    dq->inputs[0] = node->inputs[i];
    dq->inputs[1] = node->inputs[i + 1];
    if (zero)
        dq->inputs[2] = zero;
    node_set_int(graph, dq, "axis", axis);
    return dq->outputs[0];
}

/* Quantizes what `real` gives and puts it in the place of the node's output. */
static void finish(struct graph *graph, const struct node *node, struct node *real,
                   struct value *scale, struct value *zero)
{
    struct value *old = node->outputs[0];
    if (!scale) {
        graph_replace(graph, old, real->outputs[0]);
        return;
    }
    struct node *q = add_node(graph, "QuantizeLinear", old->name, zero ? 3 : 2);
    q->inputs[0] = real->outputs[0];
    q->inputs[1] = scale;
    if (zero)
        q->inputs[2] = zero;
    graph_replace(graph, old, q->outputs[0]);
}

/* The operator's attributes, as far as the plain operator has them too. */
static void copy_attributes(struct graph *graph, const struct node *from, struct node *to)
{
    static const char *const ints[] = {"group", "ceil_mode", "count_include_pad", "transA",
                                       "transB", "axis"};
    static const char *const lists[] = {"dilations", "kernel_shape", "pads", "strides"};
    int count;
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        if (node_int(from, ints[i], INT64_MIN) != INT64_MIN)
            node_set_int(graph, to, ints[i], node_int(from, ints[i], 0));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const int64_t *list = node_ints(from, lists[i], &count);
        if (list)
            node_set_ints(graph, to, lists[i], list, count);
    }
    if (node_string(from, "auto_pad", NULL))
        node_set_string(graph, to, "auto_pad", node_string(from, "auto_pad", NULL));
    if (node_float(from, "alpha", -1e30f) > -1e29f)
        node_set_float(graph, to, "alpha", node_float(from, "alpha", 0));
}

/* int32 bias of scale x_scale w_scale as float32, or NULL when one is not constant. */
static struct value *real_bias(struct graph *graph, const struct value *bias,
                               const struct value *x_scale, const struct value *w_scale)
{
    struct tensor real;
    if (!bias->constant || !x_scale->constant || !w_scale->constant ||
        tensor_init(&real, DTYPE_F32, &bias->constant->shape))
        return NULL;
    int64_t count = shape_count(&real.shape);
    bool per_map = shape_count(&w_scale->shape) > 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t map = per_map ? i % shape_count(&w_scale->shape) : 0;
        float scale = (float)tensor_get(x_scale->constant, 0) *
                      (float)tensor_get(w_scale->constant, map);
        tensor_set(&real, i, (double)tensor_get_int(bias->constant, i) * (double)scale);
    }
    struct value *value = graph_constant(graph, bias->name, &real);
    tensor_clear(&real);
    return value;
}

/* QLinearConv and QGemm: x, w, a bias. `bias` and `y` are the places of bias and y_scale. */
static bool layer(struct graph *graph, const struct node *node, const char *name, int64_t axis,
                  int bias, int y)
{
    struct value *b = input_of(node, bias), *real = NULL;
    if (b && !(real = real_bias(graph, b, node->inputs[1], node->inputs[4])))
        return false;
    struct value *x = dequantized(graph, node, 0, 1), *w = dequantized(graph, node, 3, axis);
    struct node *plain = add_node(graph, name, node->name, real ? 3 : 2);
    plain->inputs[0] = x;
    plain->inputs[1] = w;
    if (real)
        plain->inputs[2] = real;
    copy_attributes(graph, node, plain);
    finish(graph, node, plain, input_of(node, y), input_of(node, y + 1));
    return true;
}

static bool binary(struct graph *graph, const struct node *node, const char *name)
{
    const struct shape *b = &node->inputs[3]->shape;
    if (shape_count(&node->inputs[1]->shape) != 1)
        return false;
    struct value *left = dequantized(graph, node, 0, 0);
    struct value *right = dequantized(graph, node, 3, b->rank - 1);
    struct node *plain = add_node(graph, name, node->name, 2);
    plain->inputs[0] = left;
    plain->inputs[1] = right;
    finish(graph, node, plain, node->inputs[6], input_of(node, 7));
    return true;
}

static bool unary(struct graph *graph, const struct node *node, const char *name)
{
    if (node_int(node, "channels_last", 0))
        return false;
    struct value *x = dequantized(graph, node, 0, 1);
    struct node *plain = add_node(graph, name, node->name, 1);
    plain->inputs[0] = x;
    copy_attributes(graph, node, plain);
    finish(graph, node, plain, node->inputs[3], input_of(node, 4));
    return true;
}

static bool concat(struct graph *graph, const struct node *node)
{
    int parts = (node->n_inputs - 2) / 3;
    struct node *plain = add_node(graph, "Concat", node->name, parts);
    for (int i = 0; i < parts; i++)
        plain->inputs[i] = dequantized(graph, node, 2 + 3 * i, 1);
    copy_attributes(graph, node, plain);
    finish(graph, node, plain, node->inputs[0], node->inputs[1]);
    return true;
}

static bool rewrite(struct graph *graph, const struct node *node)
{
    const char *name = node->op->name;
    if (!strcmp(name, "QLinearConv"))
        return layer(graph, node, "Conv", 0, 8, 6);
    if (!strcmp(name, "QGemm"))
        return layer(graph, node, "Gemm", node_int(node, "transB", 0) ? 0 : 1, 6, 7);
    if (!strcmp(name, "QLinearMatMul"))
        return binary(graph, node, "MatMul");
    if (!strcmp(name, "QLinearAdd"))
        return binary(graph, node, "Add");
    if (!strcmp(name, "QLinearMul"))
        return binary(graph, node, "Mul");
    if (!strcmp(name, "QLinearConcat"))
        return concat(graph, node);
    if (!strcmp(name, "QLinearGlobalAveragePool"))
        return unary(graph, node, "GlobalAveragePool");
    if (!strcmp(name, "QLinearAveragePool"))
        return unary(graph, node, "AveragePool");
    if (!strcmp(name, "QLinearSigmoid"))
        return unary(graph, node, "Sigmoid");
    return !strcmp(name, "QLinearLeakyRelu") && unary(graph, node, "LeakyRelu");
}

enum status graph_dequantize(struct graph *graph, int *found)
{
    int nodes = graph->n_nodes; /* new ones are appended */
    *found = 0;
    for (int n = 0; n < nodes; n++)
        *found += rewrite(graph, graph->nodes[n]);
    enum status st = *found ? graph_update(graph) : OK;
    return st || !*found ? st : graph_infer(graph);
}
