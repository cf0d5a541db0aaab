/*
 * gauntlet quantize: a float network and some pictures to a network of integers.
 */
#include "harness/command.h"
#include "harness/quantized.h"
#include "harness/train_data.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/threads.h"
#include "models/compress/compress.h"
#include "models/record.h"
#include "models/train/augment.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option options[] = {
    {"method", "NAMES", "rtn", "how weights are rounded, as in cle+brecq; an unknown one "
     "lists them", false, "rtn bias cle adaround brecq qdrop cle+adaround cle+brecq"},
    {"weights", "BITS", "8", "bits of the weights, 2 to 8", false, NULL},
    {"acts", "BITS", "8", "bits of the activations, 2 to 8, or 32: float", false, NULL},
    {"edges", "BITS", "8", "bits of the first and last layer", false, NULL},
    {"mixed", "BUDGET", NULL, "search the bits of each layer: size=100k (bytes), "
     "bops=2G, or bits=3 (mean a weight)", false, NULL},
    {"widths", "LIST", "2,4,8", "bits to choose from with --mixed", false, NULL},
    {"preset", "NAME", "academic", "which grids; an unknown one lists them", false,
     "academic tensorrt openvino snpe vitis acl tvm"},
    {"weight-range", "OBSERVER", "mse", "ranges of weights", false,
     "minmax average percentile mse kl"},
    {"act-range", "OBSERVER", "mse", "ranges of activations", false,
     "minmax average percentile mse kl"},
    {"calib", "PATH", NULL, "pictures to calibrate on: a dataset, or any folder of them",
     false, "files"},
    {"classes", "FILE", NULL, "class list of the pictures", false, "files"},
    {"samples", "N", "1024", "how many of them", false, NULL},
    {"augment", NULL, NULL, "flip and shift them at random, by up to an eighth", false,
     NULL},
    {"iterations", "N", "2000", "of reconstruction, per block", false, NULL},
    {"rate", "R", "0.01", "of reconstruction, Adam's; 0.001 wants ten times the iterations",
     false, NULL},
    {"step-iterations", "N", "500", "of activation steps after brecq, per block; 0: as "
     "observed", false, NULL},
    {"fisher", NULL, NULL, "weigh block errors by what the outputs notice", false, NULL},
    {"sensitivity", NULL, NULL, "measure each layer's effect on the outputs alone", false,
     NULL},
    {"int4", NULL, NULL, "store weights of up to 4 bits as ONNX int4 (opset 21)", false,
     NULL},
    {"seed", "N", "0", "which pictures, and the order of reconstruction", false, NULL},
    {"threads", "N", "0", "workers; 0 is all; they do not change the result", false,
     NULL},
    {"output", "FILE", NULL, "the ONNX file to write", false, "files"},
    {"state", "FILE", NULL, "where finished blocks are kept; OUTPUT.state, removed at the "
     "end, unless named", false, "files"},
    {"quiet", NULL, NULL, "no progress", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet quantize net.onnx --calib train/ --output net_int8.onnx",
     "8 bits, rounded to nearest"},
    {"gauntlet quantize net.onnx --method brecq --weights 2 --acts 32 --calib train/ "
     "--output net_w2.onnx",
     "2-bit weights by block reconstruction"},
    {"gauntlet quantize net.onnx --method cle+brecq --mixed bits=3 --acts 8 --int4 "
     "--calib train/ --output net_mixed.onnx",
     "equalised, mixed precision of 3 bits a weight, stored as int4"},
    {0},
};

