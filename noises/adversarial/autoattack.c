/*
 * AutoAttack: attacks in a fixed order, each on what the ones before left standing.
 *
 *     standard  APGD-CE, APGD-T, FAB-T, Square (9 targets; L1: APGD-CE 5 restarts, APGD-T
 *               5 targets, both in three stages)
 *     plus      APGD-CE 5, APGD-DLR 5, FAB 5, Square, APGD-T, FAB-T
 *     rand      APGD-CE, APGD-DLR with gradients averaged over 20 draws, and a vote of 10
 *               draws where one forward would decide
 *
 * A network with C < 10 classes has C − 1 targets, and the margin takes the ratio's place
 * where the ratio is not defined (loss.h).
 *
 * Source: Croce & Hein, ICML 2020, arXiv:2003.01690; arXiv:2103.01208 for L1.
 */
#include "noises/adversarial/common.h"
#include "noises/adversarial/members.h"

#include <string.h>

static enum status apgd(struct search *s, const char *member, enum loss_kind loss,
                        int targets, int restarts)
{
    struct apgd_options options = {.loss = loss, .targets = targets, .restarts = restarts};
    options.steps = params_int(s->params, "steps");
    options.staged = true;
    s->member = member;
    return s->done ? OK : apgd_search(s, &options);
}

static enum status fab(struct search *s, const char *member, int targets, int restarts)
{
    struct fab_options options = {.targets = targets, .classes = 9, .restarts = restarts};
    options.steps = params_int(s->params, "steps");
    options.refine = 15;
    s->member = member;
    return s->done ? OK : fab_search(s, &options);
}

static enum status square(struct search *s)
{
    struct square_options options = {.restarts = 1, .p = 0.8};
    options.queries = params_int(s->params, "queries");
    s->member = "square";
    return s->done ? OK : square_search(s, &options);
}

static enum status standard(struct search *s)
{
    bool l1 = s->ball.norm == NORM_L1;
    enum status st = apgd(s, "apgd-ce", LOSS_CE, 0, l1 ? 5 : 1);
    if (!st)
        st = apgd(s, "apgd-t", LOSS_DLR, l1 ? 5 : 9, 1);
    if (!st)
        st = fab(s, "fab-t", 9, 1);
    return st ? st : square(s);
}

static enum status plus(struct search *s)
{
    enum status st = apgd(s, "apgd-ce", LOSS_CE, 0, 5);
    if (!st)
        st = apgd(s, "apgd-dlr", LOSS_DLR, 0, 5);
    if (!st)
        st = fab(s, "fab", 0, 5);
    if (!st)
        st = square(s);
    if (!st)
        st = apgd(s, "apgd-t", LOSS_DLR, 9, 1);
    return st ? st : fab(s, "fab-t", 9, 1);
}

static enum status randomized(struct search *s)
{
    s->eot = 20;
    s->votes = 10;
    enum status st = apgd(s, "apgd-ce", LOSS_CE, 0, 1);
    return st ? st : apgd(s, "apgd-dlr", LOSS_DLR, 0, 1);
}

static enum status run(struct search *s)
{
    const char *version = params_word(s->params, "version");
    return !strcmp(version, "plus")   ? plus(s)
           : !strcmp(version, "rand") ? randomized(s)
                                      : standard(s);
}

#define PARAM_ENSEMBLE                                                                     \
    {"version", PARAM_WORD, "standard", 0, 0, "standard plus rand", "which members"},      \
    {"steps", PARAM_INT, "100", 1, 100000, NULL, "iterations of APGD and FAB"},            \
    {"queries", PARAM_INT, "5000", 1, 10000000, NULL, "looks of Square"},                  \
    PARAM_SOURCE, PARAM_KEEP

static const struct param params_linf[] = {PARAM_EPS_LINF, PARAM_ENSEMBLE, {0}};
static const struct param params_l2[] = {PARAM_EPS_L2, PARAM_ENSEMBLE, {0}};
static const struct param params_l1[] = {PARAM_EPS_L1, PARAM_ENSEMBLE, {0}};

#define AUTOATTACK(symbol, its_name, its_norm, table)                                      \
    const struct attack symbol = { /* 2: with FAB 2 */                                     \
        .name = its_name,                                                                  \
        .summary = "APGD-CE, APGD-T, FAB-T and Square in turn",                            \
        .source = "arXiv:2003.01690",                                                      \
        .impl = 2,                                                                         \
        .norm = its_norm,                                                                  \
        .needs_gradient = true,                                                            \
        .params = table,                                                                   \
        .run = run,                                                                        \
    }

AUTOATTACK(attack_autoattack_linf, "autoattack-linf", NORM_LINF, params_linf);
AUTOATTACK(attack_autoattack_l2, "autoattack-l2", NORM_L2, params_l2);
AUTOATTACK(attack_autoattack_l1, "autoattack-l1", NORM_L1, params_l1);
