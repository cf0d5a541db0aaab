/*
 * Auto-PGD: projected gradient steps with momentum whose length halves when the loss stops
 * rising, and which then go on from the best point so far.
 *
 *     u       = P(x_k + η step(g))
 *     x_{k+1} = P(x_k + 0.75 (u − x_k) + 0.25 (x_k − x_{k−1}))
 *
 * η starts at 2 eps. At checkpoints, 22 % of the steps first and then ever closer, η halves
 * if the loss rose in at most 75 % of the window's steps, or if η stayed at the previous
 * checkpoint and the best loss has not improved since.
 *
 * L1: no momentum; a step moves only the coordinates with the largest gradient, how many
 * follows from the best point's support; three stages of falling radius.
 *
 * Sources: Croce & Hein, ICML 2020, arXiv:2003.01690; L1 ICML 2021, arXiv:2103.01208.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"
#include "noises/adversarial/sparse.h"

#include "base/simd.h"

#include <math.h>
#include <string.h>

struct climb {
    struct search *s;
    const struct ball *ball;
    struct loss loss;
    int steps;
    float *x, *old, *next, *g, *best, *g_best;
    double *history; /* loss at each step */
    double best_loss, eta;
    int window, left;
    /* Linf and L2 */
    bool reduced;
    double best_at_check;
    /* L1 */
    double fraction, support;
};

SIMD_CLONES
static void step_linf(const struct climb *c, double momentum)
{
    const float *x = c->x, *old = c->old, *g = c->g;
    const float *low = c->ball->low, *high = c->ball->high;
    float *next = c->next, eta = (float)c->eta, a = (float)momentum, b = 1 - a;
    for (size_t i = 0; i < c->ball->size; i++) {
        float u = x[i] + (g[i] > 0.0f ? eta : g[i] < 0.0f ? -eta : 0.0f);
        u = u < low[i] ? low[i] : u > high[i] ? high[i] : u;
        float v = x[i] + (u - x[i]) * a + (x[i] - old[i]) * b;
        next[i] = v < low[i] ? low[i] : v > high[i] ? high[i] : v;
    }
}

static void step_l2(const struct climb *c, double momentum)
{
    size_t size = c->ball->size;
    double length = norm_value(NORM_L2, c->g, size);
    memcpy(c->next, c->x, size * sizeof *c->x);
    if (length > 0)
        vector_add_scaled(c->next, c->g, c->eta / length, size);
    ball_project(c->ball, c->next);
    for (size_t i = 0; i < size; i++)
        c->next[i] = (float)((double)c->x[i] +
                             momentum * ((double)c->next[i] - (double)c->x[i]) +
                             (1 - momentum) * ((double)c->x[i] - (double)c->old[i]));
    ball_project(c->ball, c->next);
}

static void step_l1(const struct climb *c)
{
    size_t size = c->ball->size;
    memcpy(c->next, c->x, size * sizeof *c->x);
    sparse_sign_step(c->next, c->g, c->fraction, c->eta, false, size, c->old);
    ball_project(c->ball, c->next);
}

static void back_to_best(struct climb *c)
{
    memcpy(c->x, c->best, c->ball->size * sizeof *c->x);
    memcpy(c->g, c->g_best, c->ball->size * sizeof *c->g);
}

static void check_momentum(struct climb *c, int step)
{
    int rises = 0;
    for (int j = step - c->window + 1; j <= step; j++)
        rises += c->history[j] > c->history[j - 1];
    bool oscillates = rises <= 0.75 * c->window;
    bool stuck = !c->reduced && c->best_at_check >= c->best_loss;
    c->reduced = oscillates || stuck;
    c->best_at_check = c->best_loss;
    if (c->reduced) {
        c->eta /= 2;
        back_to_best(c);
    }
    int shorter = (int)fmax(1, floor(0.03 * c->steps));
    int least = (int)fmax(1, floor(0.06 * c->steps));
    c->window = c->window - shorter > least ? c->window - shorter : least;
}

static double support_of(const struct climb *c, const float *x)
{
    double count = 0;
    for (size_t i = 0; i < c->ball->size; i++)
        count += x[i] != c->ball->clean[i];
    return count;
}

static void check_sparse(struct climb *c)
{
    double support = support_of(c, c->best), eps = c->ball->eps;
    bool shrank = support < 0.95 * c->support;
    c->fraction = support / (double)c->ball->size / 1.5;
    c->support = support;
    c->eta = shrank ? eps : fmax(c->eta / 1.5, eps / 10);
    if (shrank)
        back_to_best(c);
}

static void note(struct climb *c, int step, double value)
{
    c->history[step] = value;
    if (step > 0 && value <= c->best_loss)
        return;
    c->best_loss = value;
    memcpy(c->best, c->x, c->ball->size * sizeof *c->x);
    memcpy(c->g_best, c->g, c->ball->size * sizeof *c->g);
}

