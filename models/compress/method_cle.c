/*
 * Cross-layer equalisation: channel i between two layers is divided by s_i in the first
 * and multiplied in the second, s_i = sqrt(r1_i / r2_i) of the largest weights, so that
 * both use their grids alike. The network computes the same: what lies between passes a
 * positive factor of a channel through, and Clip(0, m) becomes Relu and a Min with m / s_i.
 *
 * Source: Nagel et al. 2019, arXiv:1906.04721, section 4.1. Biases are not absorbed:
 * that needs the statistics of a batch norm that is no longer there once folded.
 */
#include "models/compress/compress.h"

#include "models/ops/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEPS = 40 };

struct couple {
    struct node *first, *second, *cap; /* cap: the Min between, or NULL */
    float *w1, *b1, *w2, *m;           /* copies of their own */
    int64_t channels;
};

static bool is(const struct node *node, const char *name)
{
    return !node->op->domain && !strcmp(node->op->name, name);
}

static bool is_layer(const struct node *node)
{
    return (is(node, "Conv") || (is(node, "Gemm") && node_int(node, "transB", 0))) &&
           node->inputs[1]->constant && node->inputs[1]->dtype == DTYPE_F32;
}

static bool is_depthwise(const struct node *node)
{
    return is(node, "Conv") && node->inputs[1]->shape.dim[1] == 1 &&
           node_int(node, "group", 1) == node->inputs[1]->shape.dim[0];
}

/* f(s x) = s f(x) for s > 0, each channel for itself. */
static bool passes_factor(const struct node *node)
{
    static const char *const names[] = {"Relu",    "LeakyRelu",   "MaxPool",
                                        "Dropout", "AveragePool", "GlobalAveragePool"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(node, names[i]))
            return true;
    return is(node, "Flatten") && node->inputs[0]->shape.rank == 4 &&
           node->inputs[0]->shape.dim[2] * node->inputs[0]->shape.dim[3] == 1;
}

static bool is_cap(const struct node *node)
{
    return is(node, "Clip") && node->n_inputs > 2 && node->inputs[1] && node->inputs[2] &&
           node->inputs[1]->constant && node->inputs[2]->constant &&
           tensor_get(node->inputs[1]->constant, 0) == 0;
}

static struct node *only_reader(const struct graph *graph, const struct value *value)
{
    struct node *reader = NULL;
    for (int i = 0; i < graph->n_nodes && value->uses == 1; i++)
        for (int k = 0; k < graph->nodes[i]->n_inputs; k++)
            if (graph->nodes[i]->inputs[k] == value)
                reader = graph->nodes[i];
    return reader;
}

/* The layer that alone reads `first`, through nothing but what passes factors; the Clip
 * on the way, if there is one. */
static struct node *partner(const struct graph *graph, const struct node *first,
                            struct node **clip)
{
    *clip = NULL;
    struct node *node = only_reader(graph, first->outputs[0]);
    while (node && !is_layer(node)) {
        if (is_cap(node) && !*clip)
            *clip = node;
        else if (!passes_factor(node))
            return NULL;
        node = only_reader(graph, node->outputs[0]);
    }
    if (!node || node->inputs[1]->constant == NULL)
        return NULL;
    int64_t channels = first->inputs[1]->shape.dim[0];
    const struct shape *w = &node->inputs[1]->shape;
    bool whole = is_depthwise(node) ? w->dim[0] == channels
                                    : node_int(node, "group", 1) == 1 &&
                                          w->dim[1] == channels;
    return whole ? node : NULL;
}

/* Relu and a Min with one limit a channel, where Clip had one for all. */
static struct node *split_clip(struct graph *graph, struct node *clip, int64_t channels)
{
    float m = (float)tensor_get(clip->inputs[2]->constant, 0);
    float *limits = mem_array((size_t)channels, sizeof *limits);
    for (int64_t i = 0; i < channels; i++)
        limits[i] = m;
    int rank = clip->inputs[0]->shape.rank;
    struct tensor tensor = {DTYPE_F32, {rank > 2 ? rank - 1 : 1, {channels, 1, 1, 1}},
                            limits, false};
    const char *name = clip->name;
    struct node *relu = graph_node(graph, op_find(NULL, "Relu", 13),
                                   arena_format(&graph->arena, "%s_relu", name), 1, 1);
    struct node *least = graph_node(graph, op_find(NULL, "Min", 13),
                                    arena_format(&graph->arena, "%s_min", name), 2, 1);
    relu->version = least->version = 13;
    relu->inputs[0] = clip->inputs[0];
    relu->outputs[0] = graph_value(graph, relu->name);
    relu->outputs[0]->producer = relu;
    least->inputs[0] = relu->outputs[0];
    least->inputs[1] =
        graph_constant(graph, arena_format(&graph->arena, "%s_limits", name), &tensor);
    least->outputs[0] = graph_value(graph, least->name);
    least->outputs[0]->producer = least;
    graph_replace(graph, clip->outputs[0], least->outputs[0]);
    free(limits);
    return least;
}

