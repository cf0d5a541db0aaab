/*
 * Round to nearest, then each layer's bias moves by the mean error of its outputs on the
 * calibration data. Nagel et al. 2019, arXiv:1906.04721 (their empirical form).
 */
#include "models/compress/compress.h"

#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

struct means {
    double *sums; /* [channels] */
    int64_t channels, space;
};

static void add(void *context, int worker, size_t sample, int tap, const float *data,
                size_t count)
{
    struct means *m = context;
    (void)worker;
    (void)sample;
    (void)tap;
    for (size_t i = 0; i < count; i++)
        m->sums[(int64_t)i / m->space % m->channels] += (double)data[i];
}

static enum status mean_output(const struct compress *c, const struct graph *graph,
                               const struct value *value, struct means *m)
{
    m->channels = value->shape.dim[1];
    m->space = shape_count(&value->shape) / value->shape.dim[0] / m->channels;
    m->sums = mem_array((size_t)m->channels, sizeof *m->sums);
    return compress_probe(c, graph, &value->name, 1, add, m);
}

/* Gives the layer a bias of its own when it has none. */
static float *bias_of(struct compress *c, struct node *node, int64_t channels)
{
    struct graph *graph = &c->work;
    struct tensor zeros;
    const struct shape shape = {1, {channels}};
    if (node->n_inputs > 2 && node->inputs[2]) {
        zeros = *node->inputs[2]->constant;
    } else {
        struct value **inputs = arena_alloc(&graph->arena, 3 * sizeof(struct value *));
        memcpy(inputs, node->inputs, 2 * sizeof *inputs);
        node->inputs = inputs;
        node->n_inputs = 3;
        zeros = (struct tensor){DTYPE_F32, shape, mem_array((size_t)channels, 4), false};
    }
    char *name = arena_format(&graph->arena, "bias_%d", node->id);
    bool made = !node->inputs[2];
    node->inputs[2] = graph_constant(graph, name, &zeros);
    if (made)
        free(zeros.data);
    return node->inputs[2]->constant->data;
}

static enum status correct(struct compress *c, struct quant_layer *layer)
{
    struct means full = {0}, work = {0};
    const struct value *value = layer->original->outputs[0];
    if (!strcmp(layer->node->op->name, "MatMul")) /* no bias to move */
        return OK;
    enum status st = mean_output(c, &c->full, value, &full);
    if (!st)
        st = mean_output(c, &c->work, value, &work);
    if (!st) {
        float *bias = bias_of(c, layer->node, full.channels);
        double n = (double)c->n_samples * (double)full.space;
        for (int64_t i = 0; i < full.channels; i++)
            bias[i] += (float)((full.sums[i] - work.sums[i]) / n);
        st = graph_update(&c->work);
    }
    free(full.sums);
    free(work.sums);
    return st;
}

/* Sums are taken by one worker, so that they are the same on any number of threads. */
static enum status run(struct compress *c)
{
    struct compress_rule single = *c->rule;
    const struct compress_rule *rule = c->rule;
    single.threads = 1;
    c->rule = &single;
    enum status st = OK;
    for (int i = 0; i < c->n_layers && !st; i++)
        st = correct(c, &c->layers[i]);
    c->rule = rule;
    return st;
}

const struct method method_bias = {
    .name = "bias",
    .summary = "round to nearest, then correct the mean of every layer",
    .source = "arXiv:1906.04721",
    .run = run,
};
