#include "models/runtime/network.h"

#include "models/graph/passes.h"
#include "models/ops/op.h"
#include "models/runtime/input.h"
#include "models/runtime/passes.h"

#include <omp.h>
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
    free(network->samples);
    pthread_mutex_destroy(&network->lock);
    *network = (struct network){0};
}

static enum status precision_named(const char *precision, enum rounding *round, bool *native,
                                   bool *int8)
{
    *round = ROUND_NONE;
    *native = precision && !strcmp(precision, "bf16-native");
    *int8 = precision && !strcmp(precision, "int8");
    if (!precision || *int8 || !strcmp(precision, "fp32"))
        return OK;
    if (!strcmp(precision, "fp16"))
        *round = ROUND_F16;
    else if (!strcmp(precision, "bf16") || *native)
        *round = ROUND_BF16;
    else
        return status_fail(ERR_USAGE, "precision \"%s\" is not one of fp32 fp16 bf16 "
                                      "bf16-native int8", precision);
    if (*native && dnnl_get_effective_cpu_isa() < dnnl_cpu_isa_avx512_core_bf16)
        return status_fail(ERR_UNSUPPORTED, "bf16-native: this CPU has no bfloat16 arithmetic; "
                                            "bf16 emulates it anywhere");
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

static bool quantized(const struct graph *graph)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (strstr(graph->nodes[i]->op->name, "QuantizeLinear") ||
            strstr(graph->nodes[i]->op->name, "QLinear"))
            return true;
    return false;
}

/* Runs the pictures through a float plan that notes ranges. */
static enum status find_ranges(const struct network *network, struct graph *graph,
                               const unsigned char *marks, struct range *ranges)
{
    struct graph copy = {0};
    struct plan plan = {0};
    struct lane lane = {0};
    struct input_map map;
    struct plan_options options = {.mode = PLAN_INFER, .observe = marks};
    int n_values = graph->n_values;
    enum status st = graph_copy(graph, &copy);
    if (!st)
        st = plan_compile(&copy, &options, &plan);
    if (!st)
        st = lane_init(&lane, &plan);
    input_map_init(&map, network->preprocess, NORMALISE_FLOAT);
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    for (size_t i = 0; !st && i < network->n_samples; i++) {
        input_apply(&map, network->samples + i * 3 * (size_t)map.pixels, lane.data[plan.input]);
        st = lane_run(&lane, 0, plan.n_forward);
    }
    omp_set_num_threads(threads);
    if (!st)
        memcpy(ranges, plan.ranges, (size_t)n_values * sizeof *ranges);
    if (lane.plan)
        lane_clear(&lane);
    plan_clear(&plan);
    graph_clear(&copy);
    return st;
}

static enum status quantize(const struct network *network, struct graph *graph)
{
    if (quantized(graph))
        return OK;
    if (!network->n_samples)
        return status_fail(ERR_USAGE, "int8 needs pictures to find ranges with: "
                                      "model_calibrate() comes first");
    struct range *ranges = mem_array((size_t)graph->n_values, sizeof *ranges);
    const unsigned char *marks = pass_observed(graph);
    enum status st = find_ranges(network, graph, marks, ranges);
    if (!st)
        st = pass_quantize(graph, marks, ranges);
    free(ranges);
    return st;
}

static enum status rewrite(const struct network *network, struct graph *graph,
                           const struct session_options *options,
                           struct plan_options *plan_options)
{
    int folded, converted, found;
    bool int8;
    enum rounding round;
    enum status st =
        precision_named(options->precision, &round, &plan_options->native, &int8);
    if (!st)
        st = pass_logits(graph);
    if (!st && !options->no_fold)
        st = pass_fold_batchnorm(graph, &folded);
    if (!st)
        st = graph_staircase(graph, &found);
    /* One node rounds once where the exporter's many would round often. */
    if (!st && !round)
        st = graph_recognise(graph, &found);
    if (!st && int8)
        st = quantize(network, graph);
    if (!st)
        st = options->simulate ? graph_dequantize(graph, &found)
                               : pass_integer(graph, &converted);
    if (!st)
        st = pass_round(graph, round, &plan_options->rounds);
    return st;
}

enum status network_compile(const struct network *network,
                            const struct session_options *options, int batch, int threads,
                            struct plan *out)
{
    struct graph copy = {0}, special = {0};
    struct plan_options plan_options = {0};
    *out = (struct plan){0};
    enum status st = graph_copy(network->graph, &copy);
    if (!st)
        st = fix_input(&copy, network->preprocess);
    if (!st && options->ceil_mode)
        pass_ceil_mode(&copy);
    if (!st)
        st = graph_specialise(&copy, batch, &special);
    if (!st && special.inputs[0]->shape.dim[0] != batch)
        st = status_fail(ERR_UNSUPPORTED, "the network takes %lld pictures at once, and only so",
                         (long long)special.inputs[0]->shape.dim[0]);
    if (!st)
        st = rewrite(network, &special, options, &plan_options);
    plan_options.native &= !options->gradient;
    plan_options.mode = options->gradient ? PLAN_GRADIENT : PLAN_INFER;
    plan_options.simulate = options->simulate;
    plan_options.threads = threads;
    if (!st)
        st = plan_compile(&special, &plan_options, out);
    graph_clear(&special);
    if (st)
        graph_clear(&copy);
    else
        out->source = copy;
    return st;
}

enum status network_calibrate(struct network *network, const float *const *pictures, size_t n)
{
    size_t floats = 3 * (size_t)network->preprocess->width *
                    (size_t)network->preprocess->height;
    enum status st = OK;
    pthread_mutex_lock(&network->lock);
    for (struct network_plan *plan = network->plans; plan; plan = plan->next)
        if (plan->options.precision && !strcmp(plan->options.precision, "int8"))
            st = status_fail(ERR_BUSY, "the network already runs with other ranges");
    float *samples = st ? NULL : mem_try(n * floats, sizeof *samples);
    if (!st && !samples)
        st = status_fail(ERR_NOMEM, "no memory for %zu pictures", n);
    for (size_t i = 0; !st && i < n; i++)
        memcpy(samples + i * floats, pictures[i], floats * sizeof *samples);
    if (!st) {
        free(network->samples);
        network->samples = samples;
        network->n_samples = n;
    }
    pthread_mutex_unlock(&network->lock);
    return st;
}

/* A name that outlives the caller's. */
static const char *lasting(const char *precision)
{
    static const char *const names[] = {"fp16", "bf16", "bf16-native", "int8"};
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
        st = network_compile(network, &key, 1, 1, &made->plan);
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
