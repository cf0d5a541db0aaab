/*
 * Carlini & Wagner in L2: minimises
 *
 *     ‖x' − x‖₂² + c max(z_y − max_{i≠y} z_i + kappa, 0),   x' = (tanh w + 1)/2
 *
 * over w by Adam, with a search on c: times ten until the first success, then bisection.
 * A descent ends early when its loss fell by less than 0.01 % over a tenth of the steps.
 * Defaults are for a CPU; the paper's are searches=9 steps=10000 c=0.001. At the end the
 * segment to the clean sample is halved refine= times, which the original does not do.
 *
 * Source: Carlini & Wagner, S&P 2017, arXiv:1608.04644.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <math.h>
#include <string.h>

struct descent {
    struct search *s;
    double c, kappa, rate;
    int steps;
    double *w, *first, *second; /* Adam's moments */
    float *x, *g;
    struct nearest nearest;
};

static void start(struct descent *d)
{
    for (size_t i = 0; i < d->s->size; i++) {
        d->w[i] = atanh(0.999999 * (2 * (double)d->s->call->x[i] - 1));
        d->first[i] = d->second[i] = 0;
    }
}

/* x from w, a look, and the loss there. */
static enum status look(struct descent *d, double *loss, bool *short_of)
{
    struct search *s = d->s;
    for (size_t i = 0; i < s->size; i++)
        d->x[i] = (float)((tanh(d->w[i]) + 1) / 2);
    enum status st = search_look(s, d->x);
    if (st || s->done)
        return st;
    nearest_note(&d->nearest, s, d->x);
    double distance = norm_distance(NORM_L2, d->x, s->call->x, s->size);
    double lead = d->kappa - (double)loss_margin(s->logits, s->n_classes, s->label);
    *short_of = lead > 0;
    *loss = distance * distance + d->c * fmax(lead, 0);
    return OK;
}

static enum status adam(struct descent *d, int step, bool short_of)
{
    static const struct loss margin = {LOSS_MARGIN, .target = -1};
    struct search *s = d->s;
    enum status st = OK;
    if (short_of) {
        search_loss(s, &margin, s->dlogits);
        st = search_gradient(s, d->x, s->dlogits, d->g);
    } else {
        memset(d->g, 0, s->size * sizeof *d->g);
    }
    double one = 1 - pow(0.9, step), two = 1 - pow(0.999, step);
    for (size_t i = 0; i < s->size; i++) {
        double x = (double)d->x[i], t = 2 * x - 1;
        double slope = 2 * (x - (double)s->call->x[i]) - d->c * (double)d->g[i];
        slope *= (1 - t * t) / 2;
        d->first[i] = 0.9 * d->first[i] + 0.1 * slope;
        d->second[i] = 0.999 * d->second[i] + 0.001 * slope * slope;
        d->w[i] -= d->rate * (d->first[i] / one) / (sqrt(d->second[i] / two) + 1e-8);
    }
    return st;
}

static enum status descend(struct descent *d, bool *success)
{
    double loss, before = (double)INFINITY;
    int tenth = d->steps / 10 > 0 ? d->steps / 10 : 1;
    bool short_of;
    *success = false;
    start(d);
    for (int i = 1; i <= d->steps; i++) {
        enum status st = look(d, &loss, &short_of);
        if (st || d->s->done)
            return st;
        *success |= d->s->fooled && !short_of;
        if (i % tenth == 0) {
            if (loss > 0.9999 * before)
                return OK;
            before = loss;
        }
        if ((st = adam(d, i, short_of)))
            return st;
    }
    enum status st = look(d, &loss, &short_of);
    *success |= !st && !d->s->done && d->s->fooled && !short_of;
    return st;
}

static enum status run(struct search *s)
{
    struct arena arena = {0};
    struct descent d = {.s = s, .c = params_real(s->params, "c")};
    d.kappa = params_real(s->params, "kappa");
    d.rate = params_real(s->params, "rate");
    d.steps = params_int(s->params, "steps");
    double **moments[] = {&d.w, &d.first, &d.second};
    for (size_t i = 0; i < 3; i++)
        *moments[i] = arena_alloc(&arena, s->size * sizeof(double));
    d.x = arena_alloc(&arena, s->size * sizeof(float));
    d.g = arena_alloc(&arena, s->size * sizeof(float));
    nearest_init(&d.nearest, s, &arena);

    double low = 0, high = (double)INFINITY;
    enum status st = OK;
    for (int i = 0; i < params_int(s->params, "searches") && !st && !s->done; i++) {
        bool success;
        st = descend(&d, &success);
        *(success ? &high : &low) = d.c;
        d.c = isinf(high) ? d.c * 10 : (low + high) / 2;
    }
    if (!st)
        st = nearest_finish(&d.nearest, s, params_int(s->params, "refine"));
    arena_clear(&arena);
    return st;
}

static const struct param params[] = {
    PARAM_EPS_L2,
    {"searches", PARAM_INT, "5", 1, 100, NULL, "values of c"},
    {"steps", PARAM_INT, "200", 1, 1000000, NULL, "of Adam for each"},
    {"c", PARAM_REAL, "0.1", 1e-9, 1e9, NULL, "first weight of the misclassification"},
    {"rate", PARAM_REAL, "0.01", 1e-9, 10, NULL, "Adam's learning rate"},
    {"kappa", PARAM_REAL, "0", 0, 1e6, NULL, "margin wanted"},
    {"refine", PARAM_INT, "15", 0, 60, NULL, "halvings of the last segment"},
    PARAM_SOURCE,
    PARAM_STOP,
    {0},
};

const struct attack attack_cw_l2 = {
    .name = "cw-l2",
    .summary = "smallest L2 distance by Adam under a search on its weight",
    .source = "arXiv:1608.04644",
    .impl = 1,
    .norm = NORM_L2,
    .needs_gradient = true,
    .minimum_norm = true,
    .params = params,
    .run = run,
};
