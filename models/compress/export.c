/*
 * The quantized network as ONNX: weights as integers with DequantizeLinear, inputs of
 * layers through QuantizeLinear and DequantizeLinear, biases as int32 on the product of
 * both scales where both are of 8 bits.
 */
#include "models/compress/compress.h"

#include "models/graph/passes.h"
#include "models/ops/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPSET = 13, OPSET_INT4 = 21 };

struct export
{
    struct graph *graph;
    const struct compress *compress;
    bool int4;
    int names;
};

static struct value *make(struct export *e, const char *stem)
{
    return graph_value(e->graph,
                       arena_format(&e->graph->arena, "q_%s_%d", stem, e->names++));
}

static struct value *constant(struct export *e, const char *stem, enum dtype dtype,
                              const struct shape *shape, const void *data)
{
    union {
        const void *from;
        void *to;
    } bytes = {.from = data};
    const struct tensor tensor = {dtype, *shape, bytes.to, false};
    char *name = arena_format(&e->graph->arena, "q_%s_%d", stem, e->names++);
    return graph_constant(e->graph, name, &tensor);
}

static struct value *node(struct export *e, const char *operator, int n,
                          struct value *const *in, int axis)
{
    struct node *made =
        graph_node(e->graph, op_find(NULL, operator, OPSET),
                   arena_format(&e->graph->arena, "q_node_%d", e->names++), n, 1);
    made->version = OPSET;
    for (int i = 0; i < n; i++)
        made->inputs[i] = in[i];
    if (axis >= 0)
        node_set_int(e->graph, made, "axis", axis);
    made->outputs[0] = make(e, operator);
    made->outputs[0]->producer = made;
    return made->outputs[0];
}

/* Codes of channels with zero points of their own are written less these, as int8: integer
 * kernels take one zero point a weight. The 4-bit types have no room for that. */
static bool is_moved(const struct export *e, const struct quant_layer *layer)
{
    return e->compress->rule->preset->per_channel && layer->grids[0].low == 0 &&
           layer->bits < 8 && !(e->int4 && layer->bits <= 4);
}

/* Signed where the grid is, so that fewer bits are a part of more. */
static enum dtype weight_type(const struct export *e, const struct quant_layer *layer)
{
    bool is_signed = layer->grids[0].low < 0 || is_moved(e, layer);
    if (e->int4 && layer->bits <= 4)
        return is_signed ? DTYPE_I4 : DTYPE_U4;
    return is_signed ? DTYPE_I8 : DTYPE_U8;
}

static struct value *integers(struct export *e, const struct quant_layer *layer,
                              const struct shape *shape, enum dtype dtype)
{
    int8_t *bytes = mem_array((size_t)layer->count, 1);
    for (int64_t i = 0; i < layer->count; i++)
        bytes[i] = (int8_t)(layer->codes[i] -
                            (is_moved(e, layer) ? layer_grid(layer, i)->zero : 0));
    struct value *value = constant(e, "weight", dtype, shape, bytes);
    free(bytes);
    return value;
}

static struct value *weights(struct export *e, const struct quant_layer *layer)
{
    bool each = e->compress->rule->preset->per_channel;
    enum dtype dtype = weight_type(e, layer);
    int64_t n = each ? layer->channels : 1;
    const struct shape row = {each ? 1 : 0, {n}};
    float *scales = mem_array((size_t)n, sizeof *scales);
    int8_t *zeros = mem_array((size_t)n, 1);
    for (int64_t i = 0; i < n; i++) {
        scales[i] = (float)layer->grids[i].scale;
        zeros[i] = (int8_t)(is_moved(e, layer) ? 0 : layer->grids[i].zero);
    }
    struct value *in[3] = {
        integers(e, layer, &layer->original->inputs[1]->shape, dtype),
        constant(e, "scale", DTYPE_F32, &row, scales),
        constant(e, "zero", dtype, &row, zeros)};
    free(scales);
    free(zeros);
    return node(e, "DequantizeLinear", 3, in, each ? layer->axis : -1);
}

