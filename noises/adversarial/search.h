/*
 * What every attack's body works with: one sample, one budget, and the bookkeeping that
 * makes a verdict sound. Internal to this folder and its tests.
 *
 *     static enum status run(struct search *s) { ... }
 *
 * A body proposes points with search_look() or search_ascend(); each is judged, and
 * s->done says that nothing more is to be won, from any judge. The clean sample has been looked at before
 * the body starts: s->clean_logits, and search_gradient() may be called for it at once.
 */
#pragma once

#include "noises/adversarial/ball.h"
#include "noises/adversarial/loss.h"

enum search_use {
    USE_SAME,     /* source and victim are one */
    USE_TRANSFER, /* losses and gradients of the source, the victim sees the last point */
    USE_EVERY,    /* the same, and the victim sees every point */
    USE_BACKWARD, /* losses of the victim, gradients of the source */
};

struct spent {
    uint64_t forwards, backwards;
};

/* Who says whether a point fools: the victim of one call, with the best point so far. */
struct judge {
    struct victim *victim;
    const struct attack_call *call;
    struct attack_result *out;
    float *logits;         /* of the victim at the last point it judged */
    float best_margin;     /* of call->adversarial */
    bool done;             /* nothing more is to be won here */
    struct spent before;   /* by its victim, when the search began */
    struct spent lent;     /* by a source of its own, when this judge was done */
};

struct search {
    const struct attack *attack;
    const struct params *params;
    struct judge *judges;  /* one, or more where a source of their own is attacked */
    size_t n_judges;
    const struct attack_call *call; /* of the first judge, as are victim and out */
    struct attack_result *out;
    struct victim *victim, *source;
    struct victim *lender; /* the call's source where that is another network, or NULL */
    struct arena arena;
    struct ball ball;      /* of the verdict */
    enum search_use use;
    size_t size;
    int n_classes, label;

    bool minimum;          /* the smallest distance is wanted, eps only judges */
    bool strongest;        /* go on after the first success */
    bool stop_at_eps;      /* minimum-norm inside an ensemble: a point within eps is enough */
    bool scouting;         /* points outside the ball are meant: no budget flag */
    int eot;               /* gradients are means over this many draws; 0 is 1 */
    int votes;             /* stochastic victims: draws per success; 0 is none */

    const char *member;    /* who gets the credit for a success */
    uint32_t iteration;
    bool done;             /* with all judges */
    bool fooled;           /* last point: the loss network's label is wrong */
    bool seen_gradient;
    float *clean_logits;   /* of the loss network at the clean sample */
    float *logits;         /* of the loss network at the last point */
    float *dlogits, *spare;
};

/* Proposes x: logits into s->logits, verdict, s->done, s->fooled; counts an iteration. */
enum status search_look(struct search *s, const float *x);

/* The loss network's logits at x into s->logits, without a verdict: probes of an attack
 * that are not meant as answers. */
enum status search_probe(struct search *s, const float *x);

/* After search_look or search_probe on x: d(loss)/dx. */
enum status search_gradient(struct search *s, const float *x, const float *dlogits,
                            float *dx);

/* search_look, then loss and gradient there (neither when s->done). EoT is done here. */
enum status search_ascend(struct search *s, const struct loss *loss, const float *x,
                          double *value, float *dx);

double search_loss(struct search *s, const struct loss *loss, float *dlogits);

/* The last point of a run: where use is USE_TRANSFER the victim judges this one. */
enum status search_offer(struct search *s, const float *x);

/* A generator for one purpose and restart of this sample. */
void search_rng(const struct search *s, const char *purpose, uint64_t index,
                struct rng *rng);

/* Small vector helpers, [size] floats. */
void vector_add_sign(float *x, const float *g, double step, size_t size);
void vector_add_scaled(float *x, const float *g, double scale, size_t size);
