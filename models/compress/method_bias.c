/*
 * Round to nearest, then each channel's bias moves until the mean of what the layer gives,
 * behind its activation, is that of full precision on the calibration data: a mean in front
 * of a Relu is made by values that it throws away. The mean rises with the bias, so that a
 * few secant steps find it.
 *
 * Source: Nagel et al. 2019, arXiv:1906.04721, section 4.2 (their empirical form; they
 * correct in front of the activation).
 */
#include "models/compress/compress.h"

#include "models/ops/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5 };

/* Of one channel: where the search for its bias stands. */
struct channel {
    double wanted, found, last; /* means: full precision's, now, before the last move */
    double moved, shift;        /* the last move, all of them */
    double best, gap;           /* the shift that came nearest, and how near */
};

static void means(const struct value *value, const float *data, size_t n_samples,
                  double *out)
{
    int64_t channels = value->shape.dim[1], count = shape_count(&value->shape);
    int64_t space = count / channels;
    for (int64_t k = 0; k < channels; k++)
        out[k] = 0;
    for (size_t n = 0; n < n_samples; n++)
        for (int64_t i = 0; i < count; i++)
            out[i / space] += (double)data[(int64_t)n * count + i];
    for (int64_t k = 0; k < channels; k++)
        out[k] /= (double)n_samples * (double)space;
}

/* Gives the layer a bias of its own when it has none. */
static float *bias_of(struct compress *c, struct node *node, int64_t channels)
{
    struct graph *graph = &c->work;
    struct value **inputs = arena_alloc(&graph->arena, 3 * sizeof(struct value *));
    struct tensor zeros = {
        DTYPE_F32, {1, {channels}}, mem_array((size_t)channels, sizeof(float)), false};
    memcpy(inputs, node->inputs, (size_t)node->n_inputs * sizeof *inputs);
    inputs[2] = graph_constant(graph, arena_format(&graph->arena, "bias_%d", node->id),
                               inputs[2] ? inputs[2]->constant : &zeros);
    node->inputs = inputs;
    node->n_inputs = 3;
    free(zeros.data);
    return inputs[2]->constant->data;
}

/* A step along the secant; a channel that did not answer the last one stays. */
static double next_move(const struct channel *k, bool first)
{
    double gap = k->wanted - k->found, answer = k->found - k->last;
    if (first)
        return gap;
    if (!(k->moved * answer > 0))
        return 0;
    double most = 10 * fabs(k->moved);
    return fmin(fmax(gap * k->moved / answer, -most), most);
}

static void note(struct channel *k, double found)
{
    k->last = k->found;
    k->found = found;
    if (fabs(k->wanted - found) < k->gap) {
        k->gap = fabs(k->wanted - found);
        k->best = k->shift;
    }
}

/* The layer's exit in `work`, from what it reads there. */
static enum status look(struct compress *c, const struct block *block, const float *in,
                        size_t n_in, struct channel *channels, double *found)
{
    const struct value *exit = compress_value(&c->full, block->exit);
    float *out = NULL;
    size_t n_out;
    enum status st =
        compress_pass(c, &c->work, block->entry, block->exit, in, n_in, &out, &n_out);
    if (!st)
        means(exit, out, c->n_samples, found);
    for (int64_t i = 0; i < exit->shape.dim[1] && !st; i++)
        note(&channels[i], found[i]);
    free(out);
    return st;
}

static enum status search(struct compress *c, const struct block *block, const float *in,
                          size_t n_in, float *bias, struct channel *channels)
{
    int64_t n = c->layers[block->first].channels;
    double *found = mem_array((size_t)n, sizeof *found);
    float *before = mem_array((size_t)n, sizeof *before);
    memcpy(before, bias, (size_t)n * sizeof *before);
    enum status st = look(c, block, in, n_in, channels, found);
    for (int round = 0; round < ROUNDS && !st; round++) {
        for (int64_t i = 0; i < n; i++) {
            channels[i].moved = next_move(&channels[i], !round);
            channels[i].shift += channels[i].moved;
            bias[i] = (float)((double)before[i] + channels[i].shift);
        }
        st = look(c, block, in, n_in, channels, found);
    }
    for (int64_t i = 0; i < n && !st; i++)
        bias[i] = (float)((double)before[i] + channels[i].best);
    free(before);
    free(found);
    return st;
}

static enum status correct(struct compress *c, const struct block *block)
{
    struct quant_layer *layer = &c->layers[block->first];
    const struct value *exit = compress_value(&c->full, block->exit);
    if (!strcmp(layer->node->op->name, "MatMul")) /* no bias to move */
        return OK;
    struct channel *channels = mem_array((size_t)layer->channels, sizeof *channels);
    double *wanted = mem_array((size_t)layer->channels, sizeof *wanted);
    float *in = NULL, *full = NULL;
    size_t n_in, n_full;
    enum status st = compress_record(c, &c->full, block->exit, &full, &n_full);
    if (!st)
        means(exit, full, c->n_samples, wanted);
    free(full);
    if (!st)
        st = compress_record(c, &c->work, block->entry, &in, &n_in);
    for (int64_t i = 0; i < layer->channels; i++)
        channels[i] = (struct channel){.wanted = wanted[i], .gap = HUGE_VAL};
    float *bias = st ? NULL : bias_of(c, layer->node, layer->channels);
    if (!st)
        st = graph_update(&c->work);
    if (!st)
        st = search(c, block, in, n_in, bias, channels);
    free(in);
    free(wanted);
    free(channels);
    return st;
}

static enum status run(struct compress *c)
{
    struct block *blocks;
    int n = compress_single_layers(c, &blocks);
    enum status st = OK;
    for (int i = 0; i < n && !st; i++)
        st = correct(c, &blocks[i]);
    free(blocks);
    return st;
}

const struct method method_bias = {
    .name = "bias",
    .summary = "correct the mean of every layer, by its bias",
    .source = "arXiv:1906.04721",
    .run = run,
};