static void advance(struct climb *c, int step)
{
    if (c->ball->norm == NORM_L1)
        step_l1(c);
    else if (c->ball->norm == NORM_L2)
        step_l2(c, step > 1 ? 0.75 : 1);
    else
        step_linf(c, step > 1 ? 0.75 : 1);
    float *free_one = c->old;
    c->old = c->x;
    c->x = c->next;
    c->next = free_one;
}

/* From c->x, which lies in the ball: c->steps steps, and the best point into c->best. */
static enum status climb(struct climb *c)
{
    double value;
    enum status st = search_ascend(c->s, &c->loss, c->x, &value, c->g);
    if (st || c->s->done)
        return st;
    note(c, 0, value);
    c->reduced = true;
    c->best_at_check = value;
    c->left = c->window;
    for (int step = 1; step <= c->steps; step++) {
        advance(c, step);
        bool last = step == c->steps;
        st = last ? search_look(c->s, c->x)
                  : search_ascend(c->s, &c->loss, c->x, &value, c->g);
        if (st || c->s->done)
            return st;
        if (last)
            value = search_loss(c->s, &c->loss, NULL);
        note(c, step, value);
        if (--c->left > 0 || last)
            continue;
        if (c->ball->norm == NORM_L1)
            check_sparse(c);
        else
            check_momentum(c, step);
        c->left = c->window;
    }
    return OK;
}

static void climb_open(struct climb *c, struct search *s, const struct ball *ball,
                       const struct loss *loss, int steps, struct arena *arena)
{
    *c = (struct climb){.s = s, .ball = ball, .loss = *loss, .steps = steps};
    float **points[] = {&c->x, &c->old, &c->next, &c->g, &c->best, &c->g_best};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        *points[i] = arena_alloc(arena, s->size * sizeof(float));
    c->history = arena_alloc(arena, (size_t)(steps + 1) * sizeof(double));
    bool l1 = ball->norm == NORM_L1;
    c->window = (int)fmax(1, floor((l1 ? 0.04 : 0.22) * steps));
    c->eta = (l1 ? 1 : 2) * ball->eps;
    c->fraction = 0.2;
    c->support = (double)s->size;
}

static enum status climb_once(struct search *s, const struct loss *loss, int steps,
                              struct rng *rng)
{
    struct arena arena = {0};
    struct climb c;
    climb_open(&c, s, &s->ball, loss, steps, &arena);
    ball_surface(&s->ball, rng, c.x);
    enum status st = climb(&c);
    if (!st)
        st = search_offer(s, c.best);
    arena_clear(&arena);
    return st;
}

/* L1: wide balls first, whose points are no answers but good starts. */
static enum status climb_staged(struct search *s, const struct loss *loss, int steps,
                                struct rng *rng)
{
    struct arena arena = {0};
    float *start = arena_alloc(&arena, s->size * sizeof *start);
    enum status st = OK;
    int spent = 0;
    for (int stage = 0; stage < 3 && !st && !s->done; stage++) {
        struct ball ball;
        struct climb c;
        int share = stage < 2 ? (int)(0.3 * steps) : steps - spent;
        spent += share;
        ball_init(&ball, NORM_L1, (3 - stage) * s->ball.eps, s->call->x, s->size, &arena);
        climb_open(&c, s, &ball, loss, share > 0 ? share : 1, &arena);
        if (stage == 0) {
            ball_surface(&ball, rng, c.x);
        } else {
            memcpy(c.x, start, s->size * sizeof *start);
            ball_project(&ball, c.x);
            c.support = support_of(&c, c.x);
            c.fraction = c.support / (double)s->size / 1.5;
        }
        s->scouting = stage < 2;
        st = climb(&c);
        s->scouting = false;
        memcpy(start, c.best, s->size * sizeof *start);
    }
    if (!st)
        st = search_offer(s, start);
    arena_clear(&arena);
    return st;
}

/* Logits scaled so that the two highest lie `spread` apart at the clean sample. */
static double scale_for(const struct search *s, double spread)
{
    int first = victim_label(s->clean_logits, s->n_classes), second;
    loss_top_wrong(s->clean_logits, s->n_classes, first, 1, &second);
    double lead = (double)s->clean_logits[first] - (double)s->clean_logits[second];
    return spread > 0 && lead > 0 ? spread / lead : 1;
}

enum status apgd_search(struct search *s, const struct apgd_options *options)
{
    static const char *const purposes[] = {"apgd-ce", "apgd-margin", "apgd-dlr"};
    struct loss loss = {options->loss, -1, scale_for(s, options->spread)};
    int *classes = arena_alloc(&s->arena, (size_t)s->n_classes * sizeof *classes);
    int targets = loss_top_wrong(s->clean_logits, s->n_classes, s->label, options->targets,
                                 classes);
    enum status st = OK;
    for (int r = 0; r < options->restarts; r++)
        for (int k = 0; k < (targets ? targets : 1); k++) {
            if (st || s->done)
                return st;
            struct rng rng;
            loss.target = targets ? classes[k] : -1;
            search_rng(s, targets ? "apgd-t" : purposes[loss.kind],
                       (uint64_t)r * 1000 + (uint64_t)k, &rng);
            st = options->staged && s->ball.norm == NORM_L1
                     ? climb_staged(s, &loss, options->steps, &rng)
                     : climb_once(s, &loss, options->steps, &rng);
        }
    return st;
}

