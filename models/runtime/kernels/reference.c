/*
 * Any operator, through its reference: slow, plain, and always there. Its backward goes
 * through op->backward; an operator that only declares straight_through hands the
 * gradient of its first output to its first input.
 */
#include "models/runtime/build.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INPUTS = 64, MAX_OUTPUTS = 16 };

struct call {
    const struct node *node;
    /* arg index of each tensor, or -1 */
    int in[MAX_INPUTS], out[MAX_OUTPUTS], dout[MAX_OUTPUTS], din[MAX_INPUTS];
};

static struct tensor tensor_of(const struct step *step, const struct lane *lane, int arg)
{
    const struct slot *slot = &lane->plan->slots[step->args[arg].slot];
    return (struct tensor){slot->dtype, slot->shape, lane_arg(step, lane, arg), false};
}

static int bind(const struct step *step, const struct lane *lane, const int *args, int n,
                struct tensor *tensors, struct tensor **pointers)
{
    for (int i = 0; i < n; i++) {
        pointers[i] = NULL;
        if (args[i] >= 0) {
            tensors[i] = tensor_of(step, lane, args[i]);
            pointers[i] = &tensors[i];
        }
    }
    return n;
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct call *call = step->context;
    struct tensor tensors[MAX_INPUTS + MAX_OUTPUTS];
    struct tensor *in[MAX_INPUTS], *out[MAX_OUTPUTS];
    int n = bind(step, lane, call->in, call->node->n_inputs, tensors, in);
    bind(step, lane, call->out, call->node->n_outputs, tensors + n, out);
    enum status st =
        call->node->op->reference(call->node, (const struct tensor *const *)in, out);
    if (st && !lane->status)
        lane->status = status_wrap(st, "node %s (%s)", call->node->name, call->node->op->name);
}

static void run_backward(const struct step *step, struct lane *lane)
{
    const struct call *call = step->context;
    const struct node *node = call->node;
    struct tensor tensors[2 * (MAX_INPUTS + MAX_OUTPUTS)], *next = tensors;
    struct tensor *in[MAX_INPUTS], *out[MAX_OUTPUTS], *dout[MAX_OUTPUTS], *din[MAX_INPUTS];
    next += bind(step, lane, call->in, node->n_inputs, next, in);
    next += bind(step, lane, call->out, node->n_outputs, next, out);
    next += bind(step, lane, call->dout, node->n_outputs, next, dout);
    bind(step, lane, call->din, node->n_inputs, next, din);
    enum status st = node->op->backward(
        node, (const struct tensor *const *)in, (const struct tensor *const *)out,
        (const struct tensor *const *)dout, din);
    if (st && !lane->status)
        lane->status = status_wrap(st, "gradient of node %s (%s)", node->name, node->op->name);
}

static enum status collect(struct builder *build, const struct node *node, struct call *call,
                           struct arg *args, int *n)
{
    for (int i = 0; i < node->n_inputs; i++) {
        call->in[i] = -1;
        if (!node->inputs[i])
            continue;
        call->in[i] = *n;
        args[*n] = (struct arg){0, build_plain(build, node->inputs[i])};
        if (args[(*n)++].slot < 0)
            return ERR_UNSUPPORTED;
    }
    return OK;
}

static enum status forward(struct builder *build, struct layer *layer)
{
    struct node *node = layer->node;
    if (node->n_inputs > MAX_INPUTS || node->n_outputs > MAX_OUTPUTS || !node->op->reference)
        return status_fail(ERR_UNSUPPORTED, "%s with %d inputs", node->op->name,
                           node->n_inputs);
    struct call *call = build_alloc(build, sizeof *call);
    struct arg args[MAX_INPUTS + MAX_OUTPUTS];
    int n = 0;
    call->node = node;
    enum status st = collect(build, node, call, args, &n);
    if (st)
        return st;
    for (int i = 0; i < node->n_outputs; i++) {
        struct value *value = node->outputs[i];
        call->out[i] = -1;
        if (!value)
            continue;
        int slot = build_slot(build, value->dtype, &value->shape, NULL);
        call->out[i] = n;
        args[n++] = (struct arg){0, slot};
        build_define(build, value, slot);
    }
    build_step(build, run_forward, "reference", call, args, n);
    return OK;
}

static enum status pass_on(struct builder *build, struct layer *layer)
{
    int gradient = build_gradient(build, layer->output);
    struct value *x = layer->node->inputs[0];
    if (gradient < 0 || !shape_equal(&x->shape, &layer->output->shape))
        return status_fail(ERR_UNSUPPORTED, "no gradient to pass on");
    build_give(build, x, gradient);
    return OK;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    struct node *node = layer->node;
    if (!node->op->backward)
        return pass_on(build, layer);
    struct call *call = build_alloc(build, sizeof *call);
    struct arg args[2 * (MAX_INPUTS + MAX_OUTPUTS)];
    int n = 0;
    call->node = node;
    enum status st = collect(build, node, call, args, &n);
    for (int i = 0; !st && i < node->n_outputs; i++) {
        call->out[i] = call->dout[i] = -1;
        if (!node->outputs[i])
            continue;
        call->out[i] = n;
        args[n++] = (struct arg){0, build_plain(build, node->outputs[i])};
        int gradient = build_gradient(build, node->outputs[i]);
        if (gradient >= 0) {
            call->dout[i] = n;
            args[n++] = (struct arg){0, build_plain_slot(build, gradient)};
        }
    }
    if (st)
        return st;
    int din[MAX_INPUTS];
    for (int i = 0; i < node->n_inputs; i++) {
        call->din[i] = din[i] = -1;
        if (!build_wants(build, node->inputs[i]))
            continue;
        din[i] = build_slot(build, DTYPE_F32, &node->inputs[i]->shape, NULL);
        call->din[i] = n;
        args[n++] = (struct arg){0, din[i]};
    }
    for (int i = 0; i < n; i++)
        if (args[i].slot < 0)
            return ERR_UNSUPPORTED;
    build_step(build, run_backward, "reference backward", call, args, n);
    for (int i = 0; i < node->n_inputs; i++)
        if (din[i] >= 0)
            build_give(build, node->inputs[i], din[i]);
    return OK;
}

const struct kernel kernel_reference = {
    .name = "reference",
    .forward = forward,
    .backward = backward,
};
