/*
 * One network, one batch size, one mode: images per second of CPU time.
 *
 *   engine MODEL.onnx BATCH MODE [SECONDS [THREADS]]
 *   engine peak                          fused multiply-adds that this core can do
 *
 * MODE is forward, gradient (forward and input gradient), train (forward, gradients of the
 * weights, a step of SGD; the batch in the trainer's default of 4 parts where it divides),
 * fp16, bf16, bf16-native or int8. BATCH 1 is what a session does; a larger one is one wide
 * plan, on THREADS threads if wanted.
 *
 * Prints one line of JSON; with ENGINE_LAYERS set, every step's time too. engine.py runs it
 * and its peers in turn.
 */
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "models/onnx/onnx.h"
#include "models/runtime/network.h"
#include "models/runtime/report.h"
#include "models/runtime/train.h"
#include "models/train/optimizer.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median of rounds of about a fifth of `seconds` each. */
static double images_per_second(void (*run)(void *context), void *context, int batch,
                                double seconds)
{
    enum { ROUNDS = 5 };
    double rates[ROUNDS];
    run(context);
    for (int r = 0; r < ROUNDS; r++) {
        double start = clock_cpu(), now = start;
        int runs = 0;
        do {
            run(context);
            runs++;
            now = clock_cpu();
        } while (now - start < seconds / ROUNDS);
        rates[r] = runs * batch / (now - start);
    }
    qsort(rates, ROUNDS, sizeof *rates, by_size);
    return rates[ROUNDS / 2];
}

/* Best time of each step within whole runs: caches are as they are then. */
static void print_steps(struct lane *lane, int to)
{
    const struct plan *plan = lane->plan;
    double *best = calloc((size_t)to + 1, sizeof *best);
    for (int k = 0; best && k < 30; k++)
        for (int i = 0; i < to; i++) {
            double start = clock_now();
            lane_run(lane, i, i + 1);
            double took = clock_now() - start;
            best[i] = !k || took < best[i] ? took : best[i];
        }
    for (int i = 0; best && i < to; i++) {
        const struct step *s = &plan->steps[i];
        const struct plan_layer *layer = s->layer < 0 ? NULL : &plan->layers[s->layer];
        char shape[128] = "";
        printf("%4d %8.1f us %6.1f GF  %-45s %s %s\n", i, best[i] * 1e6,
               layer ? 2 * (double)report_macs(layer->node) / best[i] / 1e9 : 0, s->what,
               layer ? shape_text(&layer->output->shape, shape) : "",
               layer ? layer->fused : "");
    }
    free(best);
}

/* Twelve independent chains of fused multiply-adds on the widest vectors. */
typedef float vector __attribute__((vector_size(64)));

__attribute__((target("avx512f"), optimize("fp-contract=fast")))
static double fma_wide(int64_t turns)
{
    vector sum[12], a = {0}, b = {0};
    for (int i = 0; i < 16; i++)
        a[i] = 0.999f, b[i] = 1e-3f;
    for (int k = 0; k < 12; k++)
        sum[k] = b * (float)k;
    for (int64_t t = 0; t < turns; t++)
        for (int k = 0; k < 12; k++)
            sum[k] = sum[k] * a + b;
    float all = 0;
    for (int k = 0; k < 12; k++)
        all += sum[k][0];
    return (double)all;
}

static int peak(void)
{
    if (!__builtin_cpu_supports("avx512f")) {
        printf("{\"peak_gflops\": null}\n");
        return 0;
    }
    double best = 0, sink = 0;
    for (int r = 0; r < 5; r++) {
        int64_t turns = 10000000;
        double start = clock_cpu();
        sink += fma_wide(turns);
        double rate = (double)turns * 12 * 16 * 2 / (clock_cpu() - start) / 1e9;
        best = rate > best ? rate : best;
    }
    printf("{\"peak_gflops\": %.1f, \"sink\": %.1f}\n", best, sink);
    return 0;
}

/* Noise will do: only the time counts here. */
static enum status calibrate(struct network *network)
{
    size_t floats = 3 * (size_t)network->preprocess->width *
                    (size_t)network->preprocess->height;
    float *picture = malloc(floats * sizeof *picture);
    if (!picture)
        return status_fail(ERR_NOMEM, "no memory");
    struct rng rng;
    rng_open(&rng, 2, "bench", "engine", 0);
    rng_fill_uniform(&rng, picture, floats, 0, 1);
    const float *pictures[] = {picture};
    enum status st = network_calibrate(network, pictures, 1);
    free(picture);
    return st;
}

/* What is measured, and what it came to. */
struct job {
    const char *mode;
    int batch, threads;
    double seconds;
    bool gradient;
    struct lane lane;
    int n_steps;
};

static void print_result(const struct job *job, double rate, double macs, int passes,
                         size_t lane_bytes, size_t constant_bytes, double compile)
{
    printf("{\"images_per_s\": %.2f, \"macs\": %.0f, \"gflops\": %.1f, \"lane_bytes\": %zu, "
           "\"constant_bytes\": %zu, \"compile_s\": %.3f}\n",
           rate, macs / job->batch, rate * macs / job->batch * 2 * passes / 1e9, lane_bytes,
           constant_bytes, compile);
}

