#include "models/runtime/train.h"

#include "models/runtime/passes.h"
#include "models/runtime/plan.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Running mean and variance of one batch norm. */
struct running {
    float *mean, *variance;
    int64_t channels;
    float keep;
};

struct training {
    struct graph source,
        special; /* copies: constants are shared with the caller's graph */
    struct plan plan;
    struct training_options options;
    struct lane *lanes; /* [parts] */
    struct variable *variables;
    struct running *running;
    struct arena arena;
    size_t n_input, n_logits; /* elements of one part */
};

static enum status compile(struct training *t, const struct graph *graph)
{
    const struct plan_options options = {.mode = PLAN_TRAIN,
                                         .input_gradient = t->options.input_gradient};
    enum status st = graph_copy(graph, &t->source);
    if (!st)
        st = graph_specialise(&t->source, t->options.size, &t->special);
    if (!st)
        st = pass_logits(&t->special);
    if (!st)
        st = plan_compile(&t->special, &options, &t->plan);
    return st;
}

static float *copy_constant(struct training *t, const struct tensor *tensor)
{
    size_t bytes = (size_t)shape_count(&tensor->shape) * sizeof(float);
    return memcpy(arena_alloc(&t->arena, bytes), tensor->data, bytes);
}

/* Every lane reads the same weights: ours. */
static void own_weights(struct training *t)
{
    struct plan *plan = &t->plan;
    t->variables =
        arena_alloc(&t->arena, (size_t)plan->n_variables * sizeof *t->variables);
    for (int i = 0; i < plan->n_slots; i++)
        if (plan->slots[i].kind == SLOT_VARIABLE)
            plan->slots[i].data = copy_constant(t, plan->slots[i].value->constant);
    for (int i = 0; i < plan->n_variables; i++) {
        const struct value *value = plan->variables[i].value;
        size_t count = (size_t)shape_count(&value->shape);
        t->variables[i] = (struct variable){
            .name = value->name,
            .shape = value->shape,
            .count = count,
            .data = plan->slots[plan->variables[i].slot].data,
            .gradient = arena_alloc(&t->arena, count * sizeof(float)),
            .decays = value->shape.rank >= 2 && value->shape.dim[0] > 1,
        };
    }
    t->running = arena_alloc(&t->arena, (size_t)plan->n_statistics * sizeof *t->running);
    for (int i = 0; i < plan->n_statistics; i++) {
        const struct plan_statistics *s = &plan->statistics[i];
        t->running[i] = (struct running){
            copy_constant(t, s->mean->constant), copy_constant(t, s->variance->constant),
            shape_count(&s->mean->shape), node_float(s->node, "momentum", 0.9f)};
    }
}

enum status training_open(const struct graph *graph,
                          const struct training_options *options, struct training **out)
{
    *out = NULL;
    struct training *t = mem_new(sizeof *t);
    t->options = *options;
    enum status st = compile(t, graph);
    if (!st) {
        own_weights(t);
        t->n_input = (size_t)shape_count(&t->plan.slots[t->plan.input].shape);
        t->n_logits = (size_t)shape_count(&t->plan.slots[t->plan.output].shape);
        t->lanes = mem_array((size_t)options->parts, sizeof *t->lanes);
    }
    for (int i = 0; !st && i < options->parts; i++)
        st = lane_init(&t->lanes[i], &t->plan);
    if (st)
        training_close(t);
    else
        *out = t;
    return st;
}

void training_close(struct training *t)
{
    if (!t)
        return;
    for (int i = 0; t->lanes && i < t->options.parts; i++)
        if (t->lanes[i].plan)
            lane_clear(&t->lanes[i]);
    free(t->lanes);
    plan_clear(&t->plan);
    graph_clear(&t->special);
    graph_clear(&t->source);
    arena_clear(&t->arena);
    free(t);
}

static enum status run(struct lane *lane, int from, int to)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    enum status st = lane_run(lane, from, to);
    omp_set_num_threads(threads);
    return st;
}

struct training_part training_part(const struct training *t, int part)
{
    void *const *data = t->lanes[part].data;
    const struct plan *plan = &t->plan;
    return (struct training_part){
        data[plan->input], data[plan->output], data[plan->output_gradient],
        plan->input_gradient >= 0 ? data[plan->input_gradient] : NULL};
}

static void copy(float *to, const float *from, size_t count)
{
    if (to != from)
        memcpy(to, from, count * sizeof *to);
}

