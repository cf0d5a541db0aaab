/* What a network is made of and what it costs: the data of `gauntlet inspect`. */
#pragma once

#include "models/graph/graph.h"
#include "models/model.h"

struct report_totals {
    int64_t params;          /* numbers in weights, biases and normalisations */
    int64_t macs;            /* multiply-adds for one picture */
    int64_t outputs;         /* elements of the first output */
};

/* Of a specialised graph (batch 1). */
struct report_totals report_count(const struct graph *graph);
/* Of one node. */
int64_t report_macs(const struct node *node);
int64_t report_params(const struct node *node);

/* One layer: a node and what runs in the same step. Strings are the report's. */
struct report_layer {
    char *name, *op;         /* of the main node, as in the file */
    char *fused;             /* "+Add+Relu", or "" */
    char *kernel;            /* "conv jit:avx512_core", "reference", "view" */
    struct shape output;
    enum dtype dtype;
    int64_t params, macs;
    int64_t output_bytes;
    bool slow;               /* has no fast kernel: runs through its reference */
    bool stops_gradient;     /* its gradient is zero everywhere */
    const char *gradient_note; /* of a surrogate, or NULL */
    double forward_us, backward_us; /* measured; backward 0 where there is none */
};

struct report {
    int n_layers, n_slow;
    struct report_layer *layers;
    struct report_totals totals;
    int64_t file_bytes;
    /* One session, by mode; weights are shared by all sessions. */
    size_t forward_bytes, gradient_bytes, weight_bytes;
    /* One picture on one thread, wall clock, the best of several. */
    double forward_s, gradient_s;   /* gradient: forward and backward */
    const char *isa;         /* the widest vectors that the kernels use */
    char *gradient_error;    /* why there is no gradient, or NULL */
};

/* Compiles both modes and measures them for about `seconds` (0: no measurement).
 * options->gradient is ignored. */
enum status model_report(const struct model *model, const struct session_options *options,
                         double seconds, struct report *out);
void report_clear(struct report *report);