/* Clip to the codes that fewer than 8 bits have; then the grid itself. */
static struct value *activation(void *context, struct graph *graph, int act,
                                struct value *x)
{
    struct export *e = context;
    const struct grid *g = &e->compress->acts[act].grid;
    const struct shape scalar = {0, {0}};
    bool is_signed = g->low < 0;
    float scale = (float)g->scale;
    int8_t zero = (int8_t)g->zero;
    (void)graph;
    if (g->high - g->low < 254) {
        float low = (float)(g->low - g->zero) * scale,
              high = (float)(g->high - g->zero) * scale;
        struct value *clip[3] = {x, constant(e, "low", DTYPE_F32, &scalar, &low),
                                 constant(e, "high", DTYPE_F32, &scalar, &high)};
        x = node(e, "Clip", 3, clip, -1);
    }
    struct value *in[3] = {
        x, constant(e, "scale", DTYPE_F32, &scalar, &scale),
        constant(e, "zero", is_signed ? DTYPE_I8 : DTYPE_U8, &scalar, &zero)};
    in[0] = node(e, "QuantizeLinear", 3, in, -1);
    return node(e, "DequantizeLinear", 3, in, -1);
}

/* Bias on the grid of the accumulator: what integer kernels add. */
static struct value *bias(struct export *e, const struct quant_layer *layer,
                          const struct value *b)
{
    const float *data = b->constant->data;
    int64_t n = layer->channels;
    const struct shape row = {1, {n}};
    int32_t *codes = mem_array((size_t)n, sizeof *codes);
    float *scales = mem_array((size_t)n, sizeof *scales);
    for (int64_t i = 0; i < n; i++) {
        scales[i] = (float)e->compress->acts[layer->input].grid.scale *
                    (float)layer->grids[i].scale;
        double code = rint((double)data[i] / (double)scales[i]);
        codes[i] = (int32_t)fmin(fmax(code, -2147483647), 2147483647);
    }
    struct value *in[2] = {constant(e, "bias", DTYPE_I32, &row, codes),
                           constant(e, "scale", DTYPE_F32, &row, scales)};
    free(codes);
    free(scales);
    return node(e, "DequantizeLinear", 2, in, 0);
}

static struct node *same_node(const struct graph *graph, const struct node *node)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (!strcmp(graph->nodes[i]->outputs[0]->name, node->outputs[0]->name))
            return graph->nodes[i];
    return NULL;
}

/* The batch is free again, unless something in the network has fixed it. */
static enum status free_batch(struct graph *graph)
{
    struct graph copy = {0}, special = {0};
    enum status st = graph_copy(graph, &copy);
    if (!st)
        copy.inputs[0]->shape.dim[0] = -1;
    for (int i = 0; !st && i < copy.n_outputs; i++)
        copy.outputs[i]->shape.dim[0] = -1;
    bool works = !st && !graph_specialise(&copy, 3, &special) &&
                 special.outputs[0]->shape.dim[0] == 3;
    graph_clear(&special);
    graph_clear(&copy);
    if (works) {
        graph->inputs[0]->shape.dim[0] = -1;
        for (int i = 0; i < graph->n_outputs; i++)
            graph->outputs[i]->shape.dim[0] = -1;
    }
    return st;
}

enum status compress_export(const struct compress *c, bool int4, struct graph *out)
{
    enum status st = graph_copy(&c->work, out);
    if (st)
        return st;
    if (out->opset < OPSET)
        return status_fail(ERR_UNSUPPORTED,
                           "the network is of opset %d; 13 or later is needed",
                           out->opset);
    if (int4 && out->opset < OPSET_INT4)
        st = graph_upgrade(out, OPSET_INT4);
    struct export e = {.graph = out, .compress = c, .int4 = int4};
    bool acts = c->acts[0].grid.scale > 0;
    for (int i = 0; i < c->n_layers && !st; i++) {
        const struct quant_layer *layer = &c->layers[i];
        struct node *n = same_node(out, layer->node);
        n->inputs[1] = weights(&e, layer);
        if (acts && n->n_inputs > 2 && n->inputs[2] && n->inputs[2]->constant)
            n->inputs[2] = bias(&e, layer, n->inputs[2]);
    }
    if (!st)
        st = graph_update(out);
    if (!st && acts)
        st = compress_insert(c, out, activation, &e);
    return st ? st : free_batch(out);
}
