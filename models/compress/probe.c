/*
 * Values inside a network: the wanted ones are flattened and joined into the output of a
 * copy, which the runtime then computes as any other network.
 */
#include "models/compress/compress.h"

#include "base/threads.h"
#include "models/ops/op.h"
#include "models/runtime/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct value *find(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_values; i++)
        if (!strcmp(graph->values[i]->name, name))
            return graph->values[i];
    return NULL;
}

static struct value *chain(struct graph *graph, const char *operator, int n,
                           struct value *const *in, const char *name)
{
    struct node *node = graph_node(graph, op_find(NULL, operator, 13), name, n, 1);
    for (int i = 0; i < n; i++)
        node->inputs[i] = in[i];
    node_set_int(graph, node, "axis", 1);
    node->version = 13;
    node->outputs[0] = graph_value(graph, name);
    node->outputs[0]->producer = node;
    return node->outputs[0];
}

/* The copy's output becomes [1][sum of the taps' elements]. */
static enum status join(struct graph *copy, const char *const *names, int n_names,
                        size_t *sizes)
{
    struct value **flat =
        arena_alloc(&copy->arena, (size_t)n_names * sizeof(struct value *));
    for (int i = 0; i < n_names; i++) {
        struct value *value = find(copy, names[i]);
        if (!value)
            return status_fail(ERR_NOTFOUND, "the network has no value '%s'", names[i]);
        sizes[i] = (size_t)shape_count(&value->shape);
        char name[32];
        snprintf(name, sizeof name, "tap_%d", i);
        flat[i] = chain(copy, "Flatten", 1, &value, name);
    }
    copy->outputs[0] =
        n_names == 1 ? flat[0] : chain(copy, "Concat", n_names, flat, "taps");
    enum status st = graph_update(copy);
    return st ? st : graph_infer(copy);
}

struct probe {
    const struct compress *compress;
    struct plan plan;
    struct lane *lanes;
    const size_t *sizes;
    int n_names;
    probe_visit *visit;
    void *context;
};

static enum status work(void *context, size_t sample, int worker)
{
    struct probe *p = context;
    struct lane *lane = &p->lanes[worker];
    const struct compress *c = p->compress;
    enum status st = lane->plan ? OK : lane_init(lane, &p->plan);
    if (st)
        return st;
    memcpy(lane->data[p->plan.input], c->x + sample * c->n_input,
           c->n_input * sizeof(float));
    st = lane_run(lane, 0, p->plan.n_forward);
    const float *data = lane->data[p->plan.output];
    for (int i = 0; i < p->n_names && !st; i++) {
        p->visit(p->context, worker, sample, i, data, p->sizes[i]);
        data += p->sizes[i];
    }
    return st;
}

enum status compress_probe(const struct compress *c, const struct graph *graph,
                           const char *const *names, int n_names, probe_visit *visit,
                           void *context)
{
    const struct plan_options options = {.mode = PLAN_INFER};
    int threads = c->rule->threads > 0 ? c->rule->threads : threads_available();
    struct graph copy = {0};
    struct probe p = {
        .compress = c, .n_names = n_names, .visit = visit, .context = context};
    size_t *sizes = mem_array((size_t)n_names, sizeof *sizes);
    p.sizes = sizes;
    enum status st = graph_copy(graph, &copy);
    if (!st)
        st = join(&copy, names, n_names, sizes);
    if (!st)
        st = plan_compile(&copy, &options, &p.plan);
    else
        graph_clear(&copy);
    p.lanes = mem_array((size_t)threads, sizeof *p.lanes);
    if (!st)
        st = threads_each(threads, c->n_samples, work, &p);
    for (int i = 0; i < threads; i++)
        if (p.lanes[i].plan)
            lane_clear(&p.lanes[i]);
    plan_clear(&p.plan);
    free(p.lanes);
    free(sizes);
    return st;
}
