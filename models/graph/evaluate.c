/* Running a graph with the references, forward and back. */
#include "models/graph/graph.h"
#include "models/ops/op.h"

#include <stdlib.h>
#include <string.h>

struct evaluation {
    const struct graph *graph;
    struct tensor *tensors; /* by value id; constants and inputs are borrowed */
    struct tensor *grads;
    int *left;              /* readers still to come */
    bool keep;              /* everything, for the way back */
};

static enum status wrap(enum status st, const struct node *node)
{
    return status_wrap(st, "node '%s' (%s, opset %d)", node->name, node->op->name,
                       node->version);
}

static void release(struct evaluation *run, const struct node *node)
{
    if (run->keep)
        return;
    for (int i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] && --run->left[node->inputs[i]->id] == 0)
            tensor_clear(&run->tensors[node->inputs[i]->id]);
    for (int i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] && !run->left[node->outputs[i]->id])
            tensor_clear(&run->tensors[node->outputs[i]->id]);
}

static enum status run_node(struct evaluation *run, const struct node *node)
{
    if (!node->op->reference)
        return wrap(status_fail(ERR_UNSUPPORTED, "it has no reference"), node);
    const struct tensor **in = mem_array((size_t)node->n_inputs, sizeof *in);
    struct tensor **out = mem_array((size_t)node->n_outputs, sizeof *out);
    enum status st = OK;
    for (int i = 0; i < node->n_inputs; i++)
        in[i] = node->inputs[i] ? &run->tensors[node->inputs[i]->id] : NULL;
    for (int i = 0; i < node->n_outputs && !st; i++) {
        const struct value *value = node->outputs[i];
        if (!value)
            continue;
        out[i] = &run->tensors[value->id];
        st = tensor_init(out[i], value->dtype, &value->shape);
    }
    if (!st)
        st = node->op->reference(node, in, out);
    free(out);
    free(in);
    release(run, node);
    return wrap(st, node);
}

static enum status run_forward(struct evaluation *run, const struct tensor *inputs)
{
    const struct graph *graph = run->graph;
    for (int i = 0; i < graph->n_values; i++) {
        const struct value *value = graph->values[i];
        run->left[i] = value->uses;
        if (value->constant) {
            run->tensors[i] = *value->constant;
            run->tensors[i].owned = false;
        }
    }
    for (int i = 0; i < graph->n_inputs; i++) {
        const struct value *value = graph->inputs[i];
        char want[128], have[128];
        if (inputs[i].dtype != value->dtype || !shape_equal(&inputs[i].shape, &value->shape))
            return status_fail(ERR_FORMAT, "input '%s' is %s %s instead of %s %s",
                               value->name, dtype_name(inputs[i].dtype),
                               shape_text(&inputs[i].shape, have), dtype_name(value->dtype),
                               shape_text(&value->shape, want));
        run->tensors[value->id] = inputs[i];
        run->tensors[value->id].owned = false;
    }
    enum status st = OK;
    for (int n = 0; n < graph->n_nodes && !st; n++)
        st = run_node(run, graph->nodes[n]);
    return st;
}

static void evaluation_open(struct evaluation *run, const struct graph *graph, bool keep)
{
    *run = (struct evaluation){graph, NULL, NULL, NULL, keep};
    run->tensors = mem_array((size_t)graph->n_values, sizeof *run->tensors);
    run->grads = mem_array((size_t)graph->n_values, sizeof *run->grads);
    run->left = mem_array((size_t)graph->n_values, sizeof *run->left);
}

static void evaluation_close(struct evaluation *run)
{
    for (int i = 0; i < run->graph->n_values; i++) {
        tensor_clear(&run->tensors[i]);
        tensor_clear(&run->grads[i]);
    }
    free(run->tensors);
    free(run->grads);
    free(run->left);
}

enum status graph_evaluate(const struct graph *graph, const struct tensor *inputs,
                           struct tensor *outputs)
{
    memset(outputs, 0, (size_t)graph->n_outputs * sizeof *outputs);
    struct evaluation run;
    evaluation_open(&run, graph, false);
    enum status st = run_forward(&run, inputs);
    for (int i = 0; i < graph->n_outputs && !st; i++)
        st = tensor_copy(&run.tensors[graph->outputs[i]->id], &outputs[i]);
    for (int i = 0; i < graph->n_outputs && st; i++)
        tensor_clear(&outputs[i]);
    evaluation_close(&run);
    return st;
}

/* sum += part, where an empty sum is zero; takes `part`. */
static void accumulate(struct tensor *sum, struct tensor *part)
{
    if (!sum->data) {
        *sum = *part;
        *part = (struct tensor){0};
        return;
    }
    int64_t count = shape_count(&sum->shape);
    for (int64_t i = 0; i < count; i++)
        tensor_set(sum, i, tensor_get(sum, i) + tensor_get(part, i));
    tensor_clear(part);
}

