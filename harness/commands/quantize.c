/*
 * gauntlet quantize: a float network and some pictures to a network of integers.
 */
#include "harness/command.h"
#include "harness/train_data.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/threads.h"
#include "models/compress/compress.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"
#include "models/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
    {"method", "NAME", "rtn", "how weights are rounded; an unknown one lists them", false,
     "rtn bias adaround brecq"},
    {"weights", "BITS", "8", "bits of the weights, 2 to 8", false, NULL},
    {"acts", "BITS", "8", "bits of the activations, 2 to 8, or 32: float", false, NULL},
    {"edges", "BITS", "8", "bits of the first and last layer", false, NULL},
    {"preset", "NAME", "academic", "which grids; an unknown one lists them", false,
     "academic tensorrt openvino snpe vitis acl tvm"},
    {"weight-range", "OBSERVER", "mse", "ranges of weights", false,
     "minmax average percentile mse kl"},
    {"act-range", "OBSERVER", "mse", "ranges of activations", false,
     "minmax average percentile mse kl"},
    {"calib", "PATH", NULL, "pictures to calibrate on", false, "files"},
    {"classes", "FILE", NULL, "class list of the pictures", false, "files"},
    {"samples", "N", "1024", "how many of them", false, NULL},
    {"iterations", "N", "2000", "of reconstruction, per block", false, NULL},
    {"seed", "N", "0", "which pictures, and the order of reconstruction", false, NULL},
    {"threads", "N", "0", "workers; 0 is all; they do not change the result", false,
     NULL},
    {"output", "FILE", NULL, "the ONNX file to write", false, "files"},
    {"quiet", NULL, NULL, "no progress", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet quantize net.onnx --calib train/ --output net_int8.onnx",
     "8 bits, min effort"},
    {"gauntlet quantize net.onnx --method brecq --weights 2 --acts 32 --calib train/ "
     "--output net_w2.onnx",
     "2-bit weights by block reconstruction"},
    {0},
};

struct job {
    const struct arguments *arguments;
    struct compress_rule rule;
    const struct method *method;
    struct model *model;
    struct train_data data;
    struct compress compress;
    struct graph out;
    float *x;
    size_t n;
};

/* "no method 'x'; there are: ..." for whatever family was misspelt. */
static enum status unknown(const char *family, const char *typed,
                           const struct text *names)
{
    return status_fail(ERR_USAGE, "no %s '%s'; there are:%s", family, typed, names->data);
}

static enum status find_observer(const struct arguments *arguments, const char *option,
                                 const struct observer **out)
{
    const char *typed = option_value(arguments, option);
    *out = observer_find(typed);
    if (*out)
        return OK;
    struct text names = {0};
    for (size_t i = 0; observer_registry[i]; i++)
        text_addf(&names, " %s", observer_registry[i]->name);
    enum status st = unknown("observer", typed, &names);
    text_clear(&names);
    return st;
}

static enum status find_members(struct job *job)
{
    const struct arguments *a = job->arguments;
    struct text names = {0};
    enum status st = OK;
    job->method = method_find(option_value(a, "method"));
    job->rule.preset = preset_find(option_value(a, "preset"));
    if (!job->method) {
        for (size_t i = 0; method_registry[i]; i++)
            text_addf(&names, " %s (%s)", method_registry[i]->name,
                      method_registry[i]->summary);
        st = unknown("method", option_value(a, "method"), &names);
    } else if (!job->rule.preset) {
        for (size_t i = 0; preset_nth(i); i++)
            text_addf(&names, " %s (%s)", preset_nth(i)->name, preset_nth(i)->summary);
        st = unknown("preset", option_value(a, "preset"), &names);
    }
    text_clear(&names);
    if (!st)
        st = find_observer(a, "weight-range", &job->rule.weight_observer);
    return st ? st : find_observer(a, "act-range", &job->rule.act_observer);
}

static enum status read_numbers(struct job *job, int64_t *samples)
{
    const struct arguments *a = job->arguments;
    int64_t weights, acts, edges, iterations, seed, threads;
    enum status st = option_integer(a, "weights", 2, 8, &weights);
    if (!st)
        st = option_integer(a, "acts", 2, 32, &acts);
    if (!st && acts > 8 && acts != 32)
        st = status_fail(ERR_USAGE, "--acts %" PRId64 ": from 2 to 8, or 32", acts);
    if (!st)
        st = option_integer(a, "edges", 2, 8, &edges);
    if (!st)
        st = option_integer(a, "iterations", 1, 1000000, &iterations);
    if (!st)
        st = option_integer(a, "seed", 0, INT64_MAX, &seed);
    if (!st)
        st = option_integer(a, "threads", 0, 1024, &threads);
    if (!st)
        st = option_integer(a, "samples", 1, 1000000, samples);
    if (st)
        return st;
    job->rule.weight_bits = (int)weights;
    job->rule.act_bits = (int)acts;
    job->rule.edge_bits = (int)edges;
    job->rule.iterations = (int)iterations;
    job->rule.seed = (uint64_t)seed;
    job->rule.threads = (int)threads;
    job->rule.rate = 1e-3;
    job->rule.lambda = 0.01;
    return OK;
}