enum status training_forward(struct training *t, int part, const float *x, float *logits)
{
    struct lane *lane = &t->lanes[part];
    copy(lane->data[t->plan.input], x, t->n_input);
    enum status st = run(lane, 0, t->plan.n_forward);
    copy(logits, lane->data[t->plan.output], t->n_logits);
    return st;
}

enum status training_backward(struct training *t, int part, const float *dlogits,
                              float *dx)
{
    struct lane *lane = &t->lanes[part];
    copy(lane->data[t->plan.output_gradient], dlogits, t->n_logits);
    enum status st = run(lane, t->plan.n_forward, t->plan.n_steps);
    if (dx)
        copy(dx, lane->data[t->plan.input_gradient], t->n_input);
    return st;
}

int training_variables(const struct training *t)
{
    return t->plan.n_variables;
}

struct variable *training_variable(struct training *t, int i)
{
    return &t->variables[i];
}

void training_reduce(struct training *t)
{
    for (int i = 0; i < t->plan.n_variables; i++) {
        struct variable *v = &t->variables[i];
        int slot = t->plan.variables[i].gradient;
        memcpy(v->gradient, t->lanes[0].data[slot], v->count * sizeof(float));
        for (int part = 1; part < t->options.parts; part++) {
            const float *more = t->lanes[part].data[slot];
            for (size_t k = 0; k < v->count; k++)
                v->gradient[k] += more[k];
        }
    }
}

/* The running variance is of the population: n / (n - 1) times the part's. */
void training_average(struct training *t)
{
    int parts = t->options.parts;
    for (int i = 0; i < t->plan.n_statistics; i++) {
        const struct plan_statistics *s = &t->plan.statistics[i];
        struct running *r = &t->running[i];
        float unbiased = s->count > 1 ? (float)s->count / (float)(s->count - 1) : 1;
        for (int64_t c = 0; c < r->channels; c++) {
            float mean = 0, variance = 0;
            for (int part = 0; part < parts; part++) {
                mean += ((const float *)t->lanes[part].data[s->mean_slot])[c];
                variance += ((const float *)t->lanes[part].data[s->variance_slot])[c];
            }
            r->mean[c] = r->keep * r->mean[c] + (1 - r->keep) * mean / (float)parts;
            r->variance[c] = r->keep * r->variance[c] +
                             (1 - r->keep) * unbiased * variance / (float)parts;
        }
    }
}

static enum status put(struct graph *graph, const char *name, const float *data,
                       size_t count)
{
    for (int i = 0; i < graph->n_values; i++) {
        const struct value *value = graph->values[i];
        if (!value->constant || strcmp(value->name, name))
            continue;
        if ((size_t)shape_count(&value->shape) != count || value->dtype != DTYPE_F32)
            break;
        memcpy(value->constant->data, data, count * sizeof *data);
        return OK;
    }
    return status_fail(ERR_FORMAT, "the graph has no constant '%s' of %zu numbers", name,
                       count);
}

enum status training_store(const struct training *t, const float *const *weights,
                           struct graph *graph)
{
    enum status st = OK;
    for (int i = 0; !st && i < t->plan.n_variables; i++) {
        const struct variable *v = &t->variables[i];
        const float *data = weights && weights[i] ? weights[i] : v->data;
        st = put(graph, v->name, data, v->count);
    }
    for (int i = 0; !st && i < t->plan.n_statistics; i++) {
        const struct running *r = &t->running[i];
        st = put(graph, t->plan.statistics[i].mean->name, r->mean, (size_t)r->channels);
        if (!st)
            st = put(graph, t->plan.statistics[i].variance->name, r->variance,
                     (size_t)r->channels);
    }
    return st;
}

int training_arrays(const struct training *t)
{
    return t->plan.n_variables + 2 * t->plan.n_statistics;
}

float *training_array(const struct training *t, int i, size_t *count)
{
    if (i < t->plan.n_variables) {
        *count = t->variables[i].count;
        return t->variables[i].data;
    }
    i -= t->plan.n_variables;
    const struct running *r = &t->running[i / 2];
    *count = (size_t)r->channels;
    return i % 2 ? r->variance : r->mean;
}

size_t training_bytes(const struct training *t)
{
    return t->plan.lane_bytes * (size_t)t->options.parts + t->plan.constant_bytes +
           t->arena.used;
}
