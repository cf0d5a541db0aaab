/*
 * Post-training quantization: a trained float network and a few hundred pictures in, a
 * network with weights and activations on integer grids out.
 *
 * How to add a method: write models/compress/method_<name>.c ending in `const struct
 * method method_<name>`, and add the name to meson.build, at the place where it works
 * when it is combined with others. A method chooses the integer codes of the weights;
 * ranges of weights and activations are the observers' business.
 */
#pragma once

#include "models/compress/observer.h"
#include "models/graph/graph.h"

struct compress;

/* Which grids a piece of hardware knows: MQBench's table (specs 11.1). */
struct preset {
    const char *name, *summary;
    struct grid_rule weights, acts; /* bits are filled in from the call */
    bool per_channel;               /* of the weights */
};
const struct preset *preset_find(const char *name); /* NULL: none */
const struct preset *preset_nth(size_t i);          /* NULL behind the last */

struct method {
    const char *name, *summary, *source;
    /* Rewrites `full`, still float and computing the same, before grids are chosen; NULL:
     * leaves it alone. */
    enum status (*prepare)(struct compress *compress);
    /* Changes layers' codes, and `work`'s weights with them (compress_apply); may set
     * activation grids (compress_ranges). NULL: to nearest is all. */
    enum status (*run)(struct compress *compress);
    bool learns_weights;         /* block by block: at most one such method at a time */
    bool weights_depend_on_acts; /* their codes are good for one --acts only */
};
extern const struct method *const method_registry[];
const struct method *method_find(const char *name); /* NULL: none */

enum { COMPRESS_METHODS = 4 };

struct compress_rule {
    const struct method *methods[COMPRESS_METHODS]; /* in the registry's order */
    int n_methods;
    const struct preset *preset;
    int weight_bits, act_bits; /* 2..8; act_bits 32 leaves activations in float */
    int edge_bits;             /* of first and last layer, weights and inputs: 8 */
    const struct observer *weight_observer, *act_observer;
    int iterations;            /* of reconstruction, per block */
    int step_iterations;       /* of learning activation steps, per block; 0: not */
    double rate, lambda;       /* Adam's, of rounding; weight of its regulariser */
    bool fisher;               /* block errors weighted by the Fisher diagonal */
    uint64_t seed;
    int threads;
};

/* A layer with weights: Conv, Gemm, MatMul with a constant. */
struct quant_layer {
    struct node *node, *original; /* in `work` and in `full` */
    int bits;
    int64_t channels, inner,
        count; /* element i belongs to channel i / inner % channels */
    int axis;
    int64_t macs;       /* multiply-adds for one sample */
    struct grid *grids; /* [channels]; all equal when per tensor */
    int32_t *codes;     /* [count], the method's choice */
    int input;          /* which of the activations it reads */
    double snr_db;      /* of the weights */
    double sensitivity; /* compress_sensitivity(); NaN before */
};

/* A value that layers read: quantized where it is made, for every reader. */
struct quant_act {
    const char *name; /* of the value, in `full` and in `work` */
    int bits;
    struct grid grid; /* scale 0 while it is in float */
    float *step;      /* in `staged`: its LearnedStep's step; NULL before */
};

struct compress {
    const struct compress_rule *rule;
    struct graph source; /* as given; `full` and `work` share its constants */
    struct graph full;   /* batch 1, batch norm folded, float */
    struct graph work;   /* the same with the weights chosen so far */
    struct graph staged; /* `work` with activations on their grids too */
    struct quant_layer *layers;
    int n_layers;
    struct quant_act *acts;
    int n_acts;
    const float *x; /* [n_samples] of the network's input, normalised */
    size_t n_samples, n_input;
    /* A line now and then ("block 3 of 9: 1.61 -> 0.39"); may be NULL. */
    void (*note)(const char *line);
    /* Resuming (resume.c): where to write, what the file must have been made from. */
    const char *state;
    char weights_key[65], key[65];
    int step, steps_done, weight_steps_done;
    double *loaded_steps; /* [n_acts] scales of a resumed run, or NULL */
};

/* Grids of all weights, by the weight observer; codes by rounding to nearest, after the
 * methods' prepare(). `graph` and x stay the caller's and must outlive `out`. */
enum status compress_open(const struct graph *graph, const struct compress_rule *rule,
                          const float *x, size_t n_samples, struct compress *out);
void compress_clear(struct compress *compress);

/* The methods' run(); then ranges of the activations, if no method has set them. */
enum status compress_run(struct compress *compress);

/* Puts a layer's codes into `work`, as floats on their grid. */
void compress_apply(struct compress *compress, struct quant_layer *layer);
/* Other bits: grids and codes anew, to nearest. */
void compress_set_bits(struct compress *compress, struct quant_layer *layer, int bits);
static inline struct grid *layer_grid(const struct quant_layer *layer, int64_t element)
{
    return &layer->grids[element / layer->inner % layer->channels];
}

/* Ranges of the activations, as they are in `graph` (`full` or `work`), by the activation
 * observer; makes `staged`. Nothing where activations stay in float. */
enum status compress_ranges(struct compress *compress, const struct graph *graph);

/* `staged` where activations have grids, else `work`. */
struct graph *compress_quantized(struct compress *compress);
/* What a value is called there, after its quantizer if it has one. In the arena. */
const char *compress_quantized_name(struct compress *compress, const char *name);