/* Data that no other graph shares. */
static float *own(struct graph *graph, struct node *node, int input, bool *owned)
{
    if (node->n_inputs <= input || !node->inputs[input])
        return NULL;
    if (!*owned)
        node->inputs[input] =
            graph_constant(graph, node->inputs[input]->name, node->inputs[input]->constant);
    *owned = true;
    return node->inputs[input]->constant->data;
}

static double largest(const float *w, int64_t count, int64_t stride, int64_t run)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < run; k++)
            most = fmax(most, fabs((double)w[i * stride + k]));
    return most;
}

static void scale(float *w, int64_t count, int64_t stride, int64_t run, double by)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < run; k++)
            w[i * stride + k] = (float)((double)w[i * stride + k] * by);
}

/* How far the scales were from 1. */
static double equalise(struct couple *c)
{
    const struct shape *s1 = &c->first->inputs[1]->shape,
                       *s2 = &c->second->inputs[1]->shape;
    int64_t row = shape_count(s1) / c->channels;
    bool depthwise = is_depthwise(c->second);
    int64_t run = shape_count(s2) / s2->dim[0] / s2->dim[1]; /* of the kernel */
    int64_t count = depthwise ? 1 : s2->dim[0], stride = s2->dim[1] * run;
    double most = 0;
    for (int64_t i = 0; i < c->channels; i++) {
        float *w2 = c->w2 + i * run;
        double r1 = largest(c->w1 + i * row, 1, 0, row), r2 = largest(w2, count, stride, run);
        if (!(r1 > 0) || !(r2 > 0))
            continue;
        double s = sqrt(r1 / r2);
        scale(c->w1 + i * row, 1, 0, row, 1 / s);
        scale(w2, count, stride, run, s);
        if (c->b1)
            scale(c->b1 + i, 1, 0, 1, 1 / s);
        if (c->m)
            scale(c->m + i, 1, 0, 1, 1 / s);
        most = fmax(most, fabs(log(s)));
    }
    return most;
}

static int find_couples(struct graph *graph, struct couple *couples, struct node **clips)
{
    int n = 0;
    for (int i = 0; i < graph->n_nodes; i++) {
        struct node *first = graph->nodes[i];
        if (!is_layer(first) ||
            (first->n_inputs > 2 && first->inputs[2] && !first->inputs[2]->constant))
            continue;
        struct node *second = partner(graph, first, &clips[n]);
        if (second)
            couples[n++] = (struct couple){.first = first,
                                           .second = second,
                                           .channels = first->inputs[1]->shape.dim[0]};
    }
    return n;
}

static enum status prepare(struct compress *c)
{
    struct graph *graph = &c->full;
    size_t room = (size_t)graph->n_nodes;
    struct couple *couples = mem_array(room, sizeof *couples);
    struct node **clips = mem_array(room, sizeof(struct node *));
    bool *owned = mem_array(room, 2 * sizeof *owned); /* weight and bias, by node id */
    int n = find_couples(graph, couples, clips);
    for (int i = 0; i < n; i++) {
        struct couple *p = &couples[i];
        int a = p->first->id, b = p->second->id;
        p->w1 = own(graph, p->first, 1, &owned[2 * a]);
        p->b1 = own(graph, p->first, 2, &owned[2 * a + 1]);
        p->w2 = own(graph, p->second, 1, &owned[2 * b]);
        bool made = true;
        if (clips[i])
            p->cap = split_clip(graph, clips[i], p->channels);
        if (p->cap)
            p->m = own(graph, p->cap, 1, &made);
    }
    double off = 1;
    for (int sweep = 0; sweep < SWEEPS && off > 1e-4; sweep++) {
        off = 0;
        for (int i = 0; i < n; i++)
            off = fmax(off, equalise(&couples[i]));
    }
    free(couples);
    free(clips);
    free(owned);
    enum status st = graph_update(graph);
    return st ? st : graph_infer(graph);
}

const struct method method_cle = {
    .name = "cle",
    .summary = "equalise channels across layers first; combines with all others",
    .source = "arXiv:1906.04721",
    .prepare = prepare,
};
