#include "noises/adversarial/protocol.h"

#include "base/mem.h"
#include "noises/adversarial/loss.h"
#include "noises/adversarial/search.h"

#include <math.h>
#include <string.h>

struct flight {
    struct victim *victim, *gradient;
    const float *x;
    int label, n;
    float *logits, *again, *dlogits, *g, *up, *down;
};

/* Outputs in [0,1] that sum to 1 are no logits. */
static bool looks_like_softmax(const float *logits, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        if (logits[i] < -1e-5f || logits[i] > 1 + 1e-5f)
            return false;
        sum += (double)logits[i];
    }
    return fabs(sum - 1) < 1e-4;
}

static bool is_saturated(const float *logits, int n)
{
    int best = victim_label(logits, n);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)logits[best]);
    return (float)(1 / sum) >= 1.0f;
}

/* The gradient of one loss into f->g; `zero` when nothing of it is left. */
static enum status slope(struct flight *f, enum loss_kind kind, bool *zero)
{
    struct loss loss = {kind, -1, 0};
    loss_value(&loss, f->logits, f->n, f->label, f->dlogits);
    enum status st = victim_backward(f->gradient, f->dlogits, f->g);
    *zero = !st && norm_value(NORM_LINF, f->g, f->victim->size) <= 0;
    return st;
}

static enum status loss_at(struct flight *f, const float *x, double *value)
{
    static const struct loss margin = {LOSS_MARGIN, .target = -1};
    enum status st = victim_forward(f->victim, x, f->again);
    *value = loss_value(&margin, f->again, f->n, f->label, NULL);
    return st;
}

/* One random sign direction of length 1/255: 1 where gradient and difference agree, 1/2
 * where one of them is silent. */
static enum status compare(struct flight *f, struct rng *rng, double *agreement)
{
    const float h = 1.0f / 255;
    double along = 0, high, low;
    uint32_t bits = 0;
    for (size_t i = 0; i < f->victim->size; i++, bits >>= 1) {
        if (i % 32 == 0)
            bits = rng_u32(rng);
        float step = bits & 1 ? h : -h;
        f->up[i] = fminf(fmaxf(f->x[i] + step, 0), 1);
        f->down[i] = fminf(fmaxf(f->x[i] - step, 0), 1);
        along += (double)f->g[i] * ((double)f->up[i] - (double)f->down[i]);
    }
    enum status st = loss_at(f, f->up, &high);
    if (!st)
        st = loss_at(f, f->down, &low);
    if (st)
        return st;
    double product = along * (high - low);
    *agreement += product > 0 ? 1 : product < 0 ? 0 : 0.5;
    return OK;
}

static enum status measure_gradient(struct flight *f, struct rng *rng, struct preflight *out)
{
    enum { DIRECTIONS = 8 };
    double agreement = 0;
    enum status st = OK;
    if (f->gradient != f->victim)
        st = victim_forward(f->gradient, f->x, f->again);
    if (!st)
        st = slope(f, LOSS_CE, &out->zero_ce);
    if (!st)
        st = slope(f, LOSS_DLR, &out->zero_dlr);
    if (!st)
        st = slope(f, LOSS_MARGIN, &out->zero_margin);
    for (int i = 0; i < DIRECTIONS && !st; i++)
        st = compare(f, rng, &agreement);
    out->fidelity = (float)(agreement / DIRECTIONS);
    return st;
}

enum status preflight_run(struct victim *victim, struct victim *gradient, const float *x,
                          int label, uint64_t seed, const char *key, struct preflight *out)
{
    *out = (struct preflight){0};
    struct arena arena = {0};
    struct flight f = {.victim = victim, .gradient = gradient, .x = x, .label = label};
    f.n = victim->n_classes;
    float **rows[] = {&f.logits, &f.again, &f.dlogits}, **points[] = {&f.g, &f.up, &f.down};
    for (int i = 0; i < 3; i++) {
        *rows[i] = arena_alloc(&arena, (size_t)f.n * sizeof(float));
        *points[i] = arena_alloc(&arena, victim->size * sizeof(float));
    }
    struct rng rng;
    rng_open(&rng, seed, key ? key : "", "preflight", 0);

    enum status st = victim_forward(victim, x, f.logits);
    if (!st)
        st = victim_forward(victim, x, f.again);
    if (!st) {
        out->change = (float)norm_distance(NORM_LINF, f.logits, f.again, (size_t)f.n);
        out->softmax = looks_like_softmax(f.logits, f.n);
        out->saturated = !out->softmax && is_saturated(f.logits, f.n);
        if (gradient)
            st = measure_gradient(&f, &rng, out);
    }
    out->done = !st;
    arena_clear(&arena);
    return st;
}
