/* Layers, kernels and times of a network's plans. */
#include "models/runtime/report.h"

#include "base/progress.h"
#include "models/ops/op.h"
#include "models/runtime/network.h"
#include "models/runtime/report_network.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *print_node(const struct node *node)
{
    return node->op->domain ? mem_format("%s.%s", node->op->domain, node->op->name)
                            : mem_copy(node->op->name);
}

/* The step that does the work says which implementation runs: the last of the layer that is
 * not a reorder or a rounding. */
static char *kernel_text(const struct plan *plan, const struct plan_layer *layer)
{
    const char *what = NULL;
    for (int i = layer->forward[0]; i < layer->forward[1]; i++) {
        const char *name = plan->steps[i].what;
        if (strncmp(name, "reorder", 7) && strcmp(name, "round"))
            what = name;
    }
    return mem_copy(what ? what : layer->kernel);
}

static void fill(const struct plan *plan, const struct plan_layer *from,
                 struct report_layer *layer)
{
    const struct node *node = from->node;
    *layer = (struct report_layer){
        .name = mem_copy(node->name),
        .op = print_node(node),
        .fused = mem_copy(from->fused),
        .kernel = kernel_text(plan, from),
        .output = from->output->shape,
        .dtype = from->output->dtype,
        .params = report_params(node),
        .macs = report_macs(node),
        .output_bytes = shape_count(&from->output->shape) *
                        (int64_t)dtype_size(from->output->dtype),
        .slow = !strcmp(from->kernel, "reference"),
        .stops_gradient = !node->op->backward && !node->op->straight_through,
        .gradient_note = node->op->gradient_note,
    };
}

static double step_time(struct lane *lane, int from, int to, int repeats)
{
    double best = 0;
    for (int i = 0; i < repeats; i++) {
        double start = clock_now();
        lane_run(lane, from, to);
        double took = clock_now() - start;
        best = i && best < took ? best : took;
    }
    return best;
}

/* Best time of every step, summed by layer and direction. */
static enum status measure(const struct plan *plan, double seconds, struct report *report,
                           bool gradient)
{
    struct lane lane;
    enum status st = lane_init(&lane, plan);
    if (st)
        return st;
    st = lane_run(&lane, 0, plan->n_steps);
    double once = step_time(&lane, 0, plan->n_steps, 1);
    double turns = seconds / 2 / (once > 1e-6 ? once : 1e-6);
    int repeats = turns > 50 ? 50 : turns < 2 ? 2 : (int)turns;
    double all = step_time(&lane, 0, plan->n_steps, repeats);
    *(gradient ? &report->gradient_s : &report->forward_s) = all;
    for (int i = 0; !st && i < plan->n_steps; i++) {
        int at = plan->steps[i].layer;
        double us = step_time(&lane, i, i + 1, repeats) * 1e6;
        if (at < 0 || at >= report->n_layers)
            continue;
        if (!gradient)
            report->layers[at].forward_us += us;
        else if (i >= plan->n_forward)
            report->layers[at].backward_us += us;
    }
    lane_clear(&lane);
    return st;
}

static const char *isa_name(void)
{
    switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return "sse4.1";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx2_vnni: return "avx2 vnni";
    case dnnl_cpu_isa_avx512_core: return "avx512";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512 vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512 vnni bf16";
    case dnnl_cpu_isa_avx512_core_amx: return "avx512 vnni bf16 amx";
    default: return "baseline";
    }
}

static void describe(const struct plan *plan, struct report *report)
{
    report->n_layers = plan->n_layers;
    report->layers = mem_array((size_t)plan->n_layers + 1, sizeof *report->layers);
    for (int i = 0; i < plan->n_layers; i++) {
        fill(plan, &plan->layers[i], &report->layers[i]);
        report->n_slow += report->layers[i].slow;
    }
    report->forward_bytes = plan->lane_bytes;
    report->weight_bytes = plan->constant_bytes;
}

enum status report_network(struct network *network, const struct session_options *options,
                           double seconds, struct report *out)
{
    struct session_options infer = options ? *options : (struct session_options){0};
    infer.gradient = false;
    struct session_options gradient = infer;
    gradient.gradient = true;
    *out = (struct report){.isa = isa_name()};
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    const struct plan *plan = NULL, *back = NULL;
    enum status st = network_plan(network, &infer, &plan);
    if (!st) {
        describe(plan, out);
        if (seconds > 0)
            st = measure(plan, seconds, out, false);
    }
    /* Where there is no gradient the rest of the report still stands. */
    if (!st && network_plan(network, &gradient, &back))
        out->gradient_error = mem_copy(status_message());
    else if (!st) {
        out->gradient_bytes = back->lane_bytes;
        if (seconds > 0)
            st = measure(back, seconds, out, true);
    }
    omp_set_num_threads(threads);
    if (st)
        report_clear(out);
    return st;
}

void report_clear(struct report *report)
{
    for (int i = 0; i < report->n_layers; i++) {
        free(report->layers[i].name);
        free(report->layers[i].op);
        free(report->layers[i].fused);
        free(report->layers[i].kernel);
    }
    free(report->layers);
    free(report->gradient_error);
    *report = (struct report){0};
}
