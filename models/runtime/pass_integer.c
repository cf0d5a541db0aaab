/*
 * Fake quantization becomes integer arithmetic: DequantizeLinear -> operator -> [Relu, Clip]
 * -> QuantizeLinear is replaced by the QLinear operator with the same scales, whose
 * reference is the judge of the runtime's integer kernels. Relu and Clip become bounds on
 * integers (quantizing is monotone), and vanish where saturation is the same bound.
 *
 * Per-tensor activations; weights per tensor or per output channel, signed or unsigned, with
 * zero points; biases int32 of scale x_scale w_scale. What does not fit stays in float.
 */
#include "models/runtime/passes.h"

#include "models/ops/op.h"

#include <math.h>
#include <string.h>

static bool is(const struct node *node, const char *name)
{
    return node && !node->op->domain && !strcmp(node->op->name, name);
}

/* A quantized tensor: the integers, their scale and their zero point. */
struct quantized {
    struct value *q, *scale, *zero;
};

/* A zero point that the file leaves out is zero, as wide as the scale. */
static struct value *zero_of(struct graph *graph, const struct node *node,
                             const struct value *q)
{
    if (node->n_inputs > 2 && node->inputs[2])
        return node->inputs[2];
    struct tensor zero = {0};
    if (tensor_init(&zero, q->dtype, &node->inputs[1]->shape))
        return NULL;
    struct value *value = graph_constant(graph, "zero", &zero);
    tensor_clear(&zero);
    return value;
}

static bool narrow(enum dtype dtype)
{
    return dtype == DTYPE_U8 || dtype == DTYPE_I8;
}

static bool one_number(const struct value *value)
{
    return value && value->constant && shape_count(&value->shape) == 1;
}

/* What a DequantizeLinear reads, when it is per tensor and 8 bits wide. */
static bool activation_of(struct graph *graph, const struct value *value,
                          struct quantized *out)
{
    const struct node *node = value->producer;
    if (!is(node, "DequantizeLinear") || !narrow(node->inputs[0]->dtype) ||
        !one_number(node->inputs[1]))
        return false;
    *out = (struct quantized){node->inputs[0], node->inputs[1],
                              zero_of(graph, node, node->inputs[0])};
    return one_number(out->zero);
}

/* Integer weights behind a constant that was folded from DequantizeLinear; per channel only
 * along `axis`. */
static bool weights_of(struct graph *graph, const struct value *value, int axis,
                       struct quantized *out)
{
    const struct node *node = value->constant ? value->origin : NULL;
    if (!is(node, "DequantizeLinear") || !narrow(node->inputs[0]->dtype) ||
        !node->inputs[0]->constant || !node->inputs[1]->constant)
        return false;
    int64_t given = node_int(node, "axis", 1);
    int64_t scales = shape_count(&node->inputs[1]->shape);
    if (scales != 1 && (given < 0 ? given + value->shape.rank : given) != axis)
        return false;
    *out = (struct quantized){node->inputs[0], node->inputs[1],
                              zero_of(graph, node, node->inputs[0])};
    return out->zero && out->zero->constant;
}

/* The int32 bias of scale x_scale w_scale. */
static bool bias_of(const struct value *value, const struct quantized *x,
                    const struct quantized *w, struct value **out)
{
    const struct node *node = value->constant ? value->origin : NULL;
    if (!is(node, "DequantizeLinear") || node->inputs[0]->dtype != DTYPE_I32)
        return false;
    if (node->n_inputs > 2 && node->inputs[2])
        for (int64_t i = 0; i < shape_count(&node->inputs[2]->shape); i++)
            if (tensor_get(node->inputs[2]->constant, i) != 0)
                return false;
    const struct tensor *s = node->inputs[1]->constant, *ws = w->scale->constant;
    int64_t n = shape_count(&value->shape), ns = shape_count(&s->shape);
    int64_t nw = shape_count(&ws->shape);
    for (int64_t i = 0; i < n; i++) {
        double want = tensor_get(x->scale->constant, 0) * tensor_get(ws, nw > 1 ? i : 0);
        if (fabs(tensor_get(s, ns > 1 ? i : 0) - want) > 1e-4 * want)
            return false;
    }
    *out = node->inputs[0];
    return true;
}

/* Where an integer network's float interlude ends. */
struct finish {
    struct node *quantize;
    struct quantized y;
    double low, high;        /* of Relu and Clip in between, in real numbers */
    struct value *result;    /* of the operator itself */
};

static bool bound(const struct node *node, int input, const char *attribute, double *out)
{
    if (node->version < 11) {
        *out = (double)node_float(node, attribute, (float)*out);
        return true;
    }
    if (node->n_inputs <= input || !node->inputs[input])
        return true;
    if (!one_number(node->inputs[input]))
        return false;
    *out = tensor_get(node->inputs[input]->constant, 0);
    return true;
}

