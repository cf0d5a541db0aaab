/*
 * Block reconstruction. The block becomes a network of its own, trained by the runtime's
 * training plans: its weights are recomputed from the rounding variables before each
 * step, and their gradients flow on into those variables.
 *
 * Sources: AdaRound, Nagel et al. 2020, arXiv:2004.10568; BRECQ, Li et al. 2021,
 * arXiv:2102.05426.
 */
#include "models/compress/compress.h"

#include "base/rng.h"
#include "base/threads.h"
#include "models/runtime/train.h"
#include "models/train/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 2, SIZE = 16 }; /* batch 32 */

/* One weight tensor being rounded. */
struct rounding_layer {
    struct quant_layer *layer;
    struct variable *variable;
    float *alpha; /* h = clamp(1.2 sigmoid(alpha) - 0.1, 0, 1) */
    float *gradient;
    struct optimizer adam;
};

struct reconstruction {
    struct compress *compress;
    struct training *training;
    struct rounding_layer *layers;
    int n_layers;
    float *in, *target; /* [samples] of the block's entry and exit */
    size_t n_in, n_out;
    int64_t space; /* elements of the exit per channel */
    uint64_t seed, step;
    const char *key;
    float *x[PARTS], *y[PARTS], *dy[PARTS];
    double loss[PARTS];
};

static double rectified(double alpha)
{
    double h = 1.2 / (1 + exp(-alpha)) - 0.1;
    return h < 0 ? 0 : h > 1 ? 1 : h;
}

/* --- the block as a network ---------------------------------------------------------- */

static struct value *find(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_values; i++)
        if (!strcmp(graph->values[i]->name, name))
            return graph->values[i];
    return NULL;
}

static enum status cut_out(const struct compress *c, const struct block *block,
                           struct graph *out)
{
    enum status st = graph_copy(&c->work, out);
    if (st)
        return st;
    struct value *entry = find(out, block->entry), *exit = find(out, block->exit);
    if (!entry || !exit)
        return status_fail(ERR_NOTFOUND, "no block from '%s' to '%s'", block->entry,
                           block->exit);
    struct value *input = graph_value(out, "block_input");
    input->dtype = DTYPE_F32;
    input->shape = entry->shape;
    input->shape.dim[0] = -1;
    input->shaped = true;
    graph_replace(out, entry, input);
    out->inputs[0] = input;
    out->n_inputs = 1;
    out->outputs[0] = exit;
    for (int i = 0; i < out->n_values; i++)
        out->values[i]->trainable = false;
    for (int i = block->first; i < block->last; i++)
        find(out, c->layers[i].node->inputs[1]->name)->trainable = true;
    return graph_update(out);
}

/* --- data ---------------------------------------------------------------------------- */

struct copy_to {
    float **out;
    size_t *count, samples;
};

static void keep(void *context, int worker, size_t sample, int tap, const float *data,
                 size_t count)
{
    struct copy_to *to = context;
    (void)worker;
    (void)tap;
    memcpy(*to->out + sample * count, data, count * sizeof *data);
}

static enum status record(struct reconstruction *r, const struct graph *graph,
                          const char *name, size_t count, float **out)
{
    *out = mem_try(r->compress->n_samples, count * sizeof **out);
    if (!*out)
        return status_fail(ERR_NOMEM, "no memory for '%s' of %zu calibration samples",
                           name, r->compress->n_samples);
    struct copy_to to = {.out = out};
    return compress_probe(r->compress, graph, &name, 1, keep, &to);
}

static enum status gather_data(struct reconstruction *r, const struct block *block)
{
    const struct compress *c = r->compress;
    const struct value *entry = find(&c->full, block->entry);
    const struct value *exit = find(&c->full, block->exit);
    if (!entry || !exit)
        return status_fail(ERR_NOTFOUND, "no block from '%s' to '%s'", block->entry,
                           block->exit);
    r->n_in = (size_t)shape_count(&entry->shape);
    r->n_out = (size_t)shape_count(&exit->shape);
    r->space = exit->shape.rank > 1 ? (int64_t)r->n_out / exit->shape.dim[1] : 1;
    /* Input from the network quantized so far, target from the full-precision one. */
    enum status st = record(r, &c->work, block->entry, r->n_in, &r->in);
    return st ? st : record(r, &c->full, block->exit, r->n_out, &r->target);
}

