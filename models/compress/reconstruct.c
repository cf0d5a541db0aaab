/*
 * Block reconstruction. The block becomes a network of its own, trained by the runtime's
 * training plans: its weights are recomputed from the rounding variables before each
 * step, and their gradients flow on into those variables; steps of activations are
 * variables themselves.
 *
 * Sources: AdaRound, Nagel et al. 2020, arXiv:2004.10568; BRECQ, Li et al. 2021,
 * arXiv:2102.05426; QDrop, Wei et al. 2022, arXiv:2203.05740.
 */
#include "models/compress/rounding.h"

#include "base/rng.h"
#include "base/simd.h"
#include "base/threads.h"
#include "models/ops/op.h"
#include "models/train/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 2, SIZE = 16 }; /* batch 32 */

/* The step of one activation. */
struct learned {
    struct quant_act *act;
    struct variable *variable;
    struct optimizer adam;
};

struct reconstruction {
    struct compress *compress;
    const struct recipe *recipe;
    const struct block *block;
    struct training *training;
    struct rounding *rounding;
    struct learned *steps;
    int n_steps;
    const struct start *start;
    float *target, *weight; /* [samples] of the block's exit */
    size_t n_in, n_out;
    int64_t space; /* elements of the exit per channel */
    uint64_t step;
    bool proves; /* the loss is wanted, and no gradient */
    double loss[PARTS];
};

/* --- the block as a network ---------------------------------------------------------- */

static void prepare_steps(struct graph *graph, const struct recipe *recipe)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        struct node *node = graph->nodes[i];
        if (strcmp(node->op->name, "LearnedStep"))
            continue;
        node->inputs[1]->trainable = recipe->step_rate > 0;
        if (recipe->share < 1)
            node_set_float(graph, node, "share", (float)recipe->share);
    }
}

static enum status cut_out(struct compress *c, const struct block *block,
                           const struct recipe *recipe, struct graph *out)
{
    enum status st =
        compress_cut(compress_quantized(c), compress_quantized_name(c, block->entry),
                     compress_quantized_name(c, block->exit), -1, out);
    for (int i = block->first; i < block->last && recipe->rounds && !st; i++) {
        struct value *w = compress_value(out, c->layers[i].node->inputs[1]->name);
        if (w) /* else the block's output does not depend on it */
            w->trainable = true;
    }
    if (!st)
        prepare_steps(out, recipe);
    return st;
}

/* --- data ---------------------------------------------------------------------------- */

/* The target: what full precision makes of full precision. */
static enum status gather_data(struct reconstruction *r)
{
    struct compress *c = r->compress;
    const struct block *block = r->block;
    const struct value *exit = compress_value(&c->full, block->exit);
    enum status st = compress_pass(c, &c->full, block->entry, block->exit, r->start->full,
                                   r->start->count, &r->target, &r->n_out);
    if (!st && r->recipe->fisher)
        st = compress_fisher(c, block, &r->weight);
    if (!st)
        r->space = exit->shape.rank > 1 ? (int64_t)r->n_out / exit->shape.dim[1] : 1;
    return st;
}

/* --- one step ------------------------------------------------------------------------ */

SIMD_CLONES
static void mix(const uint32_t *restrict draws, uint32_t below, const float *restrict a,
                const float *restrict b, float *restrict x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = draws[i] < below ? a[i] : b[i];
}

static void take_sample(struct reconstruction *r, struct rng *rng, size_t sample, float *x)
{
    enum { CHUNK = 1024 };
    uint32_t draws[CHUNK], below = (uint32_t)(r->recipe->share * 0x1p32);
    const float *quantized = r->start->quantized + sample * r->n_in;
    const float *full = r->start->full + sample * r->n_in;
    if (r->recipe->share >= 1) {
        memcpy(x, quantized, r->n_in * sizeof *x);
        return;
    }
    for (size_t i = 0; i < r->n_in; i += CHUNK) {
        size_t n = r->n_in - i < CHUNK ? r->n_in - i : CHUNK;
        rng_fill_u32(rng, draws, n);
        mix(draws, below, quantized + i, full + i, x + i, n);
    }
}

SIMD_CLONES
static void slope_of_squares(const float *restrict y, const float *restrict target,
                             float *restrict dy, size_t count, float scale)
{
    for (size_t i = 0; i < count; i++)
        dy[i] = 2 * scale * (y[i] - target[i]);
}

/* The loss's gradient, or, where that is not wanted, the loss; `scale` makes it a mean over
 * samples and space. */
