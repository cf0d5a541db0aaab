#include "models/runtime/network.h"

#include "models/runtime/passes.h"

#include <stdlib.h>
#include <string.h>

struct network_plan {
    struct session_options options; /* precision points to a literal */
    struct plan plan;
    struct network_plan *next;
};

void network_init(struct network *network, const struct graph *graph,
                  const struct preprocess *preprocess)
{
    *network = (struct network){.graph = graph, .preprocess = preprocess};
    pthread_mutex_init(&network->lock, NULL);
}

void network_clear(struct network *network)
{
    for (struct network_plan *plan = network->plans, *next; plan; plan = next) {
        next = plan->next;
        plan_clear(&plan->plan);
        free(plan);
    }
    pthread_mutex_destroy(&network->lock);
    *network = (struct network){0};
}

static enum status rounding_named(const char *precision, enum rounding *out)
{
    *out = ROUND_NONE;
    if (!precision || !strcmp(precision, "fp32"))
        return OK;
    if (!strcmp(precision, "fp16"))
        *out = ROUND_F16;
    else if (!strcmp(precision, "bf16"))
        *out = ROUND_BF16;
    else
        return status_fail(ERR_USAGE, "precision \"%s\" is not one of fp32 fp16 bf16",
                           precision);
    return OK;
}

/* Unknown sizes of the picture come from the record. */
static enum status fix_input(struct graph *graph, const struct preprocess *preprocess)
{
    if (graph->n_inputs != 1)
        return status_fail(ERR_UNSUPPORTED, "the network has %d inputs; one is needed",
                           graph->n_inputs);
    struct shape *shape = &graph->inputs[0]->shape;
    if (shape->rank != 4)
        return status_fail(ERR_UNSUPPORTED, "the input has %d dimensions instead of 4",
                           shape->rank);
    bool last = !strcmp(preprocess->layout, "nhwc");
    int64_t want[4] = {shape->dim[0], last ? preprocess->height : 3,
                       last ? preprocess->width : preprocess->height,
                       last ? 3 : preprocess->width};
    for (int i = 1; i < 4; i++) {
        if (shape->dim[i] < 0)
            shape->dim[i] = want[i];
        if (shape->dim[i] != want[i]) {
            char text[128];
            return status_fail(ERR_FORMAT, "the network's input is %s, its record says %s %dx%d",
                               shape_text(shape, text), preprocess->layout,
                               preprocess->width, preprocess->height);
        }
    }
    return OK;
}

static enum status rewrite(struct graph *graph, const struct session_options *options,
                           enum rounding precision, const unsigned char **rounds)
{
    int folded, converted;
    enum status st = pass_logits(graph);
    if (!st && !options->simulate)
        st = pass_integer(graph, &converted);
    if (!st && !options->no_fold)
        st = pass_fold_batchnorm(graph, &folded);
    if (!st)
        st = pass_round(graph, precision, rounds);
    return st;
}

enum status network_compile(const struct graph *graph, const struct preprocess *preprocess,
                            const struct session_options *options, int batch,
                            struct plan *out)
{
    enum rounding precision;
    struct graph copy = {0}, special = {0};
    struct plan_options plan_options = {0};
    *out = (struct plan){0};
    enum status st = rounding_named(options->precision, &precision);
    if (!st)
        st = graph_copy(graph, &copy);
    if (!st)
        st = fix_input(&copy, preprocess);
    if (!st && options->ceil_mode)
        pass_ceil_mode(&copy);
    if (!st)
        st = graph_specialise(&copy, batch, &special);
    if (!st && special.inputs[0]->shape.dim[0] != batch)
        st = status_fail(ERR_UNSUPPORTED, "the network takes %lld pictures at once, and only so",
                         (long long)special.inputs[0]->shape.dim[0]);
    if (!st)
        st = rewrite(&special, options, precision, &plan_options.rounds);
    plan_options.mode = options->gradient ? PLAN_GRADIENT : PLAN_INFER;
    plan_options.simulate = options->simulate;
    if (!st)
        st = plan_compile(&special, &plan_options, out);
    graph_clear(&special);
    if (st)
        graph_clear(&copy);
    else
        out->source = copy;
    return st;
}

/* A name that outlives the caller's. */
static const char *lasting(const char *precision)
{
    static const char *const names[] = {"fp16", "bf16", "int8"};
    for (size_t i = 0; precision && i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(precision, names[i]))
            return names[i];
    return precision && strcmp(precision, "fp32") ? precision : NULL;
}

static bool same_options(const struct session_options *a, const struct session_options *b)
{
    return a->gradient == b->gradient && a->simulate == b->simulate &&
           a->no_fold == b->no_fold && a->ceil_mode == b->ceil_mode &&
           a->precision == b->precision;
}

enum status network_plan(struct network *network, const struct session_options *options,
                         const struct plan **out)
{
    struct session_options key = *options;
    key.precision = lasting(options->precision);
    key.temperature = 0;
    *out = NULL;
    enum status st = OK;
    pthread_mutex_lock(&network->lock);
    for (struct network_plan *plan = network->plans; plan && !*out; plan = plan->next)
        if (same_options(&plan->options, &key))
            *out = &plan->plan;
    if (!*out) {
        struct network_plan *made = mem_new(sizeof *made);
        made->options = key;
        st = network_compile(network->graph, network->preprocess, &key, 1, &made->plan);
        if (st) {
            free(made);
        } else {
            made->next = network->plans;
            network->plans = made;
            *out = &made->plan;
        }
    }
    pthread_mutex_unlock(&network->lock);
    return st;
}
