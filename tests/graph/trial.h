/*
 * One operator on random data, from a line of text: what the gradient tests are made of.
 *
 *     {"Conv", 13, "group=2 pads=1,0,2,1", {"2x4x7x6", "6x2x3x2", "6"}}
 *
 * Inputs: "2x3" random floats; "s" a float scalar; "=1,-1" the constant int64 list 1,-1;
 * "?2x3" random bools; "" omitted. Attributes: integers, lists "pads=1,1," (a comma makes a
 * list), floats "alpha=0.5" (a point makes a float), words "mode='edge'".
 */
#pragma once

#include "tests/test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "models/ops/op.h"

#include <math.h>
#include <string.h>

enum { TRIAL_INPUTS = 6, TRIAL_OUTPUTS = 8 };

struct trial {
    const char *op;
    int opset;
    const char *attributes;
    const char *inputs[TRIAL_INPUTS];
    double low, high; /* of the random floats; both 0: standard normal */
    int outputs;      /* 0: one */
    const char *domain;
};

struct trial_run {
    struct graph graph;
    struct node *node;
    struct tensor in[TRIAL_INPUTS], out[TRIAL_OUTPUTS];
    const struct tensor *in_list[TRIAL_INPUTS];
    struct tensor *out_list[TRIAL_OUTPUTS];
    bool random[TRIAL_INPUTS]; /* gradients are wanted */
};

static inline int trial_ints(const char *text, int64_t out[16])
{
    int count = 0;
    for (char *end; *text && *text != ' '; text = *end == ',' ? end + 1 : end) {
        out[count++] = strtoll(text, &end, 10);
        if (end == text)
            fail_msg("trial: '%s'", text);
    }
    return count;
}

static inline void trial_attributes(struct trial_run *run, const char *text)
{
    while (text && *text) {
        char name[32], value[64];
        int used = 0;
        if (sscanf(text, " %31[^=]=%63s%n", name, value, &used) < 2)
            fail_msg("trial: '%s'", text);
        text += used;
        if (*value == '\'') {
            value[strlen(value) - 1] = 0;
            node_set_string(&run->graph, run->node, name, value + 1);
        } else if (strchr(value, ',')) {
            int64_t list[16];
            int count = trial_ints(value, list);
            node_set_ints(&run->graph, run->node, name, list, count);
        } else if (strchr(value, '.')) {
            node_set_float(&run->graph, run->node, name, strtof(value, NULL));
        } else {
            node_set_int(&run->graph, run->node, name, atoll(value));
        }
    }
}

static inline struct shape trial_shape(const char *text)
{
    struct shape shape = {0};
    for (char *end; *text >= '0' && *text <= '9'; text = *end == 'x' ? end + 1 : end)
        shape.dim[shape.rank++] = strtoll(text, &end, 10);
    return shape;
}

static inline void trial_input(struct trial_run *run, const struct trial *trial, int i,
                               enum dtype dtype, struct rng *rng)
{
    const char *text = trial->inputs[i];
    struct tensor *tensor = &run->in[i];
    bool constant = *text == '=', boolean = *text == '?';
    if (constant) {
        int64_t list[16];
        struct shape shape = {1, {trial_ints(text + 1, list)}};
        assert_ok(tensor_init(tensor, DTYPE_I64, &shape));
        memcpy(tensor->data, list, (size_t)shape.dim[0] * sizeof *list);
    } else {
        struct shape shape = trial_shape(text + boolean);
        assert_ok(tensor_init(tensor, boolean ? DTYPE_BOOL : dtype, &shape));
        for (int64_t k = 0; k < shape_count(&shape); k++) {
            double value = boolean ? rng_below(rng, 2)
                           : trial->low == 0 && trial->high == 0
                               ? rng_normal(rng)
                               : trial->low + (trial->high - trial->low) * rng_uniform(rng);
            tensor_set(tensor, k, value);
        }
        run->random[i] = !boolean;
    }
    struct value *value = graph_value(&run->graph, text);
    value->dtype = tensor->dtype;
    value->shape = tensor->shape;
    value->shaped = true;
    value->constant = constant ? tensor : NULL;
    run->node->inputs[i] = value;
    run->in_list[i] = tensor;
}

/* Random inputs, inferred outputs, evaluated once. */
static inline void trial_open(struct trial_run *run, const struct trial *trial,
                              enum dtype dtype, uint64_t seed)
{
    struct rng rng;
    int n_in = 0, n_out = trial->outputs ? trial->outputs : 1;
    *run = (struct trial_run){.graph.opset = trial->opset};
    rng_open(&rng, seed, trial->op, "trial", 0);
    for (int i = 0; i < TRIAL_INPUTS; i++)
        if (trial->inputs[i])
            n_in = i + 1;
    const struct op *op = op_find(trial->domain, trial->op, trial->opset);
    if (!op)
        fail_msg("%s is not there in opset %d", trial->op, trial->opset);
    run->node = graph_node(&run->graph, op, trial->op, n_in, n_out);
    run->node->version = trial->opset;
    trial_attributes(run, trial->attributes);
    for (int i = 0; i < n_in; i++)
        if (*trial->inputs[i])
            trial_input(run, trial, i, dtype, &rng);
    for (int i = 0; i < n_out; i++)
        run->node->outputs[i] = graph_value(&run->graph, "y");
    assert_ok(status_wrap(node_check(run->node), "%s", trial->op));
    assert_ok(status_wrap(op->infer(run->node), "%s (%s)", trial->op, trial->attributes));
    for (int i = 0; i < n_out; i++) {
        const struct value *value = run->node->outputs[i];
        assert_ok(tensor_init(&run->out[i], value->dtype, &value->shape));
        run->out_list[i] = &run->out[i];
    }
    assert_ok(op->reference(run->node, run->in_list, run->out_list));
}

static inline void trial_close(struct trial_run *run)
{
    for (int i = 0; i < TRIAL_INPUTS; i++)
        tensor_clear(&run->in[i]);
    for (int i = 0; i < TRIAL_OUTPUTS; i++)
        tensor_clear(&run->out[i]);
    graph_clear(&run->graph);
}
