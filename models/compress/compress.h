/*
 * Post-training quantization: a trained float network and a few hundred pictures in, a
 * network with weights and activations on integer grids out.
 *
 * How to add a method: write models/compress/method_<name>.c ending in `const struct
 * method method_<name>`, and add the name to meson.build. A method chooses the integer
 * codes of the weights; ranges of weights and activations are the observers' business.
 */
#pragma once

#include "models/compress/observer.h"
#include "models/graph/graph.h"

/* Which grids a piece of hardware knows: MQBench's table (specs 11.1). */
struct preset {
    const char *name, *summary;
    struct grid_rule weights, acts; /* bits are filled in from the call */
    bool per_channel;               /* of the weights */
};
const struct preset *preset_find(const char *name); /* NULL: none */
const struct preset *preset_nth(size_t i);          /* NULL behind the last */

struct compress_rule {
    const struct preset *preset;
    int weight_bits, act_bits; /* 2..8; act_bits 32 leaves activations in float */
    int edge_bits;             /* of first and last layer, weights and inputs: 8 */
    const struct observer *weight_observer, *act_observer;
    int iterations;      /* of reconstruction, per block */
    double rate, lambda; /* Adam's step; weight of the rounding regulariser */
    uint64_t seed;
    int threads;
};

/* A layer with weights: Conv, Gemm, MatMul with a constant. */
struct quant_layer {
    struct node *node, *original; /* in `work` and in `full` */
    int bits, act_bits;
    int64_t channels, inner,
        count; /* element i belongs to channel i / inner % channels */
    int axis;
    struct grid *grids; /* [channels]; all equal when per tensor */
    int32_t *codes;     /* [count], the method's choice */
    struct grid act;    /* of its input */
    bool act_quantized;
    double snr_db; /* of the weights */
};

struct compress {
    const struct compress_rule *rule;
    struct graph source; /* as given; `full` and `work` share its constants */
    struct graph full;   /* batch 1, batch norm folded, float: never changed */
    struct graph work;   /* the same with the weights chosen so far */
    struct quant_layer *layers;
    int n_layers;
    const float *x; /* [n_samples] of the network's input, normalised */
    size_t n_samples, n_input;
    /* A line now and then ("block 3 of 9: 1.61 -> 0.39"); may be NULL. */
    void (*note)(const char *line);
};

struct method {
    const char *name, *summary, *source;
    /* Fills every layer's codes, and `work`'s weights with them (compress_apply). */
    enum status (*run)(struct compress *compress);
};
extern const struct method *const method_registry[];
const struct method *method_find(const char *name); /* NULL: none */

/* Grids of all weights, by the weight observer; codes by rounding to nearest. `graph` and
 * x stay the caller's and must outlive `out`. */
enum status compress_open(const struct graph *graph, const struct compress_rule *rule,
                          const float *x, size_t n_samples, struct compress *out);
void compress_clear(struct compress *compress);

/* Puts a layer's codes into `work`, as floats on their grid. */
void compress_apply(struct compress *compress, struct quant_layer *layer);
static inline struct grid *layer_grid(const struct quant_layer *layer, int64_t element)
{
    return &layer->grids[element / layer->inner % layer->channels];
}

/* Ranges of the layers' inputs, on `work`, by the activation observer. */
enum status compress_ranges(struct compress *compress);

/* `work` with integers, QuantizeLinear and DequantizeLinear, as any ONNX runtime reads it;
 * opset 13. Activations of fewer than 8 bits are clipped to their codes. */
enum status compress_export(struct compress *compress, struct graph *out);

/*
 * Values inside a network for all samples: visit(context, worker, sample, tap, data, count)
 * for each of the named values; workers at once.
 */
typedef void probe_visit(void *context, int worker, size_t sample, int tap,
                         const float *data, size_t count);
enum status compress_probe(const struct compress *compress, const struct graph *graph,
                           const char *const *names, int n_names, probe_visit *visit,
                           void *context);

/* A stretch of the network with one value in and one out. */
struct block {
    const char *entry, *exit; /* names of values */
    int first, last;          /* layers in it: [first, last) */
};
/* Between the values that all later ones depend on: residual blocks, whole. */
int compress_blocks(const struct compress *compress, struct block **out);
/* One for each layer, with the activation behind it. */
int compress_single_layers(const struct compress *compress, struct block **out);

/*
 * Chooses up or down for every weight of a block so that its output comes nearest to the
 * full-precision one (AdaRound's rectified sigmoid, BRECQ's block loss; specs 6.2, 6.3).
 */
enum status compress_reconstruct(struct compress *compress, const struct block *block,
                                 int index);
