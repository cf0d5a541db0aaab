#include "models/runtime/build.h"
#include "models/runtime/group.h"
#include "models/runtime/place.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* What an operator without derivative passes on: nothing, unless it is declared to. */
static bool passes_gradient(const struct builder *build, struct node *node)
{
    if (node->op->backward || node->op->straight_through)
        return true;
    struct layer layer = group_single(node);
    const struct kernel *kernel = group_kernel(build, &layer, NULL);
    return kernel && kernel->differentiates;
}

static bool is_float(const struct value *value)
{
    return value->dtype == DTYPE_F32;
}

/* A value's gradient is wanted when the input's, or a weight's, flows through it. */
static void mark_wanted(struct builder *build)
{
    struct graph *graph = build->graph;
    if (build->mode == PLAN_INFER)
        return;
    if (build->mode == PLAN_GRADIENT || build->plan->options.input_gradient)
        build->values[graph->inputs[0]->id].wanted = true;
    for (int i = 0; i < graph->n_nodes; i++) {
        struct node *node = graph->nodes[i];
        bool wanted = false;
        for (int k = 0; k < node->n_inputs; k++) {
            struct value *value = node->inputs[k];
            if (!value)
                continue;
            if (build->mode == PLAN_TRAIN && value->trainable && is_float(value))
                build->values[value->id].wanted = true;
            wanted |= build->values[value->id].wanted;
        }
        if (wanted && passes_gradient(build, node))
            for (int k = 0; k < node->n_outputs; k++)
                if (node->outputs[k])
                    build->values[node->outputs[k]->id].wanted = true;
    }
}

static const char *fused_text(struct builder *build, const struct layer *layer)
{
    const char *text = "";
    for (int i = 0; i < layer->n_fused; i++)
        text = arena_format(&build->plan->arena, "%s+%s", text, layer->fused[i]->op->name);
    return text;
}

static enum status name_node(enum status st, const struct node *node)
{
    return status_wrap(st, "node %s (%s, opset %d)", node->name ? node->name : "without name",
                       node->op->name, node->version);
}

/* Forgets the steps that a kernel made before it gave up. */
static void undo(struct builder *build, int n_steps)
{
    struct plan *plan = build->plan;
    while (plan->n_steps > n_steps) {
        struct step *step = &plan->steps[--plan->n_steps];
        if (step->primitive)
            dnnl_primitive_destroy(step->primitive);
        *step = (struct step){0};
    }
}

static void forget_forms(struct builder *build, int n_slots)
{
    for (int i = 0; i < build->graph->n_values; i++) {
        struct form_set *forms = &build->values[i];
        if (forms->narrow >= n_slots)
            forms->narrow = -1;
        while (forms->n_forms && forms->forms[forms->n_forms - 1] >= n_slots)
            forms->n_forms--;
    }
}

static enum status try_kernels(struct builder *build, struct layer *layer)
{
    const struct kernel *kernel = layer->kernel;
    while (kernel) {
        int n_steps = build->plan->n_steps, n_slots = build->plan->n_slots;
        layer->kernel = kernel;
        enum status st = kernel->forward(build, layer);
        if (st != ERR_UNSUPPORTED)
            return st;
        undo(build, n_steps);
        forget_forms(build, n_slots);
        if (layer->n_fused)
            return st;
        kernel = group_kernel(build, layer, kernel);
    }
    return status_fail(ERR_UNSUPPORTED, "no kernel");
}

/* The final list grows where a fused layer had to be split. */
struct list {
    struct layer *layers;
    int n, room;
};

static void begin_layer(struct builder *build, struct list *list, const struct layer *layer)
{
    if (list->n == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->layers = mem_grow(list->layers, (size_t)list->room, sizeof *list->layers);
        build->plan->layers =
            mem_grow(build->plan->layers, (size_t)list->room, sizeof *build->plan->layers);
    }
    list->layers[list->n] = *layer;
    list->layers[list->n].index = build->layer = list->n;
}

static void run_round(const struct step *step, struct lane *lane)
{
    const struct slot *slot = &lane->plan->slots[step->args[0].slot];
    round_floats(lane_arg(step, lane, 0), (int64_t)(slot->bytes / sizeof(float)),
                 *(const enum rounding *)step->context);
}