/*
 * `work` with integers, QuantizeLinear and DequantizeLinear, as any ONNX runtime reads it;
 * opset 13, or 21 where `int4` asks for weights of at most 4 bits in the 4-bit types.
 * Activations of fewer than 8 bits are clipped to their codes.
 */
enum status compress_export(const struct compress *compress, bool int4,
                            struct graph *out);

/* Every reader of a quantized activation reads what `make` puts behind it. */
enum status compress_insert(const struct compress *compress, struct graph *graph,
                            struct value *(*make)(void *context, struct graph *graph,
                                                  int act, struct value *x),
                            void *context);

/*
 * Values inside a network for all samples: visit(context, worker, sample, tap, data, count)
 * for each of the named values; workers at once.
 */
typedef void probe_visit(void *context, int worker, size_t sample, int tap,
                         const float *data, size_t count);
enum status compress_probe(const struct compress *compress, const struct graph *graph,
                           const char *const *names, int n_names, probe_visit *visit,
                           void *context);
/* One of them, all samples: [n_samples][*count], the caller's. */
enum status compress_record(const struct compress *compress, const struct graph *graph,
                            const char *name, float **out, size_t *count);

/* The stretch of a graph between two values, as a network of its own; batch 1, or -1 for
 * a symbolic one. Nothing in it is trainable. */
enum status compress_cut(const struct graph *graph, const char *entry, const char *exit,
                         int batch, struct graph *out);
/* All samples through a stretch: in is [n_samples][n_in], out the caller's. */
enum status compress_pass(const struct compress *compress, const struct graph *graph,
                          const char *entry, const char *exit, const float *in,
                          size_t n_in, float **out, size_t *n_out);

/* NULL when the graph has none of this name. */
struct value *compress_value(const struct graph *graph, const char *name);

/* A stretch of the network with one value in and one out. */
struct block {
    const char *entry, *exit; /* names of values */
    int first, last;          /* layers in it: [first, last) */
};
/* Between the values that all later ones depend on: residual blocks, whole. */
int compress_blocks(const struct compress *compress, struct block **out);
/* One for each layer, with the activation behind it. */
int compress_single_layers(const struct compress *compress, struct block **out);

/* How a block is reconstructed: what is learned, towards which loss (specs 6.2 to 6.7). */
struct recipe {
    const char *name; /* in the progress lines and in the random numbers */
    int iterations;
    bool rounds;      /* up or down for every weight, AdaRound's rectified sigmoid */
    double step_rate; /* Adam's, of the activations' steps; 0: fixed */
    bool cosine;      /* step_rate falls to 0 */
    double power;     /* mean over space of the sum over channels of |y' - y|^power */
    double share;     /* of activations that are quantized at a time (QDrop: 0.5), and of
                         the entry's elements that come from the quantized prefix */
    bool fisher;
};

/* What a block starts from: its entry in the quantized prefix and in full precision. */
struct start {
    const char *name;        /* of the value; NULL: nothing yet */
    float *quantized, *full; /* [n_samples][count] */
    size_t count;
};

/*
 * Brings a block's output nearest to the full-precision one, on the quantized prefix's
 * input, and settles what was learned: codes into `work`, steps into the grids. `start`
 * is at the block's entry.
 */
enum status compress_reconstruct(struct compress *compress, const struct block *block,
                                 const struct recipe *recipe, const struct start *start);
/* Each block in turn, resumed and saved; a first block of the first layer alone is left at
 * its 8 bits, as in the papers. */
enum status compress_reconstruct_all(struct compress *compress, struct block *blocks,
                                     int n_blocks, const struct recipe *recipe);

/*
 * |dKL(full || quantized) / dy| + 1 of every element of the block's exit, of the network
 * quantized up to there and in float behind it: [n_samples][exit], the caller's.
 */
enum status compress_fisher(struct compress *compress, const struct block *block,
                            float **out);

/* --- mixed precision ------------------------------------------------------------------ */

/*
 * KL divergence of the network's outputs from the full-precision ones, mean over at most
 * 256 samples, when this layer alone is quantized, with the codes it has.
 */
enum status compress_sensitivity(struct compress *compress);

enum budget_kind { BUDGET_NONE, BUDGET_SIZE, BUDGET_BOPS };
enum { BUDGET_WIDTHS = 7 };
struct budget {
    enum budget_kind kind;
    double limit; /* bytes of packed weights; multiply-adds x weight bits x input bits */
    int widths[BUDGET_WIDTHS], n_widths; /* to choose from, ascending; the paper: 2, 4, 8 */
};
double compress_cost(const struct compress *compress, enum budget_kind kind);

/*
 * One of the widths for every layer but the edges: the least sum of sensitivities (with
 * those of pairs in a block, where both have the fewest bits) within the budget, by a
 * genetic
 * search (population 50, 100 generations, mutation 0.1, specs 6.5). Before methods run.
 *
 * errors  ERR_USAGE when even the fewest bits everywhere exceed the budget
 */
enum status compress_search(struct compress *compress, const struct budget *budget);

/* --- resuming ------------------------------------------------------------------------- */

/* Takes up what the file `state` holds, if it was made from the same network, samples and
 * rule; `identity` is a hash of network and samples. `state` must outlive `compress`. */
enum status compress_resume(struct compress *compress, const char *state,
                            const char *identity);
/* True when the next step was done before: it is to be skipped. */
bool compress_step_done(struct compress *compress);
/* Writes the state after a step; `weights` says that it chose codes. */
enum status compress_step_save(struct compress *compress, bool weights);
