/*
 * Fast adaptive boundary attack: the smallest perturbation, without a radius in the
 * search. With f the logit difference that must change its sign, linearised at x:
 *
 *     d₁ = shortest step from x, d₂ from the clean sample x₀, onto the plane f = 0 within
 *     the box;   a = min(‖d₁‖/(‖d₁‖ + ‖d₂‖), 0.1)
 *     x ← clip((1 − a)(x + 1.05 d₁) + a (x₀ + 1.05 d₂))
 *
 * and where that is misclassified, x ← x₀ + 0.9 (x − x₀). The untargeted form takes the
 * nearest plane among all classes (one backward each), FAB-T one class after another.
 *
 * At the end the segment to the best point is halved refine= times, which the original
 * does not do.
 *
 * Source: Croce & Hein, ICML 2020, arXiv:1907.02044.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include "base/simd.h"

#include <math.h>
#include <string.h>

struct walk {
    struct search *s;
    const int *classes;
    int count;
    float *x, *w, *w_try, *d_here, *d_clean;
    double gap; /* −f at x for the chosen class */
    struct nearest nearest;
};

static enum norm dual(enum norm norm)
{
    return norm == NORM_LINF ? NORM_L1 : norm == NORM_L1 ? NORM_LINF : NORM_L2;
}

/* The plane z_k = z_y nearest to x by linearisation. */
static enum status nearest_plane(struct walk *walk)
{
    struct search *s = walk->s;
    double least = (double)INFINITY;
    for (int k = 0; k < walk->count; k++) {
        int class = walk->classes[k];
        memset(s->dlogits, 0, (size_t)s->n_classes * sizeof *s->dlogits);
        s->dlogits[class] = 1;
        s->dlogits[s->label] = -1;
        enum status st = search_gradient(s, walk->x, s->dlogits, walk->w_try);
        if (st)
            return st;
        double f = (double)s->logits[class] - (double)s->logits[s->label];
        double length =
            walk->count > 1 ? norm_value(dual(s->ball.norm), walk->w_try, s->size) : 1;
        double distance = fabs(f) / (length + 1e-12);
        if (distance >= least)
            continue;
        least = distance;
        walk->gap = -f;
        float *swap = walk->w;
        walk->w = walk->w_try;
        walk->w_try = swap;
    }
    return OK;
}

/* x ← clip((1 − a)(x + 1.05 here) + a (clean + 1.05 there)) */
SIMD_CLONES
static void mix(float *restrict x, const float *here, const float *clean,
                const float *there, double a, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        double near = (double)x[i] + 1.05 * (double)here[i];
        double far = (double)clean[i] + 1.05 * (double)there[i];
        double v = (1 - a) * near + a * far;
        v = v > 0 ? v : 0;
        x[i] = (float)(v < 1 ? v : 1);
    }
}

static void step(struct walk *walk)
{
    const struct search *s = walk->s;
    const float *clean = s->call->x;
    double along = product_along(walk->w, walk->x, clean, s->size);
    double here = hyperplane_step(s->ball.norm, walk->x, walk->w, walk->gap, s->size,
                                  walk->d_here);
    double there = hyperplane_step(s->ball.norm, clean, walk->w, walk->gap + along, s->size,
                                   walk->d_clean);
    double a = here + there > 0 ? fmin(here / (here + there), 0.1) : 0;
    mix(walk->x, walk->d_here, clean, walk->d_clean, a, s->size);
}

static enum status look(struct walk *walk)
{
    enum status st = search_look(walk->s, walk->x);
    if (!st && !walk->s->done)
        nearest_note(&walk->nearest, walk->s, walk->x);
    return st;
}

static enum status pull_back(struct walk *walk)
{
    for (size_t i = 0; i < walk->s->size; i++)
        walk->x[i] = (float)(0.1 * (double)walk->s->call->x[i] + 0.9 * (double)walk->x[i]);
    return look(walk);
}

static void start(struct walk *walk, uint64_t restart, uint64_t target)
{
    struct search *s = walk->s;
    memcpy(walk->x, s->call->x, s->size * sizeof *walk->x);
    if (restart == 0)
        return;
    struct rng rng;
    struct ball ball;
    struct arena arena = {0};
    double radius = fmin(walk->nearest.distance, s->ball.eps) / 2;
    search_rng(s, "fab", restart * 1000 + target, &rng);
    ball_init(&ball, s->ball.norm, radius, s->call->x, s->size, &arena);
    ball_surface(&ball, &rng, walk->x);
    arena_clear(&arena);
}