static double compare(const struct reconstruction *r, size_t sample, const float *y,
                      float *dy, double scale)
{
    const float *target = r->target + sample * r->n_out;
    const float *weight = r->weight ? r->weight + sample * r->n_out : NULL;
    double power = r->recipe->power, loss = 0;
    if (power == 2 && !weight && dy) {
        slope_of_squares(y, target, dy, r->n_out, (float)scale);
        return 0;
    }
    for (size_t i = 0; i < r->n_out; i++) {
        double off = (double)y[i] - (double)target[i], size = fabs(off);
        double w = weight ? (double)weight[i] * (double)weight[i] : 1;
        double slope = power == 2 ? size : (double)powf((float)size, (float)power - 1);
        if (dy)
            dy[i] = (float)(copysign(power * slope, off) * w * scale);
        else
            loss += w * size * slope;
    }
    return loss * scale;
}

static enum status part(void *context, size_t item, int worker)
{
    struct reconstruction *r = context;
    (void)worker;
    struct training_part p = training_part(r->training, (int)item);
    size_t chosen[SIZE];
    struct rng rng;
    rng_open(&rng, r->compress->rule->seed, r->block->exit, r->recipe->name,
             r->step * PARTS + item);
    for (size_t n = 0; n < SIZE; n++) {
        chosen[n] = rng_below(&rng, (uint32_t)r->compress->n_samples);
        take_sample(r, &rng, chosen[n], p.x + n * r->n_in);
    }
    enum status st = training_forward(r->training, (int)item, p.x, p.logits);
    double scale = 1.0 / ((double)r->space * SIZE * PARTS);
    r->loss[item] = 0;
    for (size_t n = 0; n < SIZE && !st; n++)
        r->loss[item] += compare(r, chosen[n], p.logits + n * r->n_out,
                                 r->proves ? NULL : p.dlogits + n * r->n_out, scale);
    return st || r->proves ? st
                           : training_backward(r->training, (int)item, p.dlogits, NULL);
}

static void step_activations(struct reconstruction *r, double progress)
{
    static const struct optimizer_rule adam = {OPTIMIZER_ADAMW, 0, 0.9, 0.999, 1e-8, 0};
    double rate = r->recipe->step_rate;
    if (r->recipe->cosine)
        rate *= 0.5 * (1 + cos(3.14159265358979323846 * progress));
    for (int i = 0; i < r->n_steps; i++) {
        float *step = r->steps[i].variable->data, before = *step;
        optimizer_step(&r->steps[i].adam, &adam, step, r->steps[i].variable->gradient, 1,
                       rate, false);
        *step = fmaxf(*step, before / 2); /* a step stays positive */
    }
}

static enum status step(struct reconstruction *r)
{
    const struct compress_rule *rule = r->compress->rule;
    double progress = (double)r->step / r->recipe->iterations;
    enum status st = r->rounding ? rounding_write(r->rounding) : OK;
    for (int i = 0; i < r->n_steps; i++)
        r->steps[i].variable->data[1] = (float)(r->step & 0xffffff);
    if (!st)
        st = threads_each(rule->threads, PARTS, part, r);
    if (st)
        return st;
    training_reduce(r->training);
    /* No regulariser at first; then beta falls from 20 to 2. */
    if (r->rounding)
        st = rounding_step(r->rounding, rule->rate, progress < 0.2 ? 0 : rule->lambda,
                           20 - 18 * (progress - 0.2) / 0.8);
    step_activations(r, progress);
    r->step++;
    return st;
}

/* Of the same batches each time, with the codes and steps that the network has. */
static enum status prove(struct reconstruction *r, double *loss)
{
    enum { BATCHES = 8 };
    enum status st = OK;
    *loss = 0;
    r->proves = true;
    for (r->step = 0; r->step < BATCHES && !st; r->step++) {
        st = threads_each(r->compress->rule->threads, PARTS, part, r);
        *loss += (r->loss[0] + r->loss[1]) / BATCHES;
    }
    r->proves = false;
    r->step = 0;
    return st;
}

/* --- the whole ----------------------------------------------------------------------- */

static void open_steps(struct reconstruction *r)
{
    struct compress *c = r->compress;
    r->steps = mem_array((size_t)c->n_acts, sizeof *r->steps);
    for (int i = 0; i < training_variables(r->training); i++) {
        struct variable *variable = training_variable(r->training, i);
        int act;
        if (sscanf(variable->name, "step_%d", &act) == 1 && variable->count == 2)
            r->steps[r->n_steps++] =
                (struct learned){.act = &c->acts[act], .variable = variable};
    }
}

static void settle(struct reconstruction *r)
{
    if (r->rounding)
        rounding_settle(r->rounding);
    for (int i = 0; i < r->n_steps; i++) {
        struct quant_act *act = r->steps[i].act;
        *act->step = r->steps[i].variable->data[0];
        act->grid.scale = (double)*act->step;
    }
}

static void close(struct reconstruction *r)
{
    for (int i = 0; i < r->n_steps; i++)
        optimizer_clear(&r->steps[i].adam);
    free(r->steps);
    free(r->target);
    free(r->weight);
    rounding_close(r->rounding);
    training_close(r->training);
}

