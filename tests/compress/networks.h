/* What the tests of quantization share: small networks with random weights on random
 * input, opened and looked at. */
#pragma once

#include "tests/test.h"

#include "models/compress/compress.h"
#include "models/train/architecture.h"

#include <math.h>
#include <string.h>

enum { SIDE = 16, SAMPLES = 32, INPUT = 3 * SIDE * SIDE, CLASSES = 10 };

static float x[SAMPLES * INPUT];

static inline struct compress_rule rule_of(int weights, int acts, int threads)
{
    return (struct compress_rule){.preset = preset_find("academic"),
                                  .weight_bits = weights,
                                  .act_bits = acts,
                                  .edge_bits = 8,
                                  .weight_observer = observer_find("mse"),
                                  .act_observer = observer_find("mse"),
                                  .iterations = 100,
                                  .step_iterations = 100,
                                  .rate = 1e-2,
                                  .lambda = 0.01,
                                  .seed = 1,
                                  .threads = threads};
}

static inline struct compress_rule with_method(struct compress_rule rule, const char *name)
{
    rule.methods[rule.n_methods++] = method_find(name);
    assert_non_null(method_find(name));
    return rule;
}

/* The networks live to the end: what is made of them shares their constants. */
static struct graph networks[64];
static int n_networks;

static inline struct graph *build_network(const char *name)
{
    const struct architecture *architecture;
    struct graph *graph = &networks[n_networks++];
    assert_ok(architecture_find(name, &architecture));
    assert_ok(architecture_build(architecture, SIDE, CLASSES, 1, graph));
    return graph;
}

static inline void open_graph(const struct graph *graph, const struct compress_rule *rule,
                              struct compress *out)
{
    struct rng rng;
    rng_open(&rng, 1, "calibration", "test", 0);
    rng_fill_normal(&rng, x, SAMPLES * INPUT);
    assert_ok(compress_open(graph, rule, x, SAMPLES, out));
}

static inline void open_network(const char *name, const struct compress_rule *rule,
                                struct compress *out)
{
    open_graph(build_network(name), rule, out);
}

static inline void close_networks(void)
{
    for (int i = 0; i < n_networks; i++)
        graph_clear(&networks[i]);
}

static inline void logits_of(const struct compress *c, const struct graph *graph, float *z)
{
    float *found;
    size_t count;
    assert_ok(compress_record(c, graph, graph->outputs[0]->name, &found, &count));
    assert_int_equal(count, CLASSES);
    memcpy(z, found, c->n_samples * count * sizeof *z);
    free(found);
}

/* Squared distance from the float network's logits, over their own size. */
static inline double error_of(const struct compress *c, const struct graph *graph)
{
    float full[SAMPLES * CLASSES], other[SAMPLES * CLASSES];
    double off = 0, size = 0;
    logits_of(c, &c->full, full);
    logits_of(c, graph, other);
    for (int i = 0; i < SAMPLES * CLASSES; i++) {
        off += pow((double)(full[i] - other[i]), 2);
        size += pow((double)full[i], 2);
    }
    return off / size;
}