static bool finish_of(struct graph *graph, struct node *quantize, struct finish *out)
{
    if (!is(quantize, "QuantizeLinear") || !narrow(quantize->outputs[0]->dtype) ||
        !one_number(quantize->inputs[1]))
        return false;
    *out = (struct finish){.quantize = quantize, .low = -HUGE_VAL, .high = HUGE_VAL};
    out->y = (struct quantized){quantize->outputs[0], quantize->inputs[1],
                                zero_of(graph, quantize, quantize->outputs[0])};
    struct value *value = quantize->inputs[0];
    while (value->uses == 1 && value->producer) {
        struct node *node = value->producer;
        double low = -HUGE_VAL, high = HUGE_VAL;
        if (is(node, "Relu"))
            low = 0;
        else if (!is(node, "Clip") || !bound(node, 1, "min", &low) ||
                 !bound(node, 2, "max", &high))
            break;
        out->low = fmax(out->low, low);
        out->high = fmin(out->high, high);
        value = node->inputs[0];
    }
    out->result = value;
    return value->uses == 1 && value->producer && one_number(out->y.zero);
}

static double quantized_bound(double x, const struct quantized *y)
{
    double scale = tensor_get(y->scale->constant, 0), zero = tensor_get(y->zero->constant, 0);
    double low = y->q->dtype == DTYPE_U8 ? 0 : -128, high = low + 255;
    double q = rint((double)(float)(x / scale)) + zero;
    return q < low ? low : q > high ? high : q;
}

static struct value *integer_constant(struct graph *graph, enum dtype dtype, double number)
{
    struct shape scalar = {.rank = 0};
    struct tensor tensor = {0};
    if (tensor_init(&tensor, dtype, &scalar))
        return NULL;
    tensor_set(&tensor, 0, number);
    struct value *value = graph_constant(graph, "bound", &tensor);
    tensor_clear(&tensor);
    return value;
}

/* The operator's integer output takes the place of QuantizeLinear's. */
static void complete(struct graph *graph, struct finish *finish, struct node *node)
{
    const struct value *like = finish->quantize->outputs[0];
    struct value *y = graph_value(graph, like->name);
    y->dtype = like->dtype;
    y->shape = like->shape;
    y->shaped = true;
    y->producer = node;
    node->outputs[0] = y;
    double low = quantized_bound(finish->low, &finish->y);
    double high = quantized_bound(finish->high, &finish->y);
    bool wide = low <= (y->dtype == DTYPE_U8 ? 0 : -128) &&
                high >= (y->dtype == DTYPE_U8 ? 255 : 127);
    if (!wide) {
        struct node *clip = graph_node(graph, op_find(NULL, "Clip", 13), node->name, 3, 1);
        clip->version = 13;
        clip->inputs[0] = y;
        clip->inputs[1] = integer_constant(graph, y->dtype, low);
        clip->inputs[2] = integer_constant(graph, y->dtype, high);
        struct value *clipped = graph_value(graph, like->name);
        clipped->dtype = like->dtype;
        clipped->shape = like->shape;
        clipped->shaped = true;
        clipped->producer = clip;
        clip->outputs[0] = clipped;
        y = clipped;
    }
    graph_replace(graph, finish->quantize->outputs[0], y);
}

static struct node *start(struct graph *graph, const struct node *like, const char *domain,
                          const char *name, int n_inputs)
{
    const struct op *op = op_find(domain, name, domain ? 1 : 13);
    if (!op)
        return NULL;
    struct node *node = graph_node(graph, op, like->name, n_inputs, 1);
    node->version = domain ? 1 : 13;
    node->n_attributes = like->n_attributes;
    node->attributes = like->attributes;
    return node;
}

static void put(struct node *node, int at, const struct quantized *x)
{
    node->inputs[at] = x->q;
    node->inputs[at + 1] = x->scale;
    node->inputs[at + 2] = x->zero;
}

static bool convert_conv(struct graph *graph, struct finish *finish, const struct node *from)
{
    struct quantized x, w;
    struct value *bias = NULL;
    if (!activation_of(graph, from->inputs[0], &x) ||
        !weights_of(graph, from->inputs[1], 0, &w) ||
        (from->n_inputs > 2 && from->inputs[2] && !bias_of(from->inputs[2], &x, &w, &bias)))
        return false;
    struct node *node = start(graph, from, NULL, "QLinearConv", bias ? 9 : 8);
    if (!node)
        return false;
    put(node, 0, &x);
    put(node, 3, &w);
    node->inputs[6] = finish->y.scale;
    node->inputs[7] = finish->y.zero;
    if (bias)
        node->inputs[8] = bias;
    complete(graph, finish, node);
    return true;
}

