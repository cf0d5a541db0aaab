/*
 * A plan: a network compiled for one batch size, mode and precision. It is read-only once
 * made, so any number of lanes (a lane owns the memory of one execution) share it and its
 * reordered weights. Running allocates nothing.
 *
 * The steps are in one line of time: forward 0..n_forward-1, then backward. A buffer lives
 * from its first step to its last, and buffers that never live at once share memory; what
 * backward reads of the forward pass lives to the end, so that backward may run again.
 */
#pragma once

#include "base/mem.h"
#include "models/graph/graph.h"
#include "models/runtime/layout.h"

enum slot_kind {
    SLOT_ARENA,    /* own bytes in the lane's arena */
    SLOT_PART,     /* a window of another slot */
    SLOT_CONSTANT, /* in the plan: weights, tables */
    SLOT_VARIABLE, /* trainable: outside, set by the trainer */
};

struct slot {
    enum slot_kind kind;
    enum dtype dtype;
    struct shape shape;
    dnnl_memory_desc_t md;   /* ndims 0 where oneDNN has no such type */
    size_t bytes;
    void *data;              /* SLOT_CONSTANT */
    int whole;               /* SLOT_PART: the slot it lies in */
    size_t offset;           /* in the arena, or in the whole */
    int first, last;         /* steps that touch it */
    struct value *value;     /* SLOT_VARIABLE */
};

struct lane;
struct step;
typedef void step_run(const struct step *step, struct lane *lane);

struct arg {
    int key;                 /* DNNL_ARG_...; 0 in our own kernels */
    int slot;
};

struct step {
    step_run *run;
    const char *what;        /* kernel and implementation: "conv jit:avx512_core" */
    int layer;               /* index into plan->layers, or -1 */
    int n_args, first_arg;
    struct arg *args;
    dnnl_primitive_t primitive;
    const void *context;     /* of our own kernels, in the plan's arena */
    bool barrier;            /* train mode: all lanes must have arrived before it */
};

/* For reports: one fused group of nodes. */
struct plan_layer {
    const struct node *node;    /* the main one */
    const struct value *output; /* of the last one of the group */
    const char *kernel, *fused; /* "conv", "+add+relu" */
    int forward[2], backward[2];/* step ranges [from, to) */
};

/* Train mode: a weight, and where its gradient is after backward (plain). */
struct plan_variable {
    const struct value *value;
    int slot, gradient;
};

/* Train mode: batch statistics that a batch norm has just used, for its running ones. */
struct plan_statistics {
    const struct value *mean, *variance; /* the running ones: inputs of `node` */
    const struct node *node;
    int mean_slot, variance_slot;        /* [C] of this lane's part of the batch; biased */
    int64_t count;                       /* elements that each is made of */
};

enum plan_mode { PLAN_INFER, PLAN_GRADIENT, PLAN_TRAIN };
enum rounding { ROUND_NONE, ROUND_F16, ROUND_BF16 };

/* Least and largest value seen; 0 is always in it. */
struct range {
    float low, high;
};

struct plan_options {
    enum plan_mode mode;
    /* By value id: the type to which a value is rounded once computed (pass_round), or
     * NULL. In the graph's arena. */
    const unsigned char *rounds;
    /* By value id: note the ranges of these values in plan->ranges, for one lane. Sums are
     * then not fused. */
    const unsigned char *observe;
    bool simulate;           /* quantized graphs in float */
    bool native;             /* with bfloat16 in `rounds`: convolutions by the CPU's own
                                arithmetic, rounded once for each step */
    bool input_gradient;     /* train mode: of the input too, for adversarial training */
    int threads;             /* that one run may use: 0 is 1, what every session has */
};

struct plan {
    struct graph graph;      /* specialised, after the passes */
    struct graph source;     /* what it was made from, and shares constants with */
    struct plan_options options;
    struct arena arena;      /* steps, tables, reordered weights */
    int n_slots, n_steps, n_forward, n_args, n_layers;
    struct slot *slots;
    struct step *steps;
    struct plan_layer *layers;
    int input, output;       /* slots: network input and output, plain float32 */
    int output_gradient, input_gradient; /* -1 where there is none */
    int n_variables, n_statistics;
    struct plan_variable *variables;      /* in the plan's arena; train mode only */
    struct plan_statistics *statistics;   /* freed by plan_clear */
    struct range *ranges;    /* by value id, while observing */
    size_t lane_bytes, constant_bytes;
};

/* Compiles; takes `graph` (already specialised and rewritten), also when it fails. */
enum status plan_compile(struct graph *graph, const struct plan_options *options,
                         struct plan *out);
void plan_clear(struct plan *plan);

/* Rounds in place: to nearest, ties to even. */
void round_floats(float *x, int64_t count, enum rounding to);

/* One execution's memory. */
struct lane {
    const struct plan *plan;
    char *arena;
    void **data;             /* per slot */
    dnnl_memory_t *memories; /* per slot that a primitive touches */
    dnnl_exec_arg_t *args;
    dnnl_stream_t stream;
    dnnl_status_t failed;    /* first failure of a primitive */
    enum status status;      /* first failure of a reference operator */
    struct lane *const *lanes; /* train mode: all lanes of the batch, in order */
    int n_lanes, index;
};

enum status lane_init(struct lane *lane, const struct plan *plan);
/* Runs steps [from, to). */
enum status lane_run(struct lane *lane, int from, int to);
void lane_clear(struct lane *lane);