/* --- pictures ------------------------------------------------------------------------ */

/* As a session does it: v = (x f - mean) / std, in the network's order and layout. */
static void normalise(const struct preprocess *p, const struct image *image, float *out)
{
    size_t area = (size_t)p->width * (size_t)p->height;
    bool bgr = !strcmp(p->order, "bgr"), last = !strcmp(p->layout, "nhwc");
    for (size_t c = 0; c < 3; c++) {
        size_t to = bgr ? 2 - c : c;
        float std = p->std[c] == 0 ? 1 : (float)p->std[c];
        for (size_t i = 0; i < area; i++) {
            double value = image->data[3 * i + c] * p->scale;
            out[last ? 3 * i + to : to * area + i] =
                ((float)value - (float)p->mean[c]) / std;
        }
    }
}

static enum status load_one(void *context, size_t item, int worker)
{
    struct job *job = context;
    const struct preprocess *p = &model_record(job->model)->preprocess;
    size_t count = 3 * (size_t)p->width * (size_t)p->height;
    struct image image = {0};
    struct rng rng;
    int label;
    (void)worker;
    rng_open(&rng, job->rule.seed, "calibration", "quantize", item);
    enum status st =
        job->data.source.load(job->data.source.context, item, &rng, &image, &label);
    if (!st)
        normalise(p, &image, job->x + item * count);
    image_clear(&image);
    return st;
}

static enum status load_pictures(struct job *job, uint64_t samples)
{
    const struct arguments *a = job->arguments;
    struct preprocess p = model_record(job->model)->preprocess;
    char *decoder = p.decoder, *resizer = p.resizer;
    const char *path = option_value(a, "calib");
    if (!path)
        return status_fail(ERR_USAGE, "--calib PATH: which pictures?");
    if (p.width != p.height)
        return status_fail(ERR_UNSUPPORTED,
                           "the network's input of %dx%d is not a square", p.width,
                           p.height);
    enum status st =
        train_data_open(path, option_value(a, "classes"), samples, job->rule.seed,
                        p.width, strcmp(p.resize_rule, "none") ? p.resize : 0, &decoder,
                        1, &resizer, 1, &job->data);
    if (st)
        return st;
    job->data.rule.squash = !strcmp(p.resize_rule, "squash");
    job->n = job->data.source.count;
    size_t count = 3 * (size_t)p.width * (size_t)p.height;
    job->x = mem_try(job->n, count * sizeof *job->x);
    if (!job->x)
        return status_fail(ERR_NOMEM, "no memory for %zu pictures", job->n);
    return threads_each(job->rule.threads, job->n, load_one, job);
}

/* --- what comes out ------------------------------------------------------------------ */

static void print_layers(const struct job *job)
{
    printf("%-28s %-7s %5s %10s %8s %5s %24s\n", "LAYER", "OP", "BITS", "WEIGHTS",
           "SNR dB", "ACTS", "RANGE OF ITS INPUT");
    for (int i = 0; i < job->compress.n_layers; i++) {
        const struct quant_layer *layer = &job->compress.layers[i];
        char range[40] = "float", bits[8] = "32";
        if (layer->act_quantized) {
            snprintf(range, sizeof range, "[%.4g, %.4g]",
                     grid_decode(&layer->act, layer->act.low),
                     grid_decode(&layer->act, layer->act.high));
            snprintf(bits, sizeof bits, "%d", layer->act_bits);
        }
        printf("%-28.28s %-7s %5d %10" PRId64 " %8.1f %5s %24s\n", layer->node->name,
               layer->node->op->name, layer->bits, layer->count, layer->snr_db, bits,
               range);
    }
}

/* Bytes of the weights if every code took just its bits. */
static double packed_bytes(const struct compress *c)
{
    double bits = 0;
    for (int i = 0; i < c->n_layers; i++)
        bits += (double)c->layers[i].bits * (double)c->layers[i].count;
    return bits / 8;
}

