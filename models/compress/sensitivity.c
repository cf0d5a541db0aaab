#include "models/compress/sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SAMPLES = 256 };

void divergence_float(struct quant_layer *layer)
{
    memcpy(layer->node->inputs[1]->constant->data,
           layer->original->inputs[1]->constant->data,
           (size_t)layer->count * sizeof(float));
}

enum status divergence_open(struct compress *c, struct divergence *out)
{
    *out = (struct divergence){.few = *c};
    out->few.n_samples = c->n_samples < MOST_SAMPLES ? c->n_samples : MOST_SAMPLES;
    for (int i = 0; i < c->n_layers; i++)
        divergence_float(&c->layers[i]);
    return compress_record(&out->few, &c->full, c->full.outputs[0]->name, &out->full,
                           &out->n_logits);
}

void divergence_close(struct compress *c, struct divergence *d)
{
    for (int i = 0; i < c->n_layers; i++)
        compress_apply(c, &c->layers[i]);
    free(d->full);
    free(d->other);
    *d = (struct divergence){0};
}

static double log_sum(const float *z, size_t n, double *top)
{
    double sum = 0;
    *top = -HUGE_VAL;
    for (size_t i = 0; i < n; i++)
        *top = fmax(*top, (double)z[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)z[i] - *top);
    return *top + log(sum);
}

/* KL(p || q) from logits. */
static double divergence_of(const float *p, const float *q, size_t n)
{
    double top_p, top_q, sum = 0;
    double total_p = log_sum(p, n, &top_p), total_q = log_sum(q, n, &top_q);
    for (size_t i = 0; i < n; i++) {
        double log_p = (double)p[i] - total_p, log_q = (double)q[i] - total_q;
        sum += exp(log_p) * (log_p - log_q);
    }
    return sum;
}

enum status divergence_measure(struct divergence *d, double *out)
{
    const struct compress *c = &d->few;
    free(d->other);
    d->other = NULL;
    enum status st =
        compress_record(c, &c->work, c->work.outputs[0]->name, &d->other, &d->n_logits);
    *out = 0;
    for (size_t n = 0; n < c->n_samples && !st; n++)
        *out += divergence_of(d->full + n * d->n_logits, d->other + n * d->n_logits,
                              d->n_logits) /
                (double)c->n_samples;
    return st;
}

enum status compress_sensitivity(struct compress *c)
{
    struct divergence d;
    enum status st = divergence_open(c, &d);
    for (int i = 0; i < c->n_layers && !st; i++) {
        compress_apply(c, &c->layers[i]);
        st = divergence_measure(&d, &c->layers[i].sensitivity);
        divergence_float(&c->layers[i]);
    }
    divergence_close(c, &d);
    return st;
}