/* Emulated precision: every result is rounded once. */
static void round_outputs(struct builder *build, const struct layer *layer)
{
    const unsigned char *rounds = build->plan->options.rounds;
    if (!rounds || layer->kernel->exact)
        return;
    int n = layer->n_fused ? 1 : layer->node->n_outputs;
    for (int i = 0; i < n; i++) {
        struct value *value = layer->n_fused ? layer->output : layer->node->outputs[i];
        if (!value || !rounds[value->id] || build->values[value->id].narrow >= 0)
            continue;
        enum rounding *to = build_alloc(build, sizeof *to);
        *to = (enum rounding)rounds[value->id];
        build_step(build, run_round, "round", to, &(struct arg){0, build_first(build, value)},
                   1);
    }
}

/* Padding of blocked layouts is 0 and changes nothing. */
static void run_observe(const struct step *step, struct lane *lane)
{
    const struct slot *slot = &lane->plan->slots[step->args[0].slot];
    const float *x = lane_arg(step, lane, 0);
    struct range *range = &lane->plan->ranges[*(const int *)step->context];
    int64_t count = (int64_t)(slot->bytes / sizeof *x);
    for (int64_t i = 0; i < count; i++) {
        range->low = x[i] < range->low ? x[i] : range->low;
        range->high = x[i] > range->high ? x[i] : range->high;
    }
}

static void observe(struct builder *build, struct value *value)
{
    if (!build->plan->options.observe || !build->plan->options.observe[value->id])
        return;
    int *id = build_alloc(build, sizeof *id);
    *id = value->id;
    build_step(build, run_observe, "observe", id, &(struct arg){0, build_first(build, value)},
               1);
}

static void end_layer(struct builder *build, struct list *list, int from)
{
    const struct layer *layer = &list->layers[list->n];
    round_outputs(build, layer);
    observe(build, layer->output);
    build->plan->layers[list->n++] =
        (struct plan_layer){.node = layer->node,
                            .output = layer->output,
                            .kernel = layer->kernel->name,
                            .fused = fused_text(build, layer),
                            .forward = {from, build->plan->n_steps}};
    build->plan->n_layers = list->n;
}

static enum status lower_single(struct builder *build, struct list *list, struct node *node)
{
    struct layer layer = group_single(node);
    layer.kernel = group_kernel(build, &layer, NULL);
    if (!layer.kernel)
        return name_node(status_fail(ERR_UNSUPPORTED, "no kernel"), node);
    int from = build->plan->n_steps;
    begin_layer(build, list, &layer);
    enum status st = try_kernels(build, &list->layers[list->n]);
    if (st)
        return name_node(st, node);
    end_layer(build, list, from);
    return OK;
}

static enum status lower(struct builder *build, struct list *list, const struct layer *layer)
{
    if (!layer->n_fused)
        return lower_single(build, list, layer->node);
    int from = build->plan->n_steps;
    begin_layer(build, list, layer);
    enum status st = try_kernels(build, &list->layers[list->n]);
    if (!st)
        end_layer(build, list, from);
    if (st != ERR_UNSUPPORTED)
        return st ? name_node(st, layer->node) : OK;
    st = lower_single(build, list, layer->node);
    for (int i = 0; !st && i < layer->n_fused; i++)
        st = lower_single(build, list, layer->fused[i]);
    return st;
}

static enum status forward(struct builder *build)
{
    struct plan *plan = build->plan;
    struct value *input = build->graph->inputs[0], *output = build->graph->outputs[0];
    build->layer = -1;
    plan->input = build_slot(build, input->dtype, &input->shape, NULL);
    build_define(build, input, plan->input);
    if (plan->options.observe)
        plan->ranges =
            build_alloc(build, (size_t)build->graph->n_values * sizeof *plan->ranges);
    observe(build, input);
    group_nodes(build);
    struct list list = {0};
    enum status st = OK;
    for (int i = 0; !st && i < build->n_layers; i++)
        st = lower(build, &list, &build->layers[i]);
    free(build->layers);
    build->layers = list.layers;
    build->n_layers = list.n;
    build->layer = -1;
    if (!st && (plan->output = build_plain(build, output)) < 0)
        st = ERR_UNSUPPORTED;
    plan->n_forward = plan->n_steps;
    return st;
}

static bool wants_any(const struct builder *build, const struct layer *layer)
{
    bool wanted = layer->residual && build_wants(build, layer->residual);
    for (int i = 0; i < layer->node->n_inputs; i++)
        wanted |= layer->node->inputs[i] && build_wants(build, layer->node->inputs[i]);
    return wanted;
}

