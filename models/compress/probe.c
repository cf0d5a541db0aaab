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
        struct value *value = compress_value(copy, names[i]);
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

static void keep(void *context, int worker, size_t sample, int tap, const float *data,
                 size_t count)
{
    float *all = context;
    (void)worker;
    (void)tap;
    memcpy(all + sample * count, data, count * sizeof *data);
}

enum status compress_record(const struct compress *c, const struct graph *graph,
                            const char *name, float **out, size_t *count)
{
    const struct value *value = compress_value(graph, name);
    if (!value)
        return status_fail(ERR_NOTFOUND, "the network has no value '%s'", name);
    *count = (size_t)shape_count(&value->shape);
    *out = mem_try(c->n_samples, *count * sizeof(float));
    if (!*out)
        return status_fail(ERR_NOMEM, "no memory for '%s' of %zu calibration samples",
                           name, c->n_samples);
    return compress_probe(c, graph, &name, 1, keep, *out);
}

enum status compress_cut(const struct graph *graph, const char *entry, const char *exit,
                         int batch, struct graph *out)
{
    enum status st = graph_copy(graph, out);
    if (st)
        return st;
    struct value *from = compress_value(out, entry), *to = compress_value(out, exit);
    if (!from || !to)
        return status_fail(ERR_NOTFOUND, "no stretch from '%s' to '%s'", entry, exit);
    struct value *input = graph_value(out, "stretch_input");
    input->dtype = DTYPE_F32;
    input->shape = from->shape;
    input->shape.dim[0] = batch;
    input->shaped = true;
    graph_replace(out, from, input);
    out->inputs[0] = input;
    out->n_inputs = 1;
    out->outputs[0] = to;
    for (int i = 0; i < out->n_values; i++)
        out->values[i]->trainable = false;
    return graph_update(out);
}

enum status compress_pass(const struct compress *c, const struct graph *graph,
                          const char *entry, const char *exit, const float *in,
                          size_t n_in, float **out, size_t *n_out)
{
    struct graph stretch = {0};
    struct compress through = *c;
    through.x = in;
    through.n_input = n_in;
    enum status st = compress_cut(graph, entry, exit, 1, &stretch);
    if (!st)
        st = compress_record(&through, &stretch, exit, out, n_out);
    graph_clear(&stretch);
    return st;
}
