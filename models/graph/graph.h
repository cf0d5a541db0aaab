/*
 * A network as data. The reader makes a graph from a file; graph_specialise() fixes the
 * batch size, infers every shape and folds what is constant; passes rewrite it; the
 * runtime compiles it into a plan.
 *
 * Everything lives in the graph's arena. Nodes are kept in topological order.
 */
#pragma once

#include "base/mem.h"
#include "base/status.h"
#include "base/tensor.h"

#include <stdbool.h>

struct node;
struct op;

/* A value: graph input, constant, or output of one node. */
struct value {
    const char *name;
    enum dtype dtype;        /* DTYPE_NONE until inferred */
    bool shaped;             /* shape is known */
    struct shape shape;      /* in a graph as read, dim -1 is unknown or symbolic */
    const struct tensor *constant; /* its data when it is known at compile time, else NULL */
    bool trainable;          /* a weight of the file, as opposed to a folded constant */
    struct node *producer;   /* NULL for inputs and constants */
    struct node *origin;     /* the node a constant was folded from (its inputs are constants
                                too: a QDQ pass finds the integer weights here), or NULL */
    int uses;                /* node inputs and graph outputs that read it; graph_update() */
    int id;                  /* dense, 0..n_values-1; graph_update() */
};

enum attribute_kind { ATTR_INT, ATTR_FLOAT, ATTR_STRING, ATTR_INTS, ATTR_FLOATS, ATTR_TENSOR };

struct attribute {
    const char *name;
    enum attribute_kind kind;
    int64_t i;
    float f;
    const char *s;
    int count;               /* of ints or floats */
    const int64_t *ints;
    const float *floats;
    const struct tensor *tensor;
};

struct node {
    const struct op *op;
    const char *name;        /* the file's, or "Conv_12" */
    int n_inputs, n_outputs;
    struct value **inputs;   /* an omitted optional input is NULL */
    struct value **outputs;  /* an omitted optional output is NULL */
    int n_attributes;
    struct attribute *attributes;
    int version;             /* opset of the node's domain */
    int id;                  /* its place in graph->nodes; graph_update() */
};

struct graph {
    struct arena arena;
    const char *name;
    int opset;
    int n_nodes, n_inputs, n_outputs, n_values;
    struct node **nodes;     /* topological order */
    struct value **inputs;
    struct value **outputs;
    struct value **values;   /* all that are reachable; graph_update() */
    int nodes_room;          /* of the array */
    int n_metadata;
    const char *(*metadata)[2]; /* key, value pairs of the file */
};

void graph_clear(struct graph *graph);

/* Attributes, with the default where the node has none. */
int64_t node_int(const struct node *node, const char *name, int64_t fallback);
float node_float(const struct node *node, const char *name, float fallback);
const char *node_string(const struct node *node, const char *name, const char *fallback);
/* NULL when absent; *count is its length. */
const int64_t *node_ints(const struct node *node, const char *name, int *count);
const float *node_floats(const struct node *node, const char *name, int *count);
const struct tensor *node_tensor(const struct node *node, const char *name);
/* Sets or replaces an attribute (the graph's arena owns copies). */
void node_set_int(struct graph *graph, struct node *node, const char *name, int64_t value);
void node_set_float(struct graph *graph, struct node *node, const char *name, float value);
void node_set_string(struct graph *graph, struct node *node, const char *name,
                     const char *value);
void node_set_ints(struct graph *graph, struct node *node, const char *name,
                   const int64_t *values, int count);

/* Building and rewriting. */
struct value *graph_value(struct graph *graph, const char *name);
struct value *graph_constant(struct graph *graph, const char *name,
                             const struct tensor *tensor); /* copies the data */
struct node *graph_node(struct graph *graph, const struct op *op, const char *name,
                        int n_inputs, int n_outputs);       /* appended; slots NULL */
void graph_replace(struct graph *graph, struct value *old, struct value *new_value);
/* Drops unread nodes, sorts, renumbers ids, recounts uses. ERR_FORMAT on a cycle. */
enum status graph_update(struct graph *graph);
/* A deep copy (constants' data stay shared with `in`, which must outlive it). */
enum status graph_copy(const struct graph *in, struct graph *out);

/*
 * A copy of `in` for batch size `batch`: the first dimension of every input becomes `batch`
 * (also where the file fixes it to 1), every shape is inferred, every node whose inputs are
 * constant is evaluated with its reference and becomes a constant (value->origin keeps the
 * node). Other unknown dimensions must have been set by the caller before. Inputs keep their
 * dtype: casting pixels to a float16 input is the runtime's matter.
 *
 * errors  ERR_FORMAT, ERR_LIMIT, ERR_UNSUPPORTED, all naming the node, its operator and opset.
 *         A value has at most 2^28 elements a sample, and folding may allocate
 *         16 MiB + 16 times the bytes of the file's own constants.
 */
enum status graph_specialise(const struct graph *in, int batch, struct graph *out);

/* Infers all shapes again and folds, in place: after a pass has changed nodes. */
enum status graph_infer(struct graph *graph);

/* Evaluates with the operators' references: slow, for tests and folding. The graph is
 * specialised; inputs[i] belongs to graph->inputs[i]; outputs are the caller's. Arithmetic is
 * in double, rounded once per output of each node to its dtype (float16 included). */
enum status graph_evaluate(const struct graph *graph, const struct tensor *inputs,
                           struct tensor *outputs);

/* Evaluates, then goes back with the operators' backward: douts[i] is the gradient of output
 * i, dinputs[i] (the caller's) that of input i. Slow: the judge of the runtime's gradients. */
enum status graph_gradient(const struct graph *graph, const struct tensor *inputs,
                           const struct tensor *douts, struct tensor *dinputs);