static enum status run(struct search *s, enum loss_kind loss, int targets)
{
    struct apgd_options options = {.loss = loss, .targets = targets, .staged = true};
    options.steps = params_int(s->params, "steps");
    options.restarts = params_int(s->params, "restarts");
    if (params_has(s->params, "spread"))
        options.spread = params_real(s->params, "spread");
    s->eot = params_int(s->params, "eot");
    s->votes = s->eot > 1 ? 10 : 0;
    return apgd_search(s, &options);
}

static enum status run_ce(struct search *s)
{
    return run(s, LOSS_CE, 0);
}

static enum status run_dlr(struct search *s)
{
    return run(s, LOSS_DLR, 0);
}

static enum status run_targeted(struct search *s)
{
    return run(s, LOSS_DLR, params_int(s->params, "targets"));
}

#define PARAM_CLIMB(restarts)                                                              \
    {"steps", PARAM_INT, "100", 1, 100000, NULL, "iterations"},                            \
    {"restarts", PARAM_INT, restarts, 1, 1000, NULL, "runs; any success counts"},          \
    {"eot", PARAM_INT, "1", 1, 1000, NULL, "gradients averaged, for stochastic networks"}, \
    PARAM_SOURCE, PARAM_KEEP
#define PARAM_SPREAD                                                                       \
    {"spread", PARAM_REAL, "0", 0, 1000, NULL,                                             \
     "scale logits to this lead at the clean sample; 0: as they are"}
#define PARAM_TARGETS(count)                                                               \
    {"targets", PARAM_INT, count, 1, 10000, NULL, "wrong classes tried, highest first"}

static const struct param ce_linf[] = {PARAM_EPS_LINF, PARAM_CLIMB("1"), PARAM_SPREAD, {0}};
static const struct param ce_l2[] = {PARAM_EPS_L2, PARAM_CLIMB("1"), PARAM_SPREAD, {0}};
static const struct param ce_l1[] = {PARAM_EPS_L1, PARAM_CLIMB("5"), PARAM_SPREAD, {0}};
static const struct param dlr_linf[] = {PARAM_EPS_LINF, PARAM_CLIMB("1"), {0}};
static const struct param dlr_l2[] = {PARAM_EPS_L2, PARAM_CLIMB("1"), {0}};
static const struct param dlr_l1[] = {PARAM_EPS_L1, PARAM_CLIMB("5"), {0}};
static const struct param t_linf[] = {PARAM_EPS_LINF, PARAM_TARGETS("9"), PARAM_CLIMB("1"),
                                      {0}};
static const struct param t_l2[] = {PARAM_EPS_L2, PARAM_TARGETS("9"), PARAM_CLIMB("1"), {0}};
static const struct param t_l1[] = {PARAM_EPS_L1, PARAM_TARGETS("5"), PARAM_CLIMB("1"), {0}};

static const char by_ce[] = "Auto-PGD on cross-entropy";
static const char by_dlr[] = "Auto-PGD on the difference of logits ratio";
static const char by_t[] = "Auto-PGD on the targeted difference of logits ratio";
static const char paper[] = "arXiv:2003.01690";
static const char paper_l1[] = "arXiv:2103.01208";

#define APGD(symbol, its_name, its_norm, table, body, about, paper)                        \
    const struct attack symbol = {                                                         \
        .name = its_name,                                                                  \
        .summary = about,                                                                  \
        .source = paper,                                                                   \
        .impl = 1,                                                                         \
        .norm = its_norm,                                                                  \
        .needs_gradient = true,                                                            \
        .params = table,                                                                   \
        .run = body,                                                                       \
    }

APGD(attack_apgd_ce_linf, "apgd-ce-linf", NORM_LINF, ce_linf, run_ce, by_ce, paper);
APGD(attack_apgd_dlr_linf, "apgd-dlr-linf", NORM_LINF, dlr_linf, run_dlr, by_dlr, paper);
APGD(attack_apgd_t_linf, "apgd-t-linf", NORM_LINF, t_linf, run_targeted, by_t, paper);
APGD(attack_apgd_ce_l2, "apgd-ce-l2", NORM_L2, ce_l2, run_ce, by_ce, paper);
APGD(attack_apgd_dlr_l2, "apgd-dlr-l2", NORM_L2, dlr_l2, run_dlr, by_dlr, paper);
APGD(attack_apgd_t_l2, "apgd-t-l2", NORM_L2, t_l2, run_targeted, by_t, paper);
APGD(attack_apgd_ce_l1, "apgd-ce-l1", NORM_L1, ce_l1, run_ce, by_ce, paper_l1);
APGD(attack_apgd_dlr_l1, "apgd-dlr-l1", NORM_L1, dlr_l1, run_dlr, by_dlr, paper_l1);
APGD(attack_apgd_t_l1, "apgd-t-l1", NORM_L1, t_l1, run_targeted, by_t, paper_l1);
