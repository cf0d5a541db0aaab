/*
 * NDG-1: networks without gradients, or with gradients that lie. See protocol.h.
 *
 * Sources: BPDA arXiv:1802.00420; scaled logits arXiv:2003.13511; that transfer alone
 * under-attacks low-bit networks arXiv:1909.12741; evaluation arXiv:1902.06705.
 */
#include "noises/adversarial/protocol.h"

#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <string.h>

const char *const protocol_steps[PROTOCOL_STEPS] = {
    "preflight", "surrogate", "twin", "transfer", "blackbox", "checks",
};

/* From whom losses and gradients come from now on; logits of the clean sample with it. */
static enum status look_through(struct search *s, struct victim *source, enum search_use use)
{
    s->source = source;
    s->use = use;
    enum status st = search_probe(s, s->call->x);
    memcpy(s->clean_logits, s->logits, (size_t)s->n_classes * sizeof(float));
    return st;
}

static enum status apgd(struct search *s, const char *member, enum loss_kind loss,
                        double spread, int times)
{
    struct apgd_options options = {.loss = loss, .restarts = 1, .spread = spread};
    options.steps = times * params_int(s->params, "steps");
    s->member = member;
    return s->done ? OK : apgd_search(s, &options);
}

static enum status surrogate(struct search *s)
{
    if (s->done)
        return OK;
    enum status st = look_through(s, s->victim, USE_SAME);
    if (!st)
        st = apgd(s, "surrogate/apgd-margin", LOSS_MARGIN, 0, 1);
    if (!st)
        st = apgd(s, "surrogate/apgd-dlr", LOSS_DLR, 0, 1);
    return st ? st : apgd(s, "surrogate/apgd-ce", LOSS_CE, 3, 1);
}

static enum status twin_backward(struct search *s, struct victim *twin)
{
    if (s->done)
        return OK;
    enum status st = look_through(s, twin, USE_BACKWARD);
    if (!st)
        st = apgd(s, "twin/apgd-dlr", LOSS_DLR, 0, 1);
    return st ? st : apgd(s, "twin/apgd-ce", LOSS_CE, 0, 1);
}

static enum status transfer(struct search *s, struct victim *twin)
{
    static const struct momentum_options momentum = {
        .steps = 20, .decay = 1, .diversity = 0.7, .kernel = 7};
    if (s->done)
        return OK;
    enum status st = look_through(s, twin, USE_EVERY);
    if (!st)
        st = apgd(s, "transfer/apgd-ce", LOSS_CE, 0, 1);
    if (st || s->done || s->ball.norm != NORM_LINF)
        return st;
    s->member = "transfer/mi-di-ti";
    return momentum_search(s, &momentum);
}

static enum status black_box(struct search *s)
{
    bool thorough = !strcmp(params_word(s->params, "depth"), "thorough");
    struct square_options square = {.restarts = 1, .p = 0.8};
    static const struct spsa_options spsa = {
        .steps = 100, .draws = 512, .sigma = 0.01, .rate = 0.01};
    if (s->done)
        return OK;
    square.queries = params_int(s->params, "queries");
    if (thorough) {
        square.queries = 20000;
        square.restarts = 2;
    }
    s->member = "square";
    enum status st = look_through(s, s->victim, USE_SAME);
    if (!st)
        st = square_search(s, &square);
    if (st || s->done || !thorough || s->ball.norm != NORM_LINF)
        return st;
    s->member = "spsa";
    return spsa_search(s, &spsa);
}

/* What the best gradient attack does with twice its steps. */
static enum status longer(struct search *s, struct victim *twin)
{
    if (s->done || (!twin && !s->victim->backward))
        return OK;
    enum status st = twin ? look_through(s, twin, USE_BACKWARD)
                          : look_through(s, s->victim, USE_SAME);
    return st ? st : apgd(s, "longer/apgd-dlr", LOSS_DLR, 0, 2);
}

static enum status noise(struct search *s)
{
    float *x = arena_alloc(&s->arena, s->size * sizeof *x);
    s->member = "uniform";
    enum status st = s->done ? OK : look_through(s, s->victim, USE_SAME);
    for (uint64_t i = 0; i < 10 && !st && !s->done; i++) {
        struct rng rng;
        search_rng(s, "uniform", i, &rng);
        ball_uniform(&s->ball, &rng, x);
        st = search_look(s, x);
    }
    return st;
}