struct job {
    const struct arguments *arguments;
    struct compress_rule rule;
    struct budget budget;
    double mean_bits; /* --mixed bits=N; 0: another budget, or none */
    struct model *model;
    struct train_shelf shelf;
    struct train_data data;
    struct compress compress;
    char *state; /* OUTPUT.state, or as named */
    char *methods; /* "cle+brecq", in the order in which they work */
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

static enum status unknown_method(const char *name)
{
    struct text names = {0};
    for (size_t i = 0; method_registry[i]; i++)
        text_addf(&names, " %s (%s)", method_registry[i]->name,
                  method_registry[i]->summary);
    enum status st = unknown("method", name, &names);
    text_clear(&names);
    return st;
}

/* "bias+brecq" to a bit for each, by place in the registry. */
static enum status parse_methods(const char *typed, bool *wanted)
{
    enum status st = OK;
    char *copy = mem_copy(typed), *rest = copy, *name;
    while (!st && (name = strsep(&rest, "+"))) {
        size_t i = 0;
        while (method_registry[i] && strcmp(method_registry[i]->name, name))
            i++;
        if (!method_registry[i])
            st = unknown_method(name);
        else
            wanted[i] = true;
    }
    free(copy);
    return st;
}

static enum status find_methods(struct job *job)
{
    bool wanted[32] = {false};
    const char *typed = option_value(job->arguments, "method");
    struct compress_rule *rule = &job->rule;
    struct text names = {0};
    int learning = 0;
    enum status st = parse_methods(typed, wanted);
    for (size_t i = 0; method_registry[i] && !st; i++) {
        if (!wanted[i])
            continue;
        if (rule->n_methods == COMPRESS_METHODS)
            st = status_fail(ERR_USAGE, "--method %s: at most %d together", typed,
                             COMPRESS_METHODS);
        else
            rule->methods[rule->n_methods++] = method_registry[i];
        learning += method_registry[i]->learns_weights;
        text_addf(&names, "%s%s", names.size ? "+" : "", method_registry[i]->name);
    }
    if (!st && learning > 1)
        st = status_fail(ERR_USAGE, "--method %s: only one of them can learn the weights",
                         typed);
    job->methods = names.data;
    return st;
}

static enum status find_members(struct job *job)
{
    const struct arguments *a = job->arguments;
    enum status st = find_methods(job);
    job->rule.preset = preset_find(option_value(a, "preset"));
    if (!st && !job->rule.preset) {
        struct text names = {0};
        for (size_t i = 0; preset_nth(i); i++)
            text_addf(&names, " %s (%s)", preset_nth(i)->name, preset_nth(i)->summary);
        st = unknown("preset", option_value(a, "preset"), &names);
        text_clear(&names);
    }
    if (!st)
        st = find_observer(a, "weight-range", &job->rule.weight_observer);
    return st ? st : find_observer(a, "act-range", &job->rule.act_observer);
}

/* "2,4,8" */
static enum status read_widths(const char *typed, struct budget *budget)
{
    const char *at = typed;
    int bits, used;
    while (sscanf(at, "%d%n", &bits, &used) == 1) {
        int last = budget->n_widths ? budget->widths[budget->n_widths - 1] : 1;
        if (bits <= last || bits > 8)
            break;
        budget->widths[budget->n_widths++] = bits;
        at += used + (at[used] == ',');
    }
    return *at || !budget->n_widths
               ? status_fail(ERR_USAGE, "--widths %s: numbers from 2 to 8, ascending", typed)
               : OK;
}

/* "size=100k", "bops=1.5G", "bits=3". */
static enum status read_budget(struct job *job)
{
    const char *typed = option_value(job->arguments, "mixed");
    if (!typed)
        return OK;
    double number = 0;
    char kind[8] = "", unit = 0, more = 0;
    int n = sscanf(typed, "%7[a-z]=%lf%c%c", kind, &number, &unit, &more);
    const char *units = " kMG", *found = n == 3 ? strchr(units + 1, unit) : units;
    bool size = !strcmp(kind, "size"), bops = !strcmp(kind, "bops");
    bool bits = !strcmp(kind, "bits");
    if (n < 2 || n > 3 || !found || !(number > 0) || (!size && !bops && !bits))
        return status_fail(ERR_USAGE,
                           "--mixed %s: size=BYTES, bops=N (with k, M or G) or bits=N",
                           typed);
    number *= pow(1000, (double)(found - units));
    job->mean_bits = bits ? number : 0;
    job->budget = (struct budget){bops ? BUDGET_BOPS : BUDGET_SIZE, number, {0}, 0};
    return read_widths(option_value(job->arguments, "widths"), &job->budget);
}

static enum status read_rate(const struct arguments *arguments, double *rate)
{
    const char *typed = option_value(arguments, "rate");
    char *end;
    *rate = strtod(typed, &end);
    return *end || !(*rate > 0 && *rate <= 1)
               ? status_fail(ERR_USAGE, "--rate %s: above 0, at most 1", typed)
               : OK;
}

static enum status read_numbers(struct job *job, int64_t *samples)
{
    const struct arguments *a = job->arguments;
    int64_t weights, acts, edges, iterations, steps, seed, threads;
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
        st = option_integer(a, "step-iterations", 0, 1000000, &steps);
    if (!st)
        st = option_integer(a, "seed", 0, INT64_MAX, &seed);
    if (!st)
        st = option_integer(a, "threads", 0, 1024, &threads);
    if (!st)
        st = option_integer(a, "samples", 1, 1000000, samples);
    if (!st)
        st = read_rate(a, &job->rule.rate);
    if (st)
        return st;
    job->rule.weight_bits = (int)weights;
    job->rule.act_bits = (int)acts;
    job->rule.edge_bits = (int)edges;
    job->rule.iterations = (int)iterations;
    job->rule.step_iterations = (int)steps;
    job->rule.fisher = option_given(a, "fisher");
    job->rule.seed = (uint64_t)seed;
    job->rule.threads = (int)threads;
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
    const struct augment_rule rule = {.flip = true, .crop = p->width / 8};
    if (!st && option_given(job->arguments, "augment"))
        st = augment_image(&image, &rule, &rng);
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
        train_data_open(&job->shelf, path,
                        &(struct dataset_options){.classes = option_value(a, "classes"),
                                                  .unlabelled = true},
                        samples, job->rule.seed,
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

/* --- the whole ------------------------------------------------------------------------ */

static void progress(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

/* Network and pictures, as they are quantized. */
static void identify(const struct job *job, char identity[HASH_HEX])
{
    const struct compress *c = &job->compress;
    struct hash hash;
    hash_init(&hash);
    hash_add(&hash, job->x, job->n * c->n_input * sizeof *job->x);
    for (int i = 0; i < c->n_layers; i++)
        hash_add(&hash, c->layers[i].original->inputs[1]->constant->data,
                 (size_t)c->layers[i].count * sizeof(float));
    hash_finish(&hash, identity);
}

static enum status choose_codes(struct job *job)
{
    struct compress *c = &job->compress;
    char identity[HASH_HEX];
    enum status st = compress_open(model_graph(job->model), &job->rule, job->x, job->n, c);
    if (st)
        return st;
    if (!option_given(job->arguments, "quiet"))
        c->note = progress;
    if (job->mean_bits > 0)
        job->budget.limit = job->mean_bits * quantized_weights(c) / 8;
    if (job->budget.kind)
        st = compress_search(c, &job->budget);
    identify(job, identity);
    if (!st)
        st = compress_resume(c, job->state, identity);
    if (!st)
        st = compress_run(c);
    if (!st && option_given(job->arguments, "sensitivity"))
        st = compress_sensitivity(c);
    return st;
}

static enum status write_product(struct job *job, const char *output)
{
    const struct quantized product = {
        .compress = &job->compress,
        .float_record = model_record(job->model),
        .methods = job->methods,
        .mixed = job->budget.kind != BUDGET_NONE,
        .calibration = job->data.dataset->name,
        .calibration_sha = job->data.subset.sha,
        .command = job->arguments->line,
    };
    enum status st = quantized_write(&product, option_given(job->arguments, "int4"), output);
    if (!st && !option_value(job->arguments, "state"))
        unlink(job->state);
    if (!st)
        quantized_print_layers(&product);
    return st ? st : quantized_print_sizes(&product, output);
}

static enum status quantize(struct job *job)
{
    const struct arguments *a = job->arguments;
    const char *output = option_value(a, "output"), *state = option_value(a, "state");
    int64_t samples;
    enum status st = find_members(job);
    if (!st)
        st = read_numbers(job, &samples);
    if (!st)
        st = read_budget(job);
    if (!st && !output)
        st = status_fail(ERR_USAGE, "--output FILE: where to?");
    if (st)
        return st;
    job->state = state ? mem_copy(state) : mem_format("%s.state", output);
    st = model_open(a->operands[0], NULL, &job->model);
    if (!st)
        st = load_pictures(job, (uint64_t)samples);
    if (!st)
        st = choose_codes(job);
    return st ? st : write_product(job, output);
}

static enum exit_code run(const struct arguments *arguments)
{
    command_interruptible();
    struct job job = {.arguments = arguments};
    enum status st = quantize(&job);
    compress_clear(&job.compress);
    free(job.x);
    free(job.state);
    free(job.methods);
    train_data_close(&job.data);
    train_shelf_clear(&job.shelf);
    model_close(job.model);
    if (st == ERR_INTERRUPTED)
        st = status_fail(st, "interrupted; the same command goes on where it stopped");
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
        "the weights from the method: to nearest (rtn), learned layer by layer (adaround)\n"
        "or block by block (brecq; qdrop with activations quantized at random). Channels\n"
        "may be equalised before (cle), biases corrected after (bias): cle+brecq+bias.\n"
        "The product is ONNX with QuantizeLinear and DequantizeLinear, and a record that\n"
        "names its full-precision twin: `gauntlet run` on both shows what it costs.\n"
        "An interrupted run goes on with the block at which it stopped.",
    .options = options,
    .examples = examples,
    .run = run,
};