static void run_plan(void *context)
{
    struct job *job = context;
    lane_run(&job->lane, 0, job->n_steps);
}

static enum status measure_plan(const struct graph *graph, struct job *job)
{
    const struct shape *in = &graph->inputs[0]->shape;
    struct preprocess preprocess = {.width = (int)in->dim[3], .height = (int)in->dim[2],
                                    .layout = "nchw", .order = "rgb", .scale = 1 / 255.0,
                                    .std = {1, 1, 1}};
    bool gradient = !strcmp(job->mode, "gradient");
    struct session_options options = {.gradient = gradient};
    if (!gradient && strcmp(job->mode, "forward"))
        options.precision = job->mode;
    struct network network;
    struct plan plan = {0};
    network_init(&network, graph, &preprocess);
    enum status st = OK;
    if (options.precision && !strcmp(options.precision, "int8"))
        st = calibrate(&network);
    double start = clock_cpu();
    if (!st)
        st = network_compile(&network, &options, job->batch, job->threads, &plan);
    double compile = clock_cpu() - start;
    if (!st)
        st = lane_init(&job->lane, &plan);
    if (!st) {
        struct rng rng;
        rng_open(&rng, 1, "bench", "engine", 0);
        rng_fill_normal(&rng, job->lane.data[plan.input],
                        (size_t)shape_count(&plan.slots[plan.input].shape));
        job->n_steps = gradient ? plan.n_steps : plan.n_forward;
        double rate = images_per_second(run_plan, job, job->batch, job->seconds);
        print_result(job, rate, (double)report_count(&plan.graph).macs, gradient ? 2 : 1,
                     plan.lane_bytes, plan.constant_bytes, compile);
        if (getenv("ENGINE_LAYERS"))
            print_steps(&job->lane, job->n_steps);
        lane_clear(&job->lane);
    }
    plan_clear(&plan);
    network_clear(&network);
    return st;
}

/* A step as the trainer makes it: parts, their sum, statistics, momentum. */
struct stepper {
    struct training *training;
    struct optimizer *optimizers;
    int parts;
    float *x, *logits;
};

static void run_step(void *context)
{
    static const struct optimizer_rule rule = {OPTIMIZER_SGD, .momentum = 0.9};
    struct stepper *s = context;
    for (int part = 0; part < s->parts; part++) {
        training_forward(s->training, part, s->x, s->logits);
        training_backward(s->training, part, s->logits, NULL);
    }
    training_reduce(s->training);
    training_average(s->training);
    for (int i = 0; i < training_variables(s->training); i++) {
        struct variable *v = training_variable(s->training, i);
        optimizer_step(&s->optimizers[i], &rule, v->data, v->gradient, v->count, 1e-9,
                       v->decays);
    }
}

static enum status measure_training(const struct graph *graph, const struct job *job)
{
    struct stepper s = {.parts = job->batch % 4 ? 1 : 4};
    const struct training_options options = {s.parts, job->batch / s.parts, false};
    struct graph copy = {0}, special = {0};
    double start = clock_cpu();
    enum status st = training_open(graph, &options, &s.training);
    double compile = clock_cpu() - start;
    if (!st)
        st = graph_copy(graph, &copy);
    if (!st)
        st = graph_specialise(&copy, job->batch, &special);
    if (!st) {
        size_t floats = (size_t)shape_count(&special.inputs[0]->shape);
        s.x = mem_array(floats, sizeof *s.x);
        s.logits = mem_array((size_t)shape_count(&special.outputs[0]->shape), sizeof *s.logits);
        s.optimizers =
            mem_array((size_t)training_variables(s.training), sizeof *s.optimizers);
        struct rng rng;
        rng_open(&rng, 1, "bench", "engine", 0);
        rng_fill_normal(&rng, s.x, floats);
        double rate = images_per_second(run_step, &s, job->batch, job->seconds);
        print_result(job, rate, (double)report_count(&special).macs, 3,
                     training_bytes(s.training), 0, compile);
        for (int i = 0; i < training_variables(s.training); i++)
            optimizer_clear(&s.optimizers[i]);
    }
    training_close(s.training);
    graph_clear(&special);
    graph_clear(&copy);
    free(s.x);
    free(s.logits);
    free(s.optimizers);
    return st;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "peak"))
        return peak();
    if (argc < 4) {
        fprintf(stderr, "usage: engine MODEL.onnx BATCH MODE [SECONDS [THREADS]]\n"
                        "       engine peak\n");
        return 2;
    }
    struct job job = {.batch = atoi(argv[2]), .mode = argv[3],
                      .seconds = argc > 4 ? atof(argv[4]) : 2,
                      .threads = argc > 5 ? atoi(argv[5]) : 1};
    omp_set_num_threads(job.threads);
    struct graph graph = {0};
    enum status st = onnx_read(argv[1], &graph);
    if (!st)
        st = !strcmp(job.mode, "train") ? measure_training(&graph, &job)
                                        : measure_plan(&graph, &job);
    if (st)
        fprintf(stderr, "engine: %s\n", status_message());
    graph_clear(&graph);
    return st != OK;
}
