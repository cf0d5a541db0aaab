/*
 * One network, one batch size, one mode, one thread: images per second of CPU time.
 *
 *   engine MODEL.onnx BATCH forward|gradient|fp16|bf16|int8 [SECONDS]
 *   engine peak                          fused multiply-adds that this core can do
 *
 * Prints one line of JSON; with ENGINE_LAYERS set, every step's time too. engine.py runs it
 * and its peers in turn.
 */
#include "base/progress.h"
#include "base/rng.h"
#include "models/onnx/onnx.h"
#include "models/runtime/network.h"
#include "models/runtime/report.h"

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
static double images_per_second(struct lane *lane, int to, int batch, double seconds)
{
    enum { ROUNDS = 5 };
    double rates[ROUNDS];
    lane_run(lane, 0, to);
    for (int r = 0; r < ROUNDS; r++) {
        double start = clock_cpu(), now = start;
        int runs = 0;
        do {
            lane_run(lane, 0, to);
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

static int fail(void)
{
    fprintf(stderr, "engine: %s\n", status_message());
    return 1;
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

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "peak"))
        return peak();
    if (argc < 4) {
        fprintf(stderr, "usage: engine MODEL.onnx BATCH forward|gradient|fp16|bf16|int8 "
                        "[SECONDS]\n       engine peak\n");
        return 2;
    }
    int batch = atoi(argv[2]);
    const char *mode = argv[3];
    double seconds = argc > 4 ? atof(argv[4]) : 2;
    omp_set_num_threads(1);
    struct graph graph = {0};
    struct plan plan = {0};
    struct lane lane = {0};
    if (onnx_read(argv[1], &graph))
        return fail();
    const struct shape *in = &graph.inputs[0]->shape;
    struct preprocess preprocess = {.width = (int)in->dim[3], .height = (int)in->dim[2],
                                    .layout = "nchw", .order = "rgb", .scale = 1 / 255.0,
                                    .std = {1, 1, 1}};
    bool gradient = !strcmp(mode, "gradient");
    struct session_options options = {.gradient = gradient};
    if (!gradient && strcmp(mode, "forward"))
        options.precision = mode;
    struct network network;
    network_init(&network, &graph, &preprocess);
    if (options.precision && !strcmp(options.precision, "int8") && calibrate(&network))
        return fail();
    double start = clock_cpu();
    if (network_compile(&network, &options, batch, &plan))
        return fail();
    double compile = clock_cpu() - start;
    if (lane_init(&lane, &plan))
        return fail();
    struct rng rng;
    rng_open(&rng, 1, "bench", "engine", 0);
    rng_fill_normal(&rng, lane.data[plan.input],
                    (size_t)shape_count(&plan.slots[plan.input].shape));
    double rate =
        images_per_second(&lane, gradient ? plan.n_steps : plan.n_forward, batch, seconds);
    double macs = 0;
    for (int i = 0; i < plan.graph.n_nodes; i++)
        macs += (double)report_macs(plan.graph.nodes[i]) / batch;
    printf("{\"images_per_s\": %.2f, \"macs\": %.0f, \"gflops\": %.1f, \"lane_bytes\": %zu, "
           "\"constant_bytes\": %zu, \"compile_s\": %.3f}\n",
           rate, macs, rate * macs * (gradient ? 4 : 2) / 1e9, plan.lane_bytes,
           plan.constant_bytes, compile);
    if (getenv("ENGINE_LAYERS"))
        print_steps(&lane, gradient ? plan.n_steps : plan.n_forward);
    lane_clear(&lane);
    plan_clear(&plan);
    network_clear(&network);
    graph_clear(&graph);
    return 0;
}