static void report(const struct reconstruction *r, double before, double after)
{
    char line[200], what[48];
    int layers = r->rounding ? rounding_layers(r->rounding) : 0;
    if (layers)
        snprintf(what, sizeof what, "%d layer%s", layers, layers == 1 ? "" : "s");
    else
        snprintf(what, sizeof what, "%d step%s", r->n_steps, r->n_steps == 1 ? "" : "s");
    snprintf(line, sizeof line, "%s, up to %s (%s): loss %.4g -> %.4g", r->recipe->name,
             r->block->exit, what, before, after);
    if (r->compress->note)
        r->compress->note(line);
}

static enum status iterate(struct reconstruction *r)
{
    double before, after;
    enum status st = prove(r, &before);
    for (int i = 0; i < r->recipe->iterations && !st; i++)
        st = step(r);
    if (st)
        return st;
    settle(r);
    st = prove(r, &after);
    if (!st)
        report(r, before, after);
    return st;
}

enum status compress_reconstruct(struct compress *c, const struct block *block,
                                 const struct recipe *recipe, const struct start *start)
{
    struct graph graph = {0};
    struct reconstruction r = {.compress = c,
                               .recipe = recipe,
                               .block = block,
                               .start = start,
                               .n_in = start->count};
    const struct training_options options = {PARTS, SIZE, false};
    enum status st = cut_out(c, block, recipe, &graph);
    if (!st)
        st = training_open(&graph, &options, &r.training);
    if (!st && recipe->rounds)
        rounding_open(c, r.training, block->first, block->last, &r.rounding);
    if (!st)
        open_steps(&r);
    bool idle = !st && !r.n_steps && !r.rounding;
    if (!st && !idle)
        st = gather_data(&r);
    if (!st && !idle)
        st = iterate(&r);
    close(&r);
    graph_clear(&graph);
    return status_wrap(st, "the block up to '%s'", block->exit);
}

/* --- block after block ---------------------------------------------------------------- */

static void clear_start(struct start *start)
{
    free(start->quantized);
    free(start->full);
    *start = (struct start){0};
}

/* From where `at` stands to a later value, through all between. */
static enum status pass_on(struct compress *c, const struct start *at, const char *to,
                           struct start *out)
{
    *out = (struct start){.name = to};
    enum status st = compress_pass(c, compress_quantized(c),
                                   compress_quantized_name(c, at->name),
                                   compress_quantized_name(c, to), at->quantized,
                                   at->count, &out->quantized, &out->count);
    return st ? st
              : compress_pass(c, &c->full, at->name, to, at->full, at->count, &out->full,
                              &out->count);
}

static enum status begin(struct compress *c, struct start *start, const char *name)
{
    *start = (struct start){.name = name};
    enum status st =
        compress_record(c, compress_quantized(c), compress_quantized_name(c, name),
                        &start->quantized, &start->count);
    return st ? st : compress_record(c, &c->full, name, &start->full, &start->count);
}

/* Each cut of the network goes on with what the one before it gave, also when the blocks
 * between were done in an earlier run. */
static enum status reach(struct compress *c, struct start *start, const char *name)
{
    struct start next = {0};
    if (!start->name)
        return begin(c, start, name);
    if (!strcmp(start->name, name))
        return OK;
    enum status st = pass_on(c, start, name, &next);
    clear_start(start);
    *start = next;
    return st;
}

/* One block, which may begin behind the cut at which `start` stands. */
static enum status reconstruct_from(struct compress *c, const struct block *block,
                                    const struct recipe *recipe, const struct start *start)
{
    struct start inside = {0};
    if (!strcmp(start->name, block->entry))
        return compress_reconstruct(c, block, recipe, start);
    enum status st = pass_on(c, start, block->entry, &inside);
    if (!st)
        st = compress_reconstruct(c, block, recipe, &inside);
    clear_start(&inside);
    return st;
}

enum status compress_reconstruct_all(struct compress *c, struct block *blocks, int n,
                                     const struct recipe *recipe)
{
    struct start start = {0};
    struct block *cuts, *cut;
    enum status st = OK;
    compress_blocks(c, &cuts);
    cut = cuts;
    for (int i = recipe->rounds && n && blocks[0].last == 1 ? 1 : 0; i < n && !st; i++) {
        bool done = compress_step_done(c);
        while (cut->last <= blocks[i].first)
            cut++;
        st = reach(c, &start, cut->entry);
        if (!st && !done)
            st = reconstruct_from(c, &blocks[i], recipe, &start);
        if (!st && !done)
            st = compress_step_save(c, recipe->rounds);
    }
    clear_start(&start);
    free(cuts);
    return st;
}
