/*
 * Fast gradient sign method: one step of full length, x ← clip(x + eps sign(g)); in L2
 * x ← clip(x + eps g/‖g‖₂), with g = d(CE)/dx.
 *
 * Weak, and not monotone in eps on undefended networks: no evidence of robustness.
 *
 * Source: Goodfellow et al., ICLR 2015, arXiv:1412.6572.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/search.h"

#include <string.h>

static enum status run(struct search *s)
{
    const struct loss loss = {LOSS_CE, .target = -1};
    float *g = arena_alloc(&s->arena, s->size * sizeof *g);
    float *x = arena_alloc(&s->arena, s->size * sizeof *x);

    search_loss(s, &loss, s->dlogits);
    enum status st = search_gradient(s, s->call->x, s->dlogits, g);
    if (st)
        return st;
    memcpy(x, s->call->x, s->size * sizeof *x);
    double length = norm_value(NORM_L2, g, s->size);
    if (s->ball.norm == NORM_LINF)
        vector_add_sign(x, g, s->ball.eps, s->size);
    else if (length > 0)
        vector_add_scaled(x, g, s->ball.eps / length, s->size);
    ball_project(&s->ball, x);
    st = search_look(s, x);
    return st ? st : search_offer(s, x);
}

static const struct param params_linf[] = {PARAM_EPS_LINF, PARAM_SOURCE, {0}};
static const struct param params_l2[] = {PARAM_EPS_L2, PARAM_SOURCE, {0}};

const struct attack attack_fgsm_linf = {
    .name = "fgsm-linf",
    .summary = "one signed gradient step of length eps",
    .source = "arXiv:1412.6572",
    .impl = 1,
    .norm = NORM_LINF,
    .needs_gradient = true,
    .params = params_linf,
    .run = run,
};

const struct attack attack_fgsm_l2 = {
    .name = "fgsm-l2",
    .summary = "one normalised gradient step of length eps",
    .source = "arXiv:1412.6572",
    .impl = 1,
    .norm = NORM_L2,
    .needs_gradient = true,
    .params = params_l2,
    .run = run,
};