static bool has_gradient(const struct builder *build, const struct layer *layer)
{
    if (build->values[layer->output->id].n_parts)
        return true;
    for (int i = 0; i < layer->node->n_outputs; i++)
        if (layer->node->outputs[i] && build->values[layer->node->outputs[i]->id].n_parts)
            return true;
    return false;
}

static void run_zero(const struct step *step, struct lane *lane)
{
    memset(lane_arg(step, lane, 0), 0, *(const size_t *)step->context);
}

static enum status input_gradient(struct builder *build)
{
    struct plan *plan = build->plan;
    struct value *input = build->graph->inputs[0];
    int slot = build_gradient(build, input);
    if (slot >= 0) {
        plan->input_gradient = build_plain_slot(build, slot);
        return plan->input_gradient < 0 ? ERR_UNSUPPORTED : OK;
    }
    if (slot < -1)
        return ERR_UNSUPPORTED;
    /* Nothing depends on the input smoothly: its gradient is zero. */
    plan->input_gradient = build_slot(build, DTYPE_F32, &input->shape, NULL);
    size_t *bytes = build_alloc(build, sizeof *bytes);
    *bytes = build_at(build, plan->input_gradient)->bytes;
    build_step(build, run_zero, "zero", bytes, &(struct arg){0, plan->input_gradient}, 1);
    return OK;
}

/* Weights that the output depends on, in the order of the graph's values. */
static enum status weight_gradients(struct builder *build)
{
    struct plan *plan = build->plan;
    const struct graph *graph = build->graph;
    plan->variables = build_alloc(build, (size_t)graph->n_values * sizeof *plan->variables);
    for (int i = 0; i < graph->n_values; i++) {
        struct value *value = graph->values[i];
        if (!value->constant || !value->trainable || !build->values[i].n_parts)
            continue;
        int gradient = build_gradient(build, value);
        if (gradient >= 0)
            gradient = build_plain_slot(build, gradient);
        if (gradient < 0)
            return ERR_UNSUPPORTED;
        plan->variables[plan->n_variables++] =
            (struct plan_variable){value, build_first(build, value), gradient};
    }
    return OK;
}

static enum status backward(struct builder *build)
{
    struct plan *plan = build->plan;
    struct value *output = build->graph->outputs[0];
    plan->output_gradient = build_slot(build, DTYPE_F32, &output->shape, NULL);
    build_give(build, output, plan->output_gradient);
    for (int i = build->n_layers - 1; i >= 0; i--) {
        struct layer *layer = &build->layers[i];
        if (!wants_any(build, layer) || !has_gradient(build, layer))
            continue;
        build->layer = i;
        plan->layers[i].backward[0] = plan->n_steps;
        enum status st = layer->kernel->backward
                             ? layer->kernel->backward(build, layer)
                             : status_fail(ERR_UNSUPPORTED, "no gradient");
        if (st)
            return name_node(st, layer->node);
        plan->layers[i].backward[1] = plan->n_steps;
    }
    build->layer = -1;
    enum status st = build->mode == PLAN_TRAIN ? weight_gradients(build) : OK;
    if (!st && build->values[build->graph->inputs[0]->id].wanted)
        st = input_gradient(build);
    return st;
}

enum status plan_compile(struct graph *graph, const struct plan_options *options,
                         struct plan *out)
{
    *out = (struct plan){.graph = *graph, .options = *options};
    out->input = out->output = out->input_gradient = out->output_gradient = -1;
    *graph = (struct graph){0};
    struct builder build = {.plan = out, .graph = &out->graph, .mode = options->mode};
    build.values = mem_array((size_t)out->graph.n_values + 1, sizeof *build.values);
    for (int i = 0; i < out->graph.n_values; i++)
        build.values[i].gradient = build.values[i].narrow = -1;
    /* Primitives plan their work for the threads that they see when they are made. */
    int threads = omp_get_max_threads();
    omp_set_num_threads(options->threads ? options->threads : 1);
    mark_wanted(&build);
    enum status st = forward(&build);
    if (!st && options->mode != PLAN_INFER)
        st = backward(&build);
    omp_set_num_threads(threads);
    if (!st)
        place_slots(out);
    for (int i = 0; i < out->graph.n_values; i++)
        free(build.values[i].parts);
    free(build.values);
    free(build.holders);
    free(build.layers);
    if (st)
        plan_clear(out);
    return st;
}
