#include "models/runtime/report.h"

#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

static bool ends(const char *name, const char *end)
{
    size_t a = strlen(name), b = strlen(end);
    return a >= b && !strcmp(name + a - b, end);
}

/* Conv, ConvInteger, QLinearConv and ConvTranspose: where the weights are. */
static int weights_of(const struct node *node)
{
    const char *name = node->op->name;
    if (!strcmp(name, "Conv") || !strcmp(name, "ConvTranspose") ||
        !strcmp(name, "ConvInteger") || !strcmp(name, "Gemm") || !strcmp(name, "MatMul") ||
        !strcmp(name, "MatMulInteger"))
        return 1;
    return ends(name, "QLinearConv") || ends(name, "QLinearMatMul") ? 3 : -1;
}

int64_t report_macs(const struct node *node)
{
    int at = weights_of(node);
    if (at < 0 || node->n_inputs <= at || !node->inputs[at])
        return 0;
    const struct shape *w = &node->inputs[at]->shape, *y = &node->outputs[0]->shape;
    const struct shape *x = &node->inputs[0]->shape;
    int64_t out = shape_count(y);
    if (!strcmp(node->op->name, "ConvTranspose"))
        return w->dim[0] ? shape_count(x) * (shape_count(w) / w->dim[0]) : 0;
    if (strstr(node->op->name, "Conv"))
        return w->dim[0] ? out * (shape_count(w) / w->dim[0]) : 0;
    bool turned = !strcmp(node->op->name, "Gemm") && node_int(node, "transA", 0);
    return x->rank ? out * x->dim[turned ? 0 : x->rank - 1] : 0;
}

/* Constants that scale, shift or weigh; bounds, shapes and quantization grids are not. */
static bool holds_params(const struct node *node)
{
    static const char *const names[] = {"BatchNormalization", "LayerNormalization",
                                        "InstanceNormalization", "GroupNormalization",
                                        "PRelu", "Add", "Mul", "Sub", "Div", NULL};
    if (weights_of(node) >= 0)
        return true;
    for (int i = 0; names[i]; i++)
        if (!strcmp(node->op->name, names[i]))
            return true;
    return false;
}

int64_t report_params(const struct node *node)
{
    int64_t params = 0;
    bool quantized = strstr(node->op->name, "QLinear") != NULL;
    for (int i = 0; holds_params(node) && i < node->n_inputs; i++) {
        const struct value *value = node->inputs[i];
        /* QLinear operators: x, scale, zero, w, scale, zero, scale, zero, bias. */
        if (value && value->constant && value->shape.rank > 0 &&
            (!quantized || i == 3 || i == 8))
            params += shape_count(&value->shape);
    }
    return params;
}

struct report_totals report_count(const struct graph *graph)
{
    struct report_totals totals = {0};
    bool *seen = calloc((size_t)graph->n_values + 1, sizeof *seen);
    for (int i = 0; i < graph->n_nodes; i++) {
        const struct node *node = graph->nodes[i];
        totals.macs += report_macs(node);
        bool fresh = false;
        for (int k = 0; seen && k < node->n_inputs; k++)
            if (node->inputs[k] && node->inputs[k]->constant && !seen[node->inputs[k]->id])
                fresh = seen[node->inputs[k]->id] = true;
        if (fresh)
            totals.params += report_params(node);
    }
    free(seen);
    totals.outputs = shape_count(&graph->outputs[0]->shape);
    return totals;
}
