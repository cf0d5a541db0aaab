/*
 * Projected gradient descent: from the clean sample or a random start,
 * x ← P(x + alpha step(g)), with P the projection on ball ∩ box and step
 *     Linf  sign(g)
 *     L2    g/‖g‖₂
 *     L1    e/‖e‖₁ with e = sign(g) on the fraction q of coordinates with the largest |g|
 *           that the box does not pin (SLIDE), or g/‖g‖₁ with step=dense
 *
 * Presets, where steps= and alpha= are 0:
 *     madry      Linf alpha 2/255, 20 steps; L2 alpha 2.5 eps/steps, 20 steps; random start
 *     robustart  alpha 3/40 eps, 20 steps, random start; L1 alpha 120, 20 steps, dense
 *     foolbox    Linf alpha eps/30, 40 steps, L2 eps/40, 50 steps, random start; L1 SLIDE
 *                alpha eps/5, 10 steps from the clean sample
 *     bim        alpha 1/255, min(255 eps + 4, 1.25 · 255 eps) steps, no random start
 *
 * Sources: PGD arXiv:1706.06083; BIM arXiv:1607.02533; SLIDE arXiv:1904.13000; RobustART
 * arXiv:2109.05211.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/search.h"
#include "noises/adversarial/sparse.h"

#include <math.h>
#include <string.h>

struct plan {
    int steps, restarts;
    double alpha, fraction;
    bool random_start, dense;
};

static void plan_preset(struct plan *plan, const char *preset, enum norm norm, double eps)
{
    if (!strcmp(preset, "robustart")) {
        *plan = (struct plan){.steps = 20, .alpha = norm == NORM_L1 ? 120 : 0.075 * eps};
        plan->dense = norm == NORM_L1;
        plan->random_start = true;
    } else if (!strcmp(preset, "foolbox")) {
        static const int steps[] = {40, 50, 10};
        static const double parts[] = {1.0 / 30, 1.0 / 40, 0.2};
        *plan = (struct plan){.steps = steps[norm], .alpha = parts[norm] * eps};
        plan->random_start = norm != NORM_L1;
    } else if (!strcmp(preset, "bim")) {
        double reach = 255 * eps;
        *plan = (struct plan){.alpha = 1.0 / 255};
        plan->steps = (int)fmax(1, ceil(fmin(reach + 4, 1.25 * reach)));
    } else {
        *plan = (struct plan){.steps = norm == NORM_L1 ? 50 : 20, .random_start = true};
        plan->alpha = norm == NORM_LINF ? 2.0 / 255 : 0;
    }
}

static void plan_read(struct plan *plan, const struct search *s)
{
    const struct params *params = s->params;
    enum norm norm = s->ball.norm;
    plan_preset(plan, params_word(params, "preset"), norm, s->ball.eps);
    if (params_int(params, "steps") > 0)
        plan->steps = params_int(params, "steps");
    if (params_real(params, "alpha") > 0)
        plan->alpha = params_real(params, "alpha");
    if (plan->alpha <= 0)
        plan->alpha = (norm == NORM_L1 ? 5.0 : 2.5) * s->ball.eps / plan->steps;
    plan->restarts = params_int(params, "restarts");
    const char *start = params_word(params, "start");
    if (strcmp(start, "preset"))
        plan->random_start = !strcmp(start, "random");
    if (norm == NORM_L1) {
        plan->fraction = params_real(params, "fraction");
        if (strcmp(params_word(params, "step"), "preset"))
            plan->dense = !strcmp(params_word(params, "step"), "dense");
    }
}

static void step(const struct search *s, const struct plan *plan, const float *g, float *x,
                 float *scratch)
{
    if (s->ball.norm == NORM_LINF) {
        vector_add_sign(x, g, plan->alpha, s->size);
    } else if (s->ball.norm == NORM_L1 && !plan->dense) {
        sparse_sign_step(x, g, plan->fraction, plan->alpha, true, s->size, scratch);
    } else {
        double length = norm_value(s->ball.norm, g, s->size);
        if (length > 0)
            vector_add_scaled(x, g, plan->alpha / length, s->size);
    }
    ball_project(&s->ball, x);
}

static enum status restart(struct search *s, const struct plan *plan, uint64_t index,
                           float *x, float *g, float *scratch)
{
    const struct loss loss = {LOSS_CE, .target = -1};
    memcpy(x, s->call->x, s->size * sizeof *x);
    if (plan->random_start || index > 0) {
        struct rng rng;
        search_rng(s, "pgd", index, &rng);
        ball_uniform(&s->ball, &rng, x);
    }
    enum status st = OK;
    for (int i = 0; i < plan->steps && !st && !s->done; i++) {
        double value;
        st = search_ascend(s, &loss, x, &value, g);
        if (!st && !s->done)
            step(s, plan, g, x, scratch);
    }
    if (!st && !s->done)
        st = search_look(s, x);
    return st ? st : search_offer(s, x);
}

static enum status run(struct search *s)
{
    struct plan plan;
    plan_read(&plan, s);
    float *x = arena_alloc(&s->arena, s->size * sizeof *x);
    float *g = arena_alloc(&s->arena, s->size * sizeof *g);
    float *scratch = arena_alloc(&s->arena, s->size * sizeof *scratch);
    enum status st = OK;
    for (int r = 0; r < plan.restarts && !st && !s->done; r++)
        st = restart(s, &plan, (uint64_t)r, x, g, scratch);
    return st;
}

#define PARAM_PRESET(word)                                                                 \
    {"preset", PARAM_WORD, word, 0, 0, "madry robustart foolbox bim",                      \
     "whose steps, step length and start, unless given"}
#define PARAM_PATHWAY                                                                      \
    {"steps", PARAM_INT, "0", 0, 100000, NULL, "iterations; 0: the preset's"},             \
    {"alpha", PARAM_REAL, "0", 0, 1e9, NULL, "step length; 0: the preset's"},              \
    {"restarts", PARAM_INT, "1", 1, 1000, NULL, "runs; any success counts"},               \
    {"start", PARAM_WORD, "preset", 0, 0, "preset random clean", "first point"}

static const struct param params_linf[] = {
    PARAM_EPS_LINF, PARAM_PRESET("madry"), PARAM_PATHWAY, PARAM_SOURCE, PARAM_KEEP, {0}};
static const struct param params_bim[] = {
    PARAM_EPS_LINF, PARAM_PRESET("bim"), PARAM_PATHWAY, PARAM_SOURCE, PARAM_KEEP, {0}};
static const struct param params_l2[] = {
    PARAM_EPS_L2, PARAM_PRESET("madry"), PARAM_PATHWAY, PARAM_SOURCE, PARAM_KEEP, {0}};
static const struct param params_l1[] = {
    PARAM_EPS_L1, PARAM_PRESET("madry"), PARAM_PATHWAY, PARAM_SOURCE, PARAM_KEEP,
    {"step", PARAM_WORD, "preset", 0, 0, "preset sparse dense", "shape of a step"},
    {"fraction", PARAM_REAL, "0.01", 1e-9, 1, NULL, "of coordinates in a sparse step"},
    {0}};

const struct attack attack_pgd_linf = {
    .name = "pgd-linf",
    .summary = "signed gradient steps, projected on the Linf ball",
    .source = "arXiv:1706.06083",
    .impl = 1,
    .norm = NORM_LINF,
    .needs_gradient = true,
    .params = params_linf,
    .run = run,
};

const struct attack attack_bim_linf = {
    .name = "bim-linf",
    .summary = "signed gradient steps of 1/255 from the clean sample",
    .source = "arXiv:1607.02533",
    .impl = 1,
    .norm = NORM_LINF,
    .needs_gradient = true,
    .params = params_bim,
    .run = run,
};

const struct attack attack_pgd_l2 = {
    .name = "pgd-l2",
    .summary = "normalised gradient steps, projected on the L2 ball",
    .source = "arXiv:1706.06083",
    .impl = 1,
    .norm = NORM_L2,
    .needs_gradient = true,
    .params = params_l2,
    .run = run,
};

const struct attack attack_pgd_l1 = {
    .name = "pgd-l1",
    .summary = "sparse gradient steps, projected on the L1 ball and the box",
    .source = "arXiv:1904.13000",
    .impl = 1,
    .norm = NORM_L1,
    .needs_gradient = true,
    .params = params_l1,
    .run = run,
};
