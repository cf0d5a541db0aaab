#include "harness/quantized.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "models/onnx/onnx.h"
#include "models/ops/op.h"
#include "models/runtime/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The mean scale of a layer's weights: one number for the eye. */
static double mean_scale(const struct quant_layer *layer)
{
    double sum = 0;
    for (int64_t i = 0; i < layer->channels; i++)
        sum += layer->grids[i].scale / (double)layer->channels;
    return sum;
}

void quantized_print_layers(const struct quantized *q)
{
    bool alone = !isnan(q->compress->layers[0].sensitivity);
    printf("%-28s %-7s %4s %9s %9s %6s %4s %21s%s\n", "LAYER", "OP", "BITS", "WEIGHTS",
           "SCALE", "SNR dB", "ACTS", "RANGE OF ITS INPUT", alone ? "  SENSITIVITY" : "");
    for (int i = 0; i < q->compress->n_layers; i++) {
        const struct quant_layer *layer = &q->compress->layers[i];
        const struct quant_act *act = &q->compress->acts[layer->input];
        char range[40] = "float", bits[8] = "32";
        if (act->grid.scale > 0) {
            snprintf(range, sizeof range, "[%.4g, %.4g]",
                     grid_decode(&act->grid, act->grid.low),
                     grid_decode(&act->grid, act->grid.high));
            snprintf(bits, sizeof bits, "%d", act->bits);
        }
        printf("%-28.28s %-7s %4d %9" PRId64 " %9.3g %6.1f %4s %21s", layer->node->name,
               layer->node->op->name, layer->bits, layer->count, mean_scale(layer),
               layer->snr_db, bits, range);
        if (alone)
            printf("  %11.3g", layer->sensitivity);
        printf("\n");
    }
}

double quantized_weights(const struct compress *c)
{
    double sum = 0;
    for (int i = 0; i < c->n_layers; i++)
        sum += (double)c->layers[i].count;
    return sum;
}

static double mean_bits(const struct compress *c)
{
    return 8 * compress_cost(c, BUDGET_SIZE) / quantized_weights(c);
}

enum status quantized_print_sizes(const struct quantized *q, const char *path)
{
    const struct compress *c = q->compress;
    struct model *product;
    struct report report;
    enum status st = model_open(path, NULL, &product);
    if (st)
        return st;
    const struct session_options plain = {0};
    st = model_report(product, &plain, 0, &report);
    if (!st)
        printf("%s: %s, %.2f bits a weight: %.0f bytes packed, %" PRId64
               " in the file, %zu of weights in memory\n",
               path, q->methods,
               mean_bits(c),
               compress_cost(c, BUDGET_SIZE), report.file_bytes, report.weight_bytes);
    report_clear(&report);
    model_close(product);
    return st;
}

static void note(struct graph *graph, int *n, const char *key, const char *value)
{
    graph->metadata[*n][0] = arena_format(&graph->arena, "gauntlet.%s", key);
    graph->metadata[(*n)++][1] = arena_copy(&graph->arena, value);
}

static void describe(const struct quantized *q, struct graph *graph)
{
    const struct compress_rule *rule = q->compress->rule;
    struct text bits = {0}, acts = {0}; /* one a layer, in the order of the graph */
    char line[160];
    int n = graph->n_metadata;
    const char *(*old)[2] = graph->metadata;
    graph->metadata = arena_alloc(&graph->arena, (size_t)(n + 8) * sizeof *old);
    if (n)
        memcpy(graph->metadata, old, (size_t)n * sizeof *old);
    for (int i = 0; i < q->compress->n_layers; i++) {
        const struct quant_layer *layer = &q->compress->layers[i];
        text_addf(&bits, "%s%d", i ? " " : "", layer->bits);
        text_addf(&acts, "%s%d", i ? " " : "", q->compress->acts[layer->input].bits);
    }
    snprintf(line, sizeof line, "%s w%.3g%s a%d edges%d %s", q->methods,
             q->mixed ? mean_bits(q->compress) : (double)rule->weight_bits,
             q->mixed ? " mixed" : "", rule->act_bits, rule->edge_bits,
             rule->preset->name);
    note(graph, &n, "quantized", line);
    note(graph, &n, "weight_bits", bits.data);
    note(graph, &n, "act_bits", acts.data);
    note(graph, &n, "calibration", q->calibration);
    note(graph, &n, "calibration_sha256", q->calibration_sha);
    note(graph, &n, "quantize_command", q->command);
    graph->n_metadata = n;
    text_clear(&bits);
    text_clear(&acts);
}

/* The record of the product: the float network's, with what has changed. */
static enum status write_record(const struct quantized *q, const char *path)
{
    struct model_record record = *q->float_record;
    const struct compress_rule *rule = q->compress->rule;
    double bits = q->mixed ? mean_bits(q->compress) : (double)rule->weight_bits;
    char *stem = file_stem(path);
    char *technique = mem_format("ptq-%s", q->methods);
    char *variant = mem_format("w%.3g%sa%d-%s", bits, q->mixed ? "mixed-" : "",
                               rule->act_bits, q->methods);
    record.twin = record.name;
    record.name = stem;
    record.variant = variant;
    record.technique = technique;
    record.gradient = rule->act_bits <= 8 ? GRADIENT_SURROGATE : GRADIENT_EXACT;
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

enum status quantized_write(const struct quantized *q, bool int4, const char *path)
{
    struct graph graph;
    enum status st = compress_export(q->compress, int4, &graph);
    if (!st)
        describe(q, &graph);
    if (!st)
        st = onnx_write(&graph, path);
    if (!st)
        st = write_record(q, path);
    graph_clear(&graph);
    return st;
}
