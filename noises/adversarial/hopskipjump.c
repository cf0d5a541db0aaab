/*
 * HopSkipJump: the smallest perturbation from labels alone. From a misclassified point on
 * the boundary, the boundary's normal is guessed from the labels of points around it; a
 * step along it, then a bisection back to the boundary.
 *
 *     n_t = 100 √t draws at distance  L2 √d θ ‖x_t − x‖₂, θ = d^{-3/2};
 *                                   Linf d θ ‖x_t − x‖∞, θ = d^{-2}
 *     v = mean of (φ_b − mean φ) u_b, step ‖x_t − x‖/√t along v (Linf: sign v), halved
 *     until misclassified
 *
 * Only the predicted label is read from the network.
 *
 * Source: Chen et al., S&P 2020, arXiv:1904.02144.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <math.h>
#include <string.h>

struct jump {
    struct search *s;
    struct rng rng;
    bool linf;
    int queries, spent;
    float *x, *trial, *u;
    double *sum, *sum_all;
    struct nearest nearest;
};

static enum status ask(struct jump *j, const float *x)
{
    j->spent++;
    enum status st = search_look(j->s, x);
    if (!st && !j->s->done)
        nearest_note(&j->nearest, j->s, x);
    return st;
}

static bool tired(const struct jump *j)
{
    return j->s->done || j->spent >= j->queries;
}

/* The point at share `at` of the way from the clean sample to x: a blend in L2, a clip to
 * a smaller ball in Linf. */
static void between(const struct jump *j, double at, double distance)
{
    const float *clean = j->s->call->x;
    for (size_t i = 0; i < j->s->size; i++) {
        double delta = (double)j->x[i] - (double)clean[i];
        delta = j->linf ? fmin(fmax(delta, -at * distance), at * distance) : at * delta;
        j->trial[i] = (float)((double)clean[i] + delta);
    }
}

/* Moves x, misclassified, back to the boundary. */
static enum status to_boundary(struct jump *j)
{
    double d = (double)j->s->size, theta = j->linf ? 1 / (d * d) : 1 / (d * sqrt(d));
    double distance = norm_distance(j->s->ball.norm, j->x, j->s->call->x, j->s->size);
    double low = 0, high = 1;
    while (high - low > fmax(theta, 1e-7) && !tired(j)) {
        double middle = (low + high) / 2;
        between(j, middle, distance);
        enum status st = ask(j, j->trial);
        if (st)
            return st;
        *(j->s->fooled ? &high : &low) = middle;
    }
    between(j, high, distance);
    memcpy(j->x, j->trial, j->s->size * sizeof *j->x);
    return OK;
}

static enum status start(struct jump *j, int draws, bool *found)
{
    *found = false;
    for (int i = 0; i < draws && !tired(j); i++) {
        rng_fill_uniform(&j->rng, j->x, j->s->size, 0, 1);
        enum status st = ask(j, j->x);
        if (st)
            return st;
        if (j->s->fooled) {
            *found = true;
            return j->s->done ? OK : to_boundary(j);
        }
    }
    return OK;
}

/* One random unit direction, and whether the point along it is misclassified. */
static enum status feel(struct jump *j, double reach)
{
    size_t size = j->s->size;
    for (size_t i = 0; i < size; i++)
        j->u[i] = (float)(j->linf ? 2 * rng_uniform(&j->rng) - 1 : rng_normal(&j->rng));
    double length = norm_value(NORM_L2, j->u, size);
    for (size_t i = 0; i < size; i++) {
        double at = (double)j->x[i] + reach * (double)j->u[i] / length;
        j->trial[i] = (float)fmin(fmax(at, 0), 1);
        /* What the box left of it is the direction that was asked about. */
        j->u[i] = (float)(((double)j->trial[i] - (double)j->x[i]) / reach);
    }
    return ask(j, j->trial);
}