/* --- one step ------------------------------------------------------------------------ */

/* Mean over samples and space of the squared error summed over channels; its gradient. */
static enum status part(void *context, size_t item, int worker)
{
    struct reconstruction *r = context;
    (void)worker;
    float *x = r->x[item], *y = r->y[item], *dy = r->dy[item];
    struct rng rng;
    rng_open(&rng, r->seed, r->key, "reconstruct", r->step * PARTS + item);
    uint32_t chosen[SIZE];
    for (int n = 0; n < SIZE; n++) {
        chosen[n] = rng_below(&rng, (uint32_t)r->compress->n_samples);
        memcpy(x + (size_t)n * r->n_in, r->in + chosen[n] * r->n_in, r->n_in * sizeof *x);
    }
    enum status st = training_forward(r->training, (int)item, x, y);
    double loss = 0, scale = 1.0 / ((double)r->space * SIZE * PARTS);
    for (int n = 0; n < SIZE && !st; n++) {
        const float *target = r->target + chosen[n] * r->n_out;
        for (size_t i = 0; i < r->n_out; i++) {
            size_t at = (size_t)n * r->n_out + i;
            double off = (double)y[at] - (double)target[i];
            loss += off * off;
            dy[at] = (float)(2 * scale * off);
        }
    }
    r->loss[item] = loss * scale;
    return st ? st : training_backward(r->training, (int)item, dy, NULL);
}

static void soft_weights(struct rounding_layer *l)
{
    const struct quant_layer *q = l->layer;
    const float *w = q->original->inputs[1]->constant->data;
    for (int64_t i = 0; i < q->count; i++) {
        const struct grid *g = layer_grid(q, i);
        double code =
            floor((double)w[i] / g->scale) + rectified((double)l->alpha[i]) + g->zero;
        code = fmin(fmax(code, g->low), g->high);
        l->variable->data[i] = (float)((code - g->zero) * g->scale);
    }
}

/* dL/dalpha: through the clamps, plus the regulariser that pushes h to 0 or 1. */
static void rounding_gradient(struct rounding_layer *l, double lambda, double beta)
{
    const struct quant_layer *q = l->layer;
    const float *w = q->original->inputs[1]->constant->data;
    for (int64_t i = 0; i < q->count; i++) {
        const struct grid *g = layer_grid(q, i);
        double sigmoid = 1 / (1 + exp(-(double)l->alpha[i]));
        double h = 1.2 * sigmoid - 0.1;
        double slope = h > 0 && h < 1 ? 1.2 * sigmoid * (1 - sigmoid) : 0;
        h = h < 0 ? 0 : h > 1 ? 1 : h;
        double code = floor((double)w[i] / g->scale) + h + g->zero;
        bool inside = code > g->low && code < g->high;
        double d = inside ? (double)l->variable->gradient[i] * g->scale : 0;
        if (lambda > 0) {
            double u = 2 * h - 1, size = fabs(u);
            d -= lambda * beta * pow(size, beta - 1) * 2 * (u > 0 ? 1 : u < 0 ? -1 : 0);
        }
        l->gradient[i] = (float)(d * slope);
    }
}

static enum status step(struct reconstruction *r, double *loss)
{
    const struct compress_rule *rule = r->compress->rule;
    static const struct optimizer_rule adam = {OPTIMIZER_ADAMW, 0, 0.9, 0.999, 1e-8, 0};
    for (int i = 0; i < r->n_layers; i++)
        soft_weights(&r->layers[i]);
    enum status st = threads_each(rule->threads, PARTS, part, r);
    if (st)
        return st;
    training_reduce(r->training);
    double progress = (double)r->step / rule->iterations;
    double lambda = progress < 0.2 ? 0 : rule->lambda;
    double beta = 20 - 18 * (progress - 0.2) / 0.8;
    for (int i = 0; i < r->n_layers; i++) {
        struct rounding_layer *l = &r->layers[i];
        rounding_gradient(l, lambda, beta);
        optimizer_step(&l->adam, &adam, l->alpha, l->gradient, (size_t)l->layer->count,
                       rule->rate, false);
    }
    *loss = r->loss[0] + r->loss[1];
    r->step++;
    return OK;
}

