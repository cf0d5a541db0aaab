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

#define UNIFORM(symbol, its_name, its_norm, table, about)                                  \
    const struct attack symbol = {                                                         \
        .name = its_name,                                                                  \
        .summary = about,                                                                  \
        .source = "none: the null",                                                        \
        .impl = 1,                                                                         \
        .norm = its_norm,                                                                  \
        .params = table,                                                                   \
        .run = run,                                                                        \
    }

UNIFORM(attack_uniform_linf, "uniform-linf", NORM_LINF, params_linf,
        "random points of the Linf ball: the null every attack must beat");
UNIFORM(attack_uniform_l2, "uniform-l2", NORM_L2, params_l2,
        "random points of the L2 ball: the null every attack must beat");
UNIFORM(attack_uniform_l1, "uniform-l1", NORM_L1, params_l1,
        "random points of the L1 ball: the null every attack must beat");