/* The boundary's normal into j->sum. */
static enum status feel_normal(struct jump *j, int draws, double reach)
{
    size_t size = j->s->size;
    int asked = 0, wrong = 0;
    memset(j->sum, 0, size * sizeof *j->sum);
    memset(j->sum_all, 0, size * sizeof *j->sum_all);
    for (; asked < draws && !tired(j); asked++) {
        enum status st = feel(j, reach);
        if (st)
            return st;
        double sign = j->s->fooled ? 1 : -1;
        wrong += j->s->fooled;
        for (size_t i = 0; i < size; i++) {
            j->sum[i] += sign * (double)j->u[i];
            j->sum_all[i] += (double)j->u[i];
        }
    }
    bool mixed = wrong > 0 && wrong < asked;
    double mean = mixed ? (2.0 * wrong - asked) / asked : 0;
    double length = 0;
    for (size_t i = 0; i < size; i++) {
        j->sum[i] -= mean * j->sum_all[i];
        length += j->sum[i] * j->sum[i];
    }
    for (size_t i = 0; i < size; i++)
        j->sum[i] = j->linf ? (j->sum[i] > 0) - (j->sum[i] < 0)
                            : j->sum[i] / (sqrt(length) + 1e-30);
    return OK;
}

static enum status leap(struct jump *j, double length)
{
    for (int halving = 0; halving < 40 && !tired(j); halving++, length /= 2) {
        for (size_t i = 0; i < j->s->size; i++) {
            double at = (double)j->x[i] + length * j->sum[i];
            j->trial[i] = (float)fmin(fmax(at, 0), 1);
        }
        enum status st = ask(j, j->trial);
        if (st)
            return st;
        if (j->s->fooled) {
            memcpy(j->x, j->trial, j->s->size * sizeof *j->x);
            return j->s->done ? OK : to_boundary(j);
        }
    }
    return OK;
}

static enum status hop(struct jump *j, int t)
{
    double d = (double)j->s->size;
    double distance = norm_distance(j->s->ball.norm, j->x, j->s->call->x, j->s->size);
    /* √d θ = d θ' = 1/d in both norms; the floor keeps a probe above float's spacing. */
    double reach = t == 1 ? 0.1 : fmax(distance / d, 1e-4);
    enum status st = feel_normal(j, (int)(100 * sqrt(t)), reach);
    return st || j->s->done ? st : leap(j, distance / sqrt(t));
}

enum status hopskip_search(struct search *s, const struct hopskip_options *options)
{
    struct arena arena = {0};
    struct jump j = {.s = s, .linf = s->ball.norm == NORM_LINF};
    float **points[] = {&j.x, &j.trial, &j.u};
    for (size_t i = 0; i < 3; i++)
        *points[i] = arena_alloc(&arena, s->size * sizeof(float));
    j.sum = arena_alloc(&arena, s->size * sizeof(double));
    j.sum_all = arena_alloc(&arena, s->size * sizeof(double));
    nearest_init(&j.nearest, s, &arena);
    j.queries = options->queries;
    search_rng(s, "hopskipjump", 0, &j.rng);
    bool scouting = s->scouting, found;
    s->scouting = true;

    enum status st = start(&j, options->start_draws, &found);
    for (int t = 1; found && !st && !tired(&j); t++)
        st = hop(&j, t);
    if (!st)
        st = nearest_finish(&j.nearest, s, options->refine);
    s->scouting = scouting;
    arena_clear(&arena);
    return st;
}

static enum status run(struct search *s)
{
    struct hopskip_options options = {.queries = params_int(s->params, "queries")};
    options.start_draws = params_int(s->params, "draws");
    options.refine = params_int(s->params, "refine");
    return hopskip_search(s, &options);
}

#define PARAM_JUMP                                                                         \
    {"queries", PARAM_INT, "5000", 10, 10000000, NULL, "looks at the network's label"},    \
    {"draws", PARAM_INT, "100", 1, 100000, NULL, "random pictures tried as a start"},      \
    {"refine", PARAM_INT, "0", 0, 60, NULL, "halvings of the last segment"},               \
    PARAM_STOP

static const struct param params_l2[] = {PARAM_EPS_L2, PARAM_JUMP, PARAM_SOURCE, {0}};
static const struct param params_linf[] = {PARAM_EPS_LINF, PARAM_JUMP, PARAM_SOURCE, {0}};

const struct attack attack_hopskipjump_l2 = {
    .name = "hopskipjump-l2",
    .summary = "nearest boundary from labels alone",
    .source = "arXiv:1904.02144",
    .impl = 1,
    .norm = NORM_L2,
    .minimum_norm = true,
    .params = params_l2,
    .run = run,
};

const struct attack attack_hopskipjump_linf = {
    .name = "hopskipjump-linf",
    .summary = "nearest boundary from labels alone",
    .source = "arXiv:1904.02144",
    .impl = 1,
    .norm = NORM_LINF,
    .minimum_norm = true,
    .params = params_linf,
    .run = run,
};
