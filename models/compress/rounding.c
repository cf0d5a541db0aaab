/*
 * w' = s (clamp(floor(w / s) + h(alpha) + z) - z), h = clamp(1.2 sigmoid(alpha) - 0.1, 0,
 * 1), with alpha learned. Weights go in slices, so that all workers share a layer and
 * every number depends on its slice alone.
 *
 * Source: AdaRound, Nagel et al. 2020, arXiv:2004.10568.
 */
#include "models/compress/rounding.h"

#include "base/simd.h"
#include "base/threads.h"
#include "models/train/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE = 4096 };

struct slice {
    struct quant_layer *layer;
    struct variable *variable;
    int64_t from, count;
    /* [count]: floor(w / s) + z, the scale, and the range, as floats: exact below 2^24 */
    float *floor, *scale, *zero, *low, *high;
    float *alpha, *sigmoid, *gradient;
    struct optimizer adam;
};

struct rounding {
    struct compress *compress;
    struct slice *slices;
    size_t n_slices;
    int n_layers;
    double rate, lambda, beta; /* of the step being made */
    struct arena arena;
};

static void open_slice(struct rounding *r, struct slice *s)
{
    float **arrays[] = {&s->floor, &s->scale,   &s->zero,    &s->low,
                        &s->high,  &s->alpha, &s->sigmoid, &s->gradient};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = arena_alloc(&r->arena, (size_t)s->count * sizeof(float));
    const float *w = s->layer->original->inputs[1]->constant->data;
    for (int64_t i = 0; i < s->count; i++) {
        const struct grid *g = layer_grid(s->layer, s->from + i);
        double x = (double)w[s->from + i] / g->scale;
        s->floor[i] = (float)(floor(x) + g->zero);
        s->scale[i] = (float)g->scale;
        s->zero[i] = (float)g->zero;
        s->low[i] = (float)g->low;
        s->high[i] = (float)g->high;
        s->alpha[i] = (float)-log(1.2 / (x - floor(x) + 0.1) - 1);
    }
}

static struct variable *variable_of(struct training *training, const char *name)
{
    for (int i = 0; i < training_variables(training); i++)
        if (!strcmp(training_variable(training, i)->name, name))
            return training_variable(training, i);
    return NULL;
}

void rounding_open(struct compress *c, struct training *training, int first, int last,
                   struct rounding **out)
{
    struct rounding *r = *out = mem_new(sizeof *r);
    r->compress = c;
    for (int i = first; i < last; i++) {
        struct quant_layer *layer = &c->layers[i];
        struct variable *variable =
            variable_of(training, layer->node->inputs[1]->name);
        if (!variable) /* the block's output does not depend on it */
            continue;
        size_t n = (size_t)(layer->count + SLICE - 1) / SLICE;
        r->slices = mem_grow(r->slices, r->n_slices + n, sizeof *r->slices);
        for (int64_t from = 0; from < layer->count; from += SLICE) {
            struct slice *s = &r->slices[r->n_slices++];
            int64_t rest = layer->count - from;
            *s = (struct slice){.layer = layer,
                                .variable = variable,
                                .from = from,
                                .count = rest < SLICE ? rest : SLICE};
            open_slice(r, s);
        }
        r->n_layers++;
    }
}

void rounding_close(struct rounding *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_slices; i++)
        optimizer_clear(&r->slices[i].adam);
    free(r->slices);
    arena_clear(&r->arena);
    free(r);
}

int rounding_layers(const struct rounding *r)
{
    return r->n_layers;
}

SIMD_CLONES
static void soft_weights(const struct slice *s, float *restrict out)
{
    for (int64_t i = 0; i < s->count; i++) {
        float h = 1.2f * s->sigmoid[i] - 0.1f;
        h = h < 0 ? 0 : h > 1 ? 1 : h;
        float code = s->floor[i] + h;
        code = code < s->low[i] ? s->low[i] : code > s->high[i] ? s->high[i] : code;
        out[i] = (code - s->zero[i]) * s->scale[i];
    }
}

static enum status write_slice(void *context, size_t item, int worker)
{
    const struct rounding *r = context;
    const struct slice *s = &r->slices[item];
    (void)worker;
    for (int64_t i = 0; i < s->count; i++)
        s->sigmoid[i] = 1 / (1 + expf(-s->alpha[i]));
    soft_weights(s, s->variable->data + s->from);
    return OK;
}

enum status rounding_write(struct rounding *r)
{
    return threads_each(r->compress->rule->threads, r->n_slices, write_slice, r);
}

/* dL/dalpha: through the clamps, plus the regulariser that pushes h to 0 or 1. */
static enum status step_slice(void *context, size_t item, int worker)
{
    static const struct optimizer_rule adam = {OPTIMIZER_ADAMW, 0, 0.9, 0.999, 1e-8, 0};
    const struct rounding *r = context;
    struct slice *s = &r->slices[item];
    const float *dw = s->variable->gradient + s->from;
    float lambda = (float)r->lambda, beta = (float)r->beta;
    (void)worker;
    for (int64_t i = 0; i < s->count; i++) {
        float sigmoid = s->sigmoid[i], h = 1.2f * sigmoid - 0.1f;
        if (h <= 0 || h >= 1) { /* settled: neither term has a slope */
            s->gradient[i] = 0;
            continue;
        }
        float code = s->floor[i] + h;
        float d = code > s->low[i] && code < s->high[i] ? dw[i] * s->scale[i] : 0;
        float u = 2 * h - 1, size = fabsf(u);
        if (lambda > 0 && size > 0)
            d -= copysignf(2 * lambda * beta * powf(size, beta - 1), u);
        s->gradient[i] = d * 1.2f * sigmoid * (1 - sigmoid);
    }
    optimizer_step(&s->adam, &adam, s->alpha, s->gradient, (size_t)s->count, r->rate,
                   false);
    return OK;
}

enum status rounding_step(struct rounding *r, double rate, double lambda, double beta)
{
    r->rate = rate;
    r->lambda = lambda;
    r->beta = beta;
    return threads_each(r->compress->rule->threads, r->n_slices, step_slice, r);
}

void rounding_settle(struct rounding *r)
{
    for (size_t n = 0; n < r->n_slices; n++) {
        struct slice *s = &r->slices[n];
        for (int64_t i = 0; i < s->count; i++) {
            float code = s->floor[i] + (s->alpha[i] >= 0 ? 1.0f : 0.0f);
            s->layer->codes[s->from + i] =
                (int32_t)fminf(fmaxf(code, s->low[i]), s->high[i]);
        }
        if (n + 1 < r->n_slices && r->slices[n + 1].layer == s->layer)
            continue;
        compress_apply(r->compress, s->layer);
        memcpy(s->variable->data, s->layer->node->inputs[1]->constant->data,
               s->variable->count * sizeof(float));
    }
}
