/*
 * Adversarial noise: attacks on one sample at a time, in the pixel domain [0,1] after
 * resize and crop and before mean and std.
 *
 * One sample at a time is the design: an attack's path depends on its sample, its key and
 * the network alone, so results are the same for any batch, thread count and shard, and a
 * sample that is fooled stops costing anything at once.
 *
 * What all attacks share (search.c): a sample is broken if any iterate inside the ball and
 * the box is misclassified, not only the last; the ball is checked again in double from
 * the stored floats; the verdict is given for floats and for the 8-bit lattice.
 *
 * How to add one: write noises/adversarial/<name>.c ending in `const struct attack
 * attack_<name>`, and add the name to meson.build. A file whose attack exists in several
 * norms ends in one such struct for each. The family's tests then run it on closed-form
 * victims. The body of an attack sees a struct search (search.h).
 */
#pragma once

#include "base/params.h"
#include "base/rng.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum norm { NORM_LINF, NORM_L2, NORM_L1 };
const char *norm_name(enum norm norm); /* "linf", "l2", "l1" */

/* What is attacked: logits of a pixel array, and the gradient of them. The harness wraps a
 * session (victim_of_session); tests wrap a formula. */
struct victim {
    int channels, height, width;  /* x is [channels][height][width] float in [0,1] */
    size_t size;                  /* their product */
    int n_classes;
    void *state;
    enum status (*forward)(void *state, const float *x, float *logits);
    /* After forward on the same x. NULL: no gradient (black-box attacks only). */
    enum status (*backward)(void *state, const float *dlogits, float *dx);
    uint64_t forwards, backwards; /* counted by victim_forward and victim_backward */
};

enum status victim_forward(struct victim *victim, const float *x, float *logits);
enum status victim_backward(struct victim *victim, const float *dlogits, float *dx);
/* The predicted class: the lowest index among equal logits. */
int victim_label(const float *logits, int n_classes);

/* A session as a victim; `gradient` tells whether session_backward may be called. The
 * session stays the caller's. */
struct session;
struct model_record;
void victim_of_session(struct session *session, const struct model_record *record,
                       bool gradient, struct victim *out);

/* What is measured before the attacks of a protocol; all-zero where it was not. */
struct preflight {
    bool done;
    float fidelity;      /* share of random directions in which gradient and finite
                            difference agree: 0.5 is useless, above 0.9 healthy */
    bool zero_ce, zero_margin, zero_dlr; /* the gradient of this loss is all zero */
    bool saturated;      /* the largest probability is 1.0f */
    bool softmax;        /* outputs look like probabilities, not logits */
    float change;        /* largest difference of a logit between two forwards */
};

struct attack_result {
    bool broken;             /* a valid iterate is misclassified, float verdict */
    bool broken_8bit;        /* and so is its nearest lattice point inside the ball */
    bool budget_violated;    /* a misclassified iterate was outside the ball: not counted */
    int label;               /* class predicted at `adversarial` */
    double distance;         /* of `adversarial` in the attack's norm, recomputed in double;
                                INFINITY: a minimum-norm attack found nothing */
    float margin;            /* max over wrong classes minus z_y at `adversarial` */
    uint32_t forwards, backwards; /* of victim and source together */
    uint32_t first_success;  /* iteration of the first success; 0 is the clean sample */
    bool zero_gradient;      /* the gradient was all zero at the start */
    const char *broken_by;   /* member's name inside an ensemble; NULL when not broken */
    float vote_share;        /* stochastic victims: share of draws that were wrong; else 1 */
    uint32_t steps_done;     /* protocols: bit i: step i of protocol.h was taken, or there
                                was nothing left for it to break */
    bool survives_all;       /* protocols: not even a ball of radius 1 has broken it */
    struct preflight preflight;
};

struct attack_call {
    struct victim *victim;   /* decides success */
    struct victim *source;   /* gives gradients; NULL or the victim unless source=MODEL */
    const float *x;          /* clean sample, [size] */
    int label;
    /* The victim's logits at x when that was the victim's last forward; NULL: not known,
     * and one forward more. */
    const float *clean_logits;
    uint64_t seed;
    const char *key;         /* sample key: draws are keyed by (seed, key, attack, restart) */
    const struct params *params; /* of the attack's table; NULL: all defaults */
    float *adversarial;      /* out: best found point, [size]; in the box always, in the
                                ball too unless the attack is minimum_norm */
    float *logits;           /* out: the victim's there, [n_classes]; NULL: not wanted */
};

/*
 * Every attack takes, besides its own parameters,
 *     eps=     radius in the attack's norm
 *     source=  another network to take gradients from (the harness opens it), and then
 *     use=     transfer:  craft on the source alone, ask the victim about the final point
 *              every:     the same, but ask the victim about every iterate
 *              backward:  forward and loss of the victim, gradient of the source (BPDA)
 *     keep=    first: stop at the first success; strongest: go on and keep the point with
 *              the largest margin
 */
struct search;
struct attack {
    const char *name, *summary, *source;
    int impl;
    enum norm norm;
    bool needs_gradient;     /* of the source */
    bool own_gradient;       /* uses the victim's own besides, where there is one */
    bool minimum_norm;       /* searches the smallest distance; eps is only the verdict's */
    const struct param *params;
    /* Called by attack_run, which prepares the search and draws the verdict. */
    enum status (*run)(struct search *search);
};
extern const struct attack *const attack_registry[];
/* The nearest point an 8-bit picture can hold: inside ball and box, as the 8-bit verdict
 * has it; a minimum-norm attack's point outside eps gets a ball of its own distance. */
void attack_lattice(const struct attack *attack, double eps, const float *clean,
                    const float *x, size_t size, float *out);

enum status attack_find(const char *name, const struct attack **out);

/*
 * Attacks one sample. A sample that is wrong before anything was done to it comes back
 * broken at iteration 0 and distance 0; callers attack correct samples only.
 *
 * errors  ERR_UNSUPPORTED when the attack needs a gradient and there is none, ERR_USAGE
 *         when source and victim differ in geometry, ERR_NUMERIC from a NaN logit
 */
enum status attack_run(const struct attack *attack, const struct attack_call *call,
                       struct attack_result *out);

/*
 * With a source of its own, does the attack's path depend on the source alone? So it does
 * with use=transfer and use=every: its points can then be shown to several networks.
 */
bool attack_crafts_apart(const struct attack *attack, const struct params *params);

/*
 * Crafts once and shows the points to `count` networks: each gets the result, to the byte,
 * and the costs that attack_run() would have given it. Of more calls than one, all differ
 * in victim, clean_logits and outputs alone, the source is none of the victims, and
 * attack_crafts_apart() holds.
 *
 * errors  the first of any network's, and nothing in out[]: attack_run() on each tells
 *         whose it was
 */
enum status attack_show(const struct attack *attack, const struct attack_call *calls,
                        size_t count, struct attack_result *out);
