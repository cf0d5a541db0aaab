/*
 * The null attack: points drawn uniformly from the ball. A gradient attack that does not
 * beat it at the same radius has been fooled by its gradients.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/search.h"

static enum status run(struct search *s)
{
    int draws = params_int(s->params, "draws");
    float *x = arena_alloc(&s->arena, s->size * sizeof *x);
    enum status st = OK;
    for (int i = 0; i < draws && !st && !s->done; i++) {
        struct rng rng;
        search_rng(s, "uniform", (uint64_t)i, &rng);
        ball_uniform(&s->ball, &rng, x);
        st = search_look(s, x);
    }
    return st ? st : search_offer(s, x);
}

#define PARAM_DRAWS {"draws", PARAM_INT, "1", 1, 1000000, NULL, "points looked at"}
static const struct param params_linf[] = {PARAM_EPS_LINF, PARAM_DRAWS, {0}};
static const struct param params_l2[] = {PARAM_EPS_L2, PARAM_DRAWS, {0}};
static const struct param params_l1[] = {PARAM_EPS_L1, PARAM_DRAWS, {0}};

const struct attack attack_uniform_linf = {
    .name = "uniform-linf",
    .summary = "random points of the Linf ball: the null every attack must beat",
    .source = "none: the null",
    .impl = 1,
    .norm = NORM_LINF,
    .params = params_linf,
    .run = run,
};

const struct attack attack_uniform_l2 = {
    .name = "uniform-l2",
    .summary = "random points of the L2 ball: the null every attack must beat",
    .source = "none: the null",
    .impl = 1,
    .norm = NORM_L2,
    .params = params_l2,
    .run = run,
};

const struct attack attack_uniform_l1 = {
    .name = "uniform-l1",
    .summary = "random points of the L1 ball: the null every attack must beat",
    .source = "none: the null",
    .impl = 1,
    .norm = NORM_L1,
    .params = params_l1,
    .run = run,
};