/* --- the whole ----------------------------------------------------------------------- */

static struct variable *variable_named(struct training *training, const char *name)
{
    for (int i = 0; i < training_variables(training); i++)
        if (!strcmp(training_variable(training, i)->name, name))
            return training_variable(training, i);
    return NULL;
}

static enum status open_layers(struct reconstruction *r, const struct block *block)
{
    r->layers = mem_array((size_t)(block->last - block->first), sizeof *r->layers);
    for (int i = block->first; i < block->last; i++) {
        struct quant_layer *q = &r->compress->layers[i];
        struct variable *variable = variable_named(r->training, q->node->inputs[1]->name);
        if (!variable) /* the block's output does not depend on it */
            continue;
        struct rounding_layer *l = &r->layers[r->n_layers++];
        *l = (struct rounding_layer){.layer = q, .variable = variable};
        l->alpha = mem_array((size_t)q->count, sizeof *l->alpha);
        l->gradient = mem_array((size_t)q->count, sizeof *l->gradient);
        const float *w = q->original->inputs[1]->constant->data;
        for (int64_t k = 0; k < q->count; k++) {
            double x = (double)w[k] / layer_grid(q, k)->scale;
            l->alpha[k] = (float)-log(1.2 / (x - floor(x) + 0.1) - 1);
        }
    }
    return OK;
}

/* Rounds hard and puts the codes into the network. */
static void settle(struct reconstruction *r)
{
    for (int i = 0; i < r->n_layers; i++) {
        struct quant_layer *q = r->layers[i].layer;
        const float *w = q->original->inputs[1]->constant->data;
        for (int64_t k = 0; k < q->count; k++) {
            const struct grid *g = layer_grid(q, k);
            double code =
                floor((double)w[k] / g->scale) + (r->layers[i].alpha[k] >= 0) + g->zero;
            q->codes[k] = (int32_t)fmin(fmax(code, g->low), g->high);
        }
        compress_apply(r->compress, q);
    }
}

static void close(struct reconstruction *r)
{
    for (int i = 0; i < r->n_layers; i++) {
        free(r->layers[i].alpha);
        free(r->layers[i].gradient);
        optimizer_clear(&r->layers[i].adam);
    }
    for (int i = 0; i < PARTS; i++) {
        free(r->x[i]);
        free(r->y[i]);
        free(r->dy[i]);
    }
    free(r->layers);
    free(r->in);
    free(r->target);
    training_close(r->training);
}

static void report(const struct reconstruction *r, int index, double before, double after)
{
    char line[160];
    snprintf(line, sizeof line, "block %d (%d layer%s): loss %.4g -> %.4g", index + 1,
             r->n_layers, r->n_layers == 1 ? "" : "s", before, after);
    if (r->compress->note)
        r->compress->note(line);
}

static enum status iterate(struct reconstruction *r, int index)
{
    for (int i = 0; i < PARTS; i++) {
        r->x[i] = mem_array(SIZE * r->n_in, sizeof(float));
        r->y[i] = mem_array(SIZE * r->n_out, sizeof(float));
        r->dy[i] = mem_array(SIZE * r->n_out, sizeof(float));
    }
    enum status st = OK;
    double loss = 0, before = 0, after = 0;
    int iterations = r->compress->rule->iterations, tail = iterations / 20 + 1;
    for (int i = 0; i < iterations && !st; i++) {
        st = step(r, &loss);
        before += i < tail ? loss / tail : 0;
        after += i >= iterations - tail ? loss / tail : 0;
    }
    if (!st)
        report(r, index, before, after);
    return st;
}

enum status compress_reconstruct(struct compress *c, const struct block *block, int index)
{
    struct graph graph = {0};
    struct reconstruction r = {.compress = c, .seed = c->rule->seed, .key = block->exit};
    const struct training_options options = {PARTS, SIZE, false};
    enum status st = cut_out(c, block, &graph);
    if (!st)
        st = training_open(&graph, &options, &r.training);
    if (!st)
        st = gather_data(&r, block);
    if (!st)
        st = open_layers(&r, block);
    if (!st)
        st = iterate(&r, index);
    if (!st)
        settle(&r);
    close(&r);
    graph_clear(&graph);
    return status_wrap(st, "block %d, up to '%s'", index + 1, block->exit);
}