static enum status walk_once(struct walk *walk, const struct fab_options *options,
                             uint64_t restart, uint64_t target)
{
    struct search *s = walk->s;
    start(walk, restart, target);
    enum status st = look(walk);
    for (int i = 0; i < options->steps && !st && !s->done; i++) {
        if ((st = nearest_plane(walk)))
            return st;
        step(walk);
        st = look(walk);
        if (!st && !s->done && s->fooled)
            st = pull_back(walk);
    }
    return st ? st : nearest_finish(&walk->nearest, s, options->refine);
}

enum status fab_search(struct search *s, const struct fab_options *options)
{
    struct arena arena = {0};
    struct walk walk = {.s = s};
    float **points[] = {&walk.x, &walk.w, &walk.w_try, &walk.d_here, &walk.d_clean};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        *points[i] = arena_alloc(&arena, s->size * sizeof(float));
    nearest_init(&walk.nearest, s, &arena);
    int *classes = arena_alloc(&arena, (size_t)s->n_classes * sizeof *classes);
    int wanted = options->targets ? options->targets : options->classes;
    int found = loss_top_wrong(s->clean_logits, s->n_classes, s->label, wanted, classes);
    bool scouting = s->scouting;
    s->scouting = true;

    enum status st = OK;
    for (int r = 0; r < options->restarts; r++)
        for (int k = 0; k < (options->targets ? found : 1) && !st && !s->done; k++) {
            walk.classes = classes + k;
            walk.count = options->targets ? 1 : found;
            st = walk_once(&walk, options, (uint64_t)r, (uint64_t)k);
        }
    s->scouting = scouting;
    arena_clear(&arena);
    return st;
}

static enum status run(struct search *s, int targets, int classes)
{
    struct fab_options options = {.targets = targets, .classes = classes};
    options.steps = params_int(s->params, "steps");
    options.restarts = params_int(s->params, "restarts");
    options.refine = params_int(s->params, "refine");
    return fab_search(s, &options);
}

static enum status run_untargeted(struct search *s)
{
    return run(s, 0, params_int(s->params, "classes"));
}

static enum status run_targeted(struct search *s)
{
    return run(s, params_int(s->params, "targets"), 0);
}

#define PARAM_WALK(restarts)                                                               \
    {"steps", PARAM_INT, "100", 1, 100000, NULL, "iterations"},                            \
    {"restarts", PARAM_INT, restarts, 1, 1000, NULL, "runs; the smallest distance counts"}, \
    {"refine", PARAM_INT, "15", 0, 60, NULL, "halvings of the last segment"},              \
    PARAM_SOURCE, PARAM_STOP
#define PARAM_CLASSES                                                                      \
    {"classes", PARAM_INT, "9", 1, 10000, NULL, "planes tried at each step, by clean logit"}
#define PARAM_TARGETS                                                                      \
    {"targets", PARAM_INT, "9", 1, 10000, NULL, "wrong classes tried, highest first"}

static const struct param all_linf[] = {PARAM_EPS_LINF, PARAM_CLASSES, PARAM_WALK("1"), {0}};
static const struct param all_l2[] = {PARAM_EPS_L2, PARAM_CLASSES, PARAM_WALK("1"), {0}};
static const struct param all_l1[] = {PARAM_EPS_L1, PARAM_CLASSES, PARAM_WALK("1"), {0}};
static const struct param t_linf[] = {PARAM_EPS_LINF, PARAM_TARGETS, PARAM_WALK("1"), {0}};
static const struct param t_l2[] = {PARAM_EPS_L2, PARAM_TARGETS, PARAM_WALK("1"), {0}};
static const struct param t_l1[] = {PARAM_EPS_L1, PARAM_TARGETS, PARAM_WALK("1"), {0}};

static const char all[] = "nearest decision boundary, all classes at each step";
static const char one[] = "nearest decision boundary, one class after another";

#define FAB(symbol, its_name, its_norm, table, body, about)                                \
    const struct attack symbol = { /* 2: sums in lanes */                                  \
        .name = its_name,                                                                  \
        .summary = about,                                                                  \
        .source = "arXiv:1907.02044",                                                      \
        .impl = 2,                                                                         \
        .norm = its_norm,                                                                  \
        .needs_gradient = true,                                                            \
        .minimum_norm = true,                                                              \
        .params = table,                                                                   \
        .run = body,                                                                       \
    }

FAB(attack_fab_linf, "fab-linf", NORM_LINF, all_linf, run_untargeted, all);
FAB(attack_fab_t_linf, "fab-t-linf", NORM_LINF, t_linf, run_targeted, one);
FAB(attack_fab_l2, "fab-l2", NORM_L2, all_l2, run_untargeted, all);
FAB(attack_fab_t_l2, "fab-t-l2", NORM_L2, t_l2, run_targeted, one);
FAB(attack_fab_l1, "fab-l1", NORM_L1, all_l1, run_untargeted, all);
FAB(attack_fab_t_l1, "fab-t-l1", NORM_L1, t_l1, run_targeted, one);
