/*
 * The Fisher diagonal's stand-in of BRECQ: how much the network's outputs notice a change
 * of each element of a block's exit. The prefix is quantized up to and with the block, to
 * nearest; the rest is the full-precision network, trained for nothing but its input's
 * gradient.
 *
 * Source: Li et al. 2021, arXiv:2102.05426, section 3.3, in the form of its authors' code.
 */
#include "models/compress/compress.h"

#include "base/threads.h"
#include "models/ops/op.h"
#include "models/runtime/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 2, SIZE = 8 };

struct fisher {
    const struct compress *compress;
    struct training *tail; /* NULL: the block ends the network */
    float *exit, *full;    /* [n_samples]: quantized exit, full-precision logits */
    size_t n_exit, n_logits;
    size_t from; /* first sample of this round */
};

/* dKL(p || q) / dz = q - p, with q = softmax(z) and p that of the full network. */
static void divergence_gradient(const float *z, const float *full, float *dz, size_t n)
{
    double top_z = -HUGE_VAL, top_p = -HUGE_VAL, sum_z = 0, sum_p = 0;
    for (size_t i = 0; i < n; i++) {
        top_z = fmax(top_z, (double)z[i]);
        top_p = fmax(top_p, (double)full[i]);
    }
    for (size_t i = 0; i < n; i++) {
        sum_z += exp((double)z[i] - top_z);
        sum_p += exp((double)full[i] - top_p);
    }
    for (size_t i = 0; i < n; i++)
        dz[i] = (float)(exp((double)z[i] - top_z) / sum_z -
                        exp((double)full[i] - top_p) / sum_p);
}

/* Samples behind the last are its copies, and are not written. */
static enum status part(void *context, size_t item, int worker)
{
    struct fisher *f = context;
    size_t n_samples = f->compress->n_samples, first = f->from + item * SIZE;
    struct training_part p = training_part(f->tail, (int)item);
    (void)worker;
    if (first >= n_samples)
        return OK;
    for (size_t n = 0; n < SIZE; n++) {
        size_t sample = first + n < n_samples ? first + n : n_samples - 1;
        memcpy(p.x + n * f->n_exit, f->exit + sample * f->n_exit,
               f->n_exit * sizeof(float));
    }
    enum status st = training_forward(f->tail, (int)item, p.x, p.logits);
    for (size_t n = 0; n < SIZE && !st; n++) {
        size_t sample = first + n < n_samples ? first + n : n_samples - 1;
        divergence_gradient(p.logits + n * f->n_logits, f->full + sample * f->n_logits,
                            p.dlogits + n * f->n_logits, f->n_logits);
    }
    if (!st)
        st = training_backward(f->tail, (int)item, p.dlogits, p.dx);
    for (size_t n = 0; n < SIZE && first + n < n_samples && !st; n++)
        memcpy(f->exit + (first + n) * f->n_exit, p.dx + n * f->n_exit,
               f->n_exit * sizeof(float));
    return st;
}

static enum status open_tail(struct fisher *f, const struct block *block)
{
    const struct training_options options = {PARTS, SIZE, true};
    struct graph graph = {0};
    enum status st = compress_cut(&f->compress->full, block->exit,
                                  f->compress->full.outputs[0]->name, -1, &graph);
    if (!st)
        st = training_open(&graph, &options, &f->tail);
    graph_clear(&graph);
    return st;
}

static enum status run_tail(struct fisher *f)
{
    enum status st = OK;
    for (; f->from < f->compress->n_samples && !st; f->from += PARTS * SIZE)
        st = threads_each(f->compress->rule->threads, PARTS, part, f);
    return st;
}

enum status compress_fisher(struct compress *c, const struct block *block, float **out)
{
    struct fisher f = {.compress = c};
    const char *logits = c->full.outputs[0]->name;
    bool last = !strcmp(block->exit, logits);
    enum status st = compress_record(c, compress_quantized(c),
                                     compress_quantized_name(c, block->exit), &f.exit,
                                     &f.n_exit);
    if (!st)
        st = compress_record(c, &c->full, logits, &f.full, &f.n_logits);
    if (!st && !last)
        st = open_tail(&f, block);
    if (!st && !last)
        st = run_tail(&f);
    for (size_t n = 0; n < c->n_samples && !st && last; n++)
        divergence_gradient(f.exit + n * f.n_exit, f.full + n * f.n_logits,
                            f.exit + n * f.n_exit, f.n_logits);
    for (size_t i = 0; i < c->n_samples * f.n_exit && !st; i++)
        f.exit[i] = fabsf(f.exit[i]) + 1;
    training_close(f.tail);
    free(f.full);
    if (st)
        free(f.exit);
    else
        *out = f.exit;
    return st;
}