/* The whole box to move in: whoever survives this has not been attacked at all. The
 * verdict stays that of the ball. */
static enum status unbounded(struct search *s, struct victim *twin)
{
    if (s->done)
        return OK;
    struct arena arena = {0};
    struct attack_result result = *s->out;
    struct search all = *s;
    struct attack_call call = *s->call;
    struct judge judge = *s->judges;
    enum norm norm = s->ball.norm;
    double eps = norm == NORM_LINF ? 1 : norm == NORM_L2 ? 1e3 : 1e6;
    call.adversarial = arena_alloc(&arena, s->size * sizeof(float));
    all.call = judge.call = &call;
    all.out = judge.out = &result;
    all.judges = &judge;
    all.arena = (struct arena){0};
    ball_init(&all.ball, norm, eps, call.x, s->size, &arena);

    enum status st = OK;
    if (twin || s->victim->backward) {
        st = twin ? look_through(&all, twin, USE_BACKWARD)
                  : look_through(&all, s->victim, USE_SAME);
        if (!st)
            st = apgd(&all, "unbounded", LOSS_DLR, 0, 1);
    }
    struct square_options square = {.queries = 1000, .restarts = 1, .p = 0.8};
    if (!st && !all.done)
        st = look_through(&all, s->victim, USE_SAME);
    if (!st && !all.done)
        st = square_search(&all, &square);
    s->out->survives_all = !st && !all.done;
    arena_clear(&all.arena);
    arena_clear(&arena);
    return st;
}

static enum status checks(struct search *s, struct victim *twin)
{
    enum status st = longer(s, twin);
    if (!st)
        st = noise(s);
    return st ? st : unbounded(s, twin);
}

static enum status run(struct search *s)
{
    struct victim *twin = s->source != s->victim && s->source->backward ? s->source : NULL;
    struct victim *own = s->victim->backward ? s->victim : NULL;
    uint32_t all = (1u << PROTOCOL_STEPS) - 1, missing = 0;
    if (!own)
        missing |= 1u << STEP_SURROGATE;
    if (!twin)
        missing |= 1u << STEP_TWIN | 1u << STEP_TRANSFER;

    enum status st = preflight_run(s->victim, own ? own : twin, s->call->x, s->label,
                                   s->call->seed, s->call->key, &s->out->preflight);
    if (!st && own)
        st = surrogate(s);
    if (!st && twin)
        st = twin_backward(s, twin);
    if (!st && twin)
        st = transfer(s, twin);
    if (!st)
        st = black_box(s);
    if (!st)
        st = checks(s, twin);
    s->out->zero_gradient = own && s->out->preflight.zero_margin;
    s->out->steps_done = all & ~missing;
    return st;
}

#define PARAM_PROTOCOL                                                                     \
    {"source", PARAM_PATH, "", 0, 0, NULL, "full-precision twin: NAME, FILE, or twin"},    \
    {"steps", PARAM_INT, "100", 1, 100000, NULL, "iterations of APGD"},                    \
    {"queries", PARAM_INT, "5000", 1, 10000000, NULL, "looks of Square"},                  \
    {"depth", PARAM_WORD, "standard", 0, 0, "standard thorough",                           \
     "thorough: Square 20,000 twice and SPSA, for when Square or transfer wins"}

static const struct param params_linf[] = {PARAM_EPS_LINF, PARAM_PROTOCOL, {0}};
static const struct param params_l2[] = {PARAM_EPS_L2, PARAM_PROTOCOL, {0}};

const struct attack attack_ndg1_linf = {
    .name = "ndg1-linf",
    .summary = "worst case over surrogate, twin, transfer and black box",
    .source = "arXiv:1802.00420, arXiv:2003.13511",
    .impl = 2, /* 1 counted a forward of the network twice where there was a twin */
    .norm = NORM_LINF,
    .own_gradient = true,
    .params = params_linf,
    .run = run,
};

const struct attack attack_ndg1_l2 = {
    .name = "ndg1-l2",
    .summary = "worst case over surrogate, twin, transfer and black box",
    .source = "arXiv:1802.00420, arXiv:2003.13511",
    .impl = 2, /* 1 counted a forward of the network twice where there was a twin */
    .norm = NORM_L2,
    .own_gradient = true,
    .params = params_l2,
    .run = run,
};