static bool convert_gemm(struct graph *graph, struct finish *finish, const struct node *from)
{
    struct quantized x, w;
    struct value *bias = NULL;
    int axis = node_int(from, "transB", 0) ? 0 : 1;
    if (node_int(from, "transA", 0) || node_float(from, "alpha", 1) != 1.0f ||
        node_float(from, "beta", 1) != 1.0f || !activation_of(graph, from->inputs[0], &x) ||
        !weights_of(graph, from->inputs[1], axis, &w) ||
        (from->n_inputs > 2 && from->inputs[2] && !bias_of(from->inputs[2], &x, &w, &bias)))
        return false;
    struct node *node = start(graph, from, "com.microsoft", "QGemm", 9);
    if (!node)
        return false;
    put(node, 0, &x);
    put(node, 3, &w);
    node->inputs[6] = bias;
    node->inputs[7] = finish->y.scale;
    node->inputs[8] = finish->y.zero;
    complete(graph, finish, node);
    return true;
}

static bool convert_pair(struct graph *graph, struct finish *finish, const struct node *from,
                         const char *name)
{
    struct quantized a, b;
    if (!activation_of(graph, from->inputs[0], &a) ||
        !activation_of(graph, from->inputs[1], &b) || a.q->dtype != b.q->dtype ||
        a.q->dtype != finish->y.q->dtype)
        return false;
    struct node *node = start(graph, from, "com.microsoft", name, 8);
    if (!node)
        return false;
    node->n_attributes = 0;
    put(node, 0, &a);
    put(node, 3, &b);
    node->inputs[6] = finish->y.scale;
    node->inputs[7] = finish->y.zero;
    complete(graph, finish, node);
    return true;
}

static bool convert_pool(struct graph *graph, struct finish *finish, const struct node *from,
                         const char *name)
{
    struct quantized x;
    if (!activation_of(graph, from->inputs[0], &x) || x.q->dtype != finish->y.q->dtype)
        return false;
    struct node *node = start(graph, from, "com.microsoft", name, 5);
    if (!node)
        return false;
    put(node, 0, &x);
    node->inputs[3] = finish->y.scale;
    node->inputs[4] = finish->y.zero;
    complete(graph, finish, node);
    return true;
}

static bool convert_concat(struct graph *graph, struct finish *finish, const struct node *from)
{
    struct quantized parts[32];
    if (from->n_inputs > 32)
        return false;
    for (int i = 0; i < from->n_inputs; i++)
        if (!activation_of(graph, from->inputs[i], &parts[i]))
            return false;
    struct node *node =
        start(graph, from, "com.microsoft", "QLinearConcat", 2 + 3 * from->n_inputs);
    if (!node)
        return false;
    node->inputs[0] = finish->y.scale;
    node->inputs[1] = finish->y.zero;
    for (int i = 0; i < from->n_inputs; i++)
        put(node, 2 + 3 * i, &parts[i]);
    complete(graph, finish, node);
    return true;
}

/* Operators that only choose among their input's numbers, between equal scales, work on the
 * integers as they are. */
static bool convert_choice(struct graph *graph, struct finish *finish, const struct node *from)
{
    static const char *const names[] = {"MaxPool", "Reshape",   "Flatten", "Squeeze",
                                        "Unsqueeze", "Transpose", "Identity", NULL};
    struct quantized x;
    bool known = false;
    for (int i = 0; names[i]; i++)
        known |= is(from, names[i]);
    if (!known || from->n_outputs != 1 || !activation_of(graph, from->inputs[0], &x) ||
        x.q->dtype != finish->y.q->dtype ||
        tensor_get(x.scale->constant, 0) != tensor_get(finish->y.scale->constant, 0) ||
        tensor_get(x.zero->constant, 0) != tensor_get(finish->y.zero->constant, 0))
        return false;
    struct node *node = start(graph, from, NULL, from->op->name, from->n_inputs);
    if (!node)
        return false;
    node->version = from->version;
    node->op = from->op;
    memcpy(node->inputs, from->inputs, (size_t)from->n_inputs * sizeof *node->inputs);
    node->inputs[0] = x.q;
    complete(graph, finish, node);
    return true;
}

static bool convert(struct graph *graph, struct node *quantize)
{
    struct finish finish;
    if (!finish_of(graph, quantize, &finish))
        return false;
    const struct node *from = finish.result->producer;
    if (is(from, "Conv"))
        return convert_conv(graph, &finish, from);
    if (is(from, "Gemm"))
        return convert_gemm(graph, &finish, from);
    if (is(from, "Add") && from->n_inputs == 2)
        return convert_pair(graph, &finish, from, "QLinearAdd");
    if (is(from, "Mul") && from->n_inputs == 2)
        return convert_pair(graph, &finish, from, "QLinearMul");
    if (is(from, "GlobalAveragePool"))
        return convert_pool(graph, &finish, from, "QLinearGlobalAveragePool");
    if (is(from, "AveragePool"))
        return convert_pool(graph, &finish, from, "QLinearAveragePool");
    if (is(from, "Concat"))
        return convert_concat(graph, &finish, from);
    return convert_choice(graph, &finish, from);
}

enum status pass_integer(struct graph *graph, int *converted)
{
    *converted = 0;
    int n = graph->n_nodes;
    for (int i = 0; i < n; i++)
        if (is(graph->nodes[i], "QuantizeLinear"))
            *converted += convert(graph, graph->nodes[i]);
    return *converted ? graph_update(graph) : OK;
}