static enum status pass_on(const struct node *node, const struct tensor *dout,
                           struct tensor *din)
{
    if (!node->op->straight_through || !dout || !din)
        return OK;
    int64_t count = shape_count(&din->shape);
    if (count != shape_count(&dout->shape))
        return status_fail(ERR_UNSUPPORTED, "no straight-through gradient for these shapes");
    for (int64_t i = 0; i < count; i++)
        tensor_set(din, i, tensor_get(dout, i));
    return OK;
}

static bool is_float(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F64 || dtype == DTYPE_F16 ||
           dtype == DTYPE_BF16;
}

/* The gradient of an integer value (between Q and DQ) is a float32 tensor. */
static enum dtype grad_dtype(enum dtype dtype)
{
    return is_float(dtype) ? dtype : DTYPE_F32;
}

/* `wanted` says which values depend on a graph input. */
static enum status back_node(struct evaluation *run, const struct node *node,
                             const bool *wanted)
{
    size_t n_in = (size_t)node->n_inputs, n_out = (size_t)node->n_outputs;
    const struct tensor **in = mem_array(n_in, sizeof *in);
    const struct tensor **out = mem_array(n_out, sizeof *out);
    const struct tensor **dout = mem_array(n_out, sizeof *dout);
    struct tensor *parts = mem_array(n_in, sizeof *parts);
    struct tensor **din = mem_array(n_in, sizeof *din);
    bool any = false;
    enum status st = OK;

    for (size_t i = 0; i < n_out; i++) {
        if (!node->outputs[i])
            continue;
        int id = node->outputs[i]->id;
        out[i] = &run->tensors[id];
        dout[i] = run->grads[id].data ? &run->grads[id] : NULL;
        any |= dout[i] != NULL;
    }
    for (size_t i = 0; i < n_in && !st && any; i++) {
        if (!node->inputs[i])
            continue;
        const struct value *value = node->inputs[i];
        in[i] = &run->tensors[value->id];
        if (wanted[value->id]) {
            din[i] = &parts[i];
            st = tensor_init(din[i], grad_dtype(value->dtype), &value->shape);
        }
    }
    if (!st && any)
        st = node->op->backward ? node->op->backward(node, in, out, dout, din)
                                : pass_on(node, dout[0], n_in ? din[0] : NULL);
    for (size_t i = 0; i < n_in; i++)
        if (din[i] && !st)
            accumulate(&run->grads[node->inputs[i]->id], din[i]);
        else
            tensor_clear(&parts[i]);
    free(din);
    free(parts);
    free(dout);
    free(out);
    free(in);
    return wrap(st, node);
}

static void mark_wanted(const struct graph *graph, bool *wanted)
{
    for (int i = 0; i < graph->n_inputs; i++)
        wanted[graph->inputs[i]->id] = true;
    for (int n = 0; n < graph->n_nodes; n++) {
        const struct node *node = graph->nodes[n];
        bool any = false;
        for (int i = 0; i < node->n_inputs; i++)
            any |= node->inputs[i] && wanted[node->inputs[i]->id];
        for (int i = 0; i < node->n_outputs; i++)
            if (node->outputs[i])
                wanted[node->outputs[i]->id] = any;
    }
}

enum status graph_gradient(const struct graph *graph, const struct tensor *inputs,
                           const struct tensor *douts, struct tensor *dinputs)
{
    memset(dinputs, 0, (size_t)graph->n_inputs * sizeof *dinputs);
    bool *wanted = mem_array((size_t)graph->n_values, sizeof *wanted);
    mark_wanted(graph, wanted);

    struct evaluation run;
    evaluation_open(&run, graph, true);
    enum status st = run_forward(&run, inputs);
    for (int i = 0; i < graph->n_outputs && !st; i++) {
        struct tensor copy;
        st = tensor_copy(&douts[i], &copy);
        if (!st)
            accumulate(&run.grads[graph->outputs[i]->id], &copy);
    }
    for (int n = graph->n_nodes - 1; n >= 0 && !st; n--)
        st = back_node(&run, graph->nodes[n], wanted);
    for (int i = 0; i < graph->n_inputs && !st; i++) {
        struct tensor *grad = &run.grads[graph->inputs[i]->id];
        if (grad->data)
            st = tensor_copy(grad, &dinputs[i]);
        else
            st = tensor_init(&dinputs[i], inputs[i].dtype, &inputs[i].shape);
    }
    for (int i = 0; i < graph->n_inputs && st; i++)
        tensor_clear(&dinputs[i]);
    evaluation_close(&run);
    free(wanted);
    return st;
}
