/* Grids of activations: their ranges, and the network with them in it. */
#include "models/compress/compress.h"

#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

static void collect(void *context, int worker, size_t sample, int tap, const float *data,
                    size_t count)
{
    struct statistics *statistics = context; /* [acts] */
    (void)worker;
    (void)sample;
    statistics_add(&statistics[tap], data, count);
}

static void choose(struct compress *c, const struct statistics *statistics)
{
    for (int i = 0; i < c->n_acts; i++) {
        struct grid_rule rule = c->rule->preset->acts;
        double low, high;
        rule.bits = c->acts[i].bits;
        c->rule->act_observer->range(&statistics[i], &rule, &low, &high);
        c->acts[i].grid = grid_for_range(&rule, low, high);
        if (c->loaded_steps)
            c->acts[i].grid.scale = c->loaded_steps[i];
    }
}

/* --- the network with quantizers in it ------------------------------------------------ */

struct value *compress_value(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_values; i++)
        if (!strcmp(graph->values[i]->name, name))
            return graph->values[i];
    return NULL;
}

enum status compress_insert(const struct compress *c, struct graph *graph,
                            struct value *(*make)(void *context, struct graph *graph,
                                                  int act, struct value *x),
                            void *context)
{
    for (int i = 0; i < c->n_acts; i++) {
        struct value *x = compress_value(graph, c->acts[i].name);
        if (!x)
            return status_fail(ERR_NOTFOUND, "no value '%s' to quantize",
                               c->acts[i].name);
        int n_nodes = graph->n_nodes; /* those that read x now */
        struct value *y = make(context, graph, i, x);
        for (int n = 0; n < n_nodes; n++)
            for (int k = 0; k < graph->nodes[n]->n_inputs; k++)
                if (graph->nodes[n]->inputs[k] == x)
                    graph->nodes[n]->inputs[k] = y;
    }
    return graph_update(graph);
}

static const char *staged_name(struct graph *graph, const char *name)
{
    return arena_format(&graph->arena, "%s_quantized", name);
}

static struct value *learned_step(void *context, struct graph *graph, int act,
                                  struct value *x)
{
    const struct compress *c = context;
    const struct grid *grid = &c->acts[act].grid;
    float state[2] = {(float)grid->scale, 0};
    const struct tensor tensor = {DTYPE_F32, {1, {2}}, state, false};
    struct node *node = graph_node(graph, op_find("gauntlet", "LearnedStep", 1),
                                   arena_format(&graph->arena, "step_node_%d", act), 2, 1);
    node->version = 1;
    node->inputs[0] = x;
    node->inputs[1] =
        graph_constant(graph, arena_format(&graph->arena, "step_%d", act), &tensor);
    node_set_int(graph, node, "low", grid->low - grid->zero);
    node_set_int(graph, node, "high", grid->high - grid->zero);
    node->outputs[0] = graph_value(graph, staged_name(graph, x->name));
    node->outputs[0]->producer = node;
    c->acts[act].step = node->inputs[1]->constant->data;
    return node->outputs[0];
}

static enum status stage(struct compress *c)
{
    graph_clear(&c->staged);
    enum status st = graph_copy(&c->work, &c->staged);
    if (!st)
        st = compress_insert(c, &c->staged, learned_step, c);
    return st ? st : graph_infer(&c->staged);
}

/*
 * One worker, so that moving averages and histograms are the same on any machine: a pass
 * over the calibration data is cheap beside everything else.
 */
enum status compress_ranges(struct compress *c, const struct graph *graph)
{
    if (c->rule->act_bits > 8)
        return OK;
    struct compress_rule single = *c->rule;
    single.threads = 1;
    struct compress one = *c;
    one.rule = &single;
    struct statistics *statistics = mem_array((size_t)c->n_acts, sizeof *statistics);
    const char **names = mem_array((size_t)c->n_acts, sizeof *names);
    for (int i = 0; i < c->n_acts; i++)
        names[i] = c->acts[i].name;
    enum status st = compress_probe(&one, graph, names, c->n_acts, collect, statistics);
    if (!st) {
        choose(c, statistics);
        st = stage(c);
    }
    for (int i = 0; i < c->n_acts; i++)
        statistics_clear(&statistics[i]);
    free(statistics);
    free(names);
    return st;
}

struct graph *compress_quantized(struct compress *c)
{
    return c->staged.n_nodes ? &c->staged : &c->work;
}

const char *compress_quantized_name(struct compress *c, const char *name)
{
    if (!c->staged.n_nodes)
        return name;
    const char *quantized = staged_name(&c->staged, name);
    return compress_value(&c->staged, quantized) ? quantized : name;
}