static void note(struct graph *graph, int *n, const char *key, const char *value)
{
    graph->metadata[*n][0] = arena_format(&graph->arena, "gauntlet.%s", key);
    graph->metadata[(*n)++][1] = arena_copy(&graph->arena, value);
}

static void describe(struct job *job)
{
    struct graph *graph = &job->out;
    const struct compress_rule *rule = &job->rule;
    struct text bits = {0};
    char line[128];
    int n = graph->n_metadata;
    const char *(*old)[2] = graph->metadata;
    graph->metadata = arena_alloc(&graph->arena, (size_t)(n + 8) * sizeof *old);
    if (n)
        memcpy(graph->metadata, old, (size_t)n * sizeof *old);
    for (int i = 0; i < job->compress.n_layers; i++)
        text_addf(&bits, "%s%d", i ? " " : "", job->compress.layers[i].bits);
    snprintf(line, sizeof line, "%s w%d a%d edges%d %s", job->method->name,
             rule->weight_bits, rule->act_bits, rule->edge_bits, rule->preset->name);
    note(graph, &n, "quantized", line);
    note(graph, &n, "weight_bits", bits.data);
    note(graph, &n, "calibration", job->data.dataset.name);
    note(graph, &n, "calibration_sha256", job->data.subset.sha);
    note(graph, &n, "quantize_command", job->arguments->line);
    graph->n_metadata = n;
    text_clear(&bits);
}

/* The record of the product: the float network's, with what has changed. */
static enum status write_record(const struct job *job, const char *path)
{
    struct model_record record = *model_record(job->model);
    int bits = job->rule.weight_bits;
    char *stem = file_stem(path);
    char *technique = mem_format("ptq-%s", job->method->name);
    char *variant = mem_format("w%da%d-%s", bits, job->rule.act_bits, job->method->name);
    record.twin = record.name;
    record.name = stem;
    record.variant = variant;
    record.technique = technique;
    record.gradient = job->rule.act_bits <= 8 ? GRADIENT_SURROGATE : GRADIENT_EXACT;
    snprintf(record.precision, sizeof record.precision, "int%d",
             bits > 4   ? 8
             : bits > 2 ? 4
                        : 2);
    enum status st = record_write(&record, path);
    free(stem);
    free(technique);
    free(variant);
    return st;
}

static void progress(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static enum status quantize(struct job *job)
{
    const struct arguments *a = job->arguments;
    const char *output = option_value(a, "output");
    int64_t samples;
    enum status st = find_members(job);
    if (!st)
        st = read_numbers(job, &samples);
    if (!st && !output)
        st = status_fail(ERR_USAGE, "--output FILE: where to?");
    if (!st)
        st = model_open(a->operands[0], NULL, &job->model);
    if (!st)
        st = load_pictures(job, (uint64_t)samples);
    if (!st)
        st = compress_open(model_graph(job->model), &job->rule, job->x, job->n,
                           &job->compress);
    if (!st && !option_given(a, "quiet"))
        job->compress.note = progress;
    if (!st)
        st = job->method->run(&job->compress);
    if (!st)
        st = compress_ranges(&job->compress);
    if (!st)
        st = compress_export(&job->compress, &job->out);
    if (st)
        return st;
    describe(job);
    st = onnx_write(&job->out, output);
    if (!st)
        st = write_record(job, output);
    if (!st) {
        print_layers(job);
        printf("%s: %s, weights of %.0f bytes packed\n", output, job->method->name,
               packed_bytes(&job->compress));
    }
    return st;
}

static enum exit_code run(const struct arguments *arguments)
{
    command_interruptible();
    struct job job = {.arguments = arguments};
    enum status st = quantize(&job);
    graph_clear(&job.out);
    compress_clear(&job.compress);
    free(job.x);
    train_data_close(&job.data);
    model_close(job.model);
    return st ? command_fail(arguments, st) : EXIT_DONE;
}

const struct command command_quantize = {
    .name = "quantize",
    .summary = "make an integer network from a float one, without training",
    .operands = "MODEL.onnx",
    .min_operands = 1,
    .max_operands = 1,
    .about =
        "Post-training quantization. Ranges come from the calibration pictures, codes "
        "of\n"
        "the weights from the method: to nearest (rtn), with corrected biases (bias),\n"
        "learned layer by layer (adaround) or block by block (brecq). The product is\n"
        "ONNX with QuantizeLinear and DequantizeLinear, and a record that names its\n"
        "full-precision twin: `gauntlet run` on both shows what it costs.",
    .options = options,
    .examples = examples,
    .run = run,
};
