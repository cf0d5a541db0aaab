/*
 * Networks whose gradient is zero, undefined or a lie: the protocol NDG-1, as an attack.
 *
 *     gauntlet ... "ndg1-linf eps=2/255 source=twin"
 *
 * takes these steps in turn, each on what the ones before left standing, so that its
 * verdict is the worst case over them for each sample and `broken_by` says which step it
 * was. `source` is the full-precision twin.
 *
 *     preflight  determinism, saturation, zero gradients, fidelity of the gradient
 *     surrogate  the network's own, straight-through gradient: APGD on the margin, on the
 *                ratio of logits, and on cross-entropy with the logits scaled to a lead of 3
 *     twin       forward, loss and verdict of the network, gradient of the twin (BPDA,
 *                arXiv:1802.00420): APGD on the ratio of logits and on cross-entropy
 *     transfer   crafted on the twin, every point shown to the network: APGD-CE, MI-DI-TI
 *     blackbox   Square; with depth=thorough Square 20,000 twice and SPSA
 *     checks     do 2 × the steps, uniform noise or a ball of radius 1 tell another story?
 *
 * A number is to be published with the steps that were possible: without a twin, or
 * without a gradient, steps are missing and the number is unreliable.
 */
#pragma once

#include "noises/adversarial/adversarial.h"

enum protocol_step {
    STEP_PREFLIGHT,
    STEP_SURROGATE,
    STEP_TWIN,
    STEP_TRANSFER,
    STEP_BLACKBOX,
    STEP_CHECKS,
    PROTOCOL_STEPS,
};
extern const char *const protocol_steps[PROTOCOL_STEPS]; /* "preflight", ... */

/* `gradient` may be NULL: nothing to be faithful. 2 forwards, then up to 3 backwards and
 * 16 forwards more. */
enum status preflight_run(struct victim *victim, struct victim *gradient, const float *x,
                          int label, uint64_t seed, const char *key, struct preflight *out);

/*
 * Flags of a cell, from the results of its clean-correct samples. With thresholds; a
 * serious one means that the accuracy may be too high.
 *
 *     ZERO_GRAD       share with a zero gradient at the start     > 0.01
 *     SATURATED       share with a probability of 1.0f            > 0.5
 *     LOW_FIDELITY    mean fidelity of the gradient               < 0.75
 *     SQUARE_WINS     points that only Square took                > 0.2
 *     TRANSFER_WINS   points that only transfer took              > 0.2
 *     RANDOM_WINS     points that only uniform noise took         > 0.2
 *     NOT_CONVERGED   points that only twice the steps took       > 1
 *     UNBOUNDED_SURVIVES  share that radius 1 did not break       > 1/classes
 *     MISSING_STEPS   steps that were not possible                > 0
 *     STOCHASTIC      largest change of a logit between forwards  > 1e-4
 *     SOFTMAX_OUT     share whose outputs sum to 1                > 0.99
 *     FEW_CLASSES     fewer than 4: targeted ratio became margin
 *     SHORT           alpha · steps < 2 eps
 *     BUDGET          misclassified points outside the ball, not counted > 0
 */
enum { FLAGS_MAX = 14 };

struct flag {
    const char *code, *message;
    double value;
    bool serious;
};

struct flag_sums {
    size_t n, zero, zero_ce, zero_margin, zero_dlr, saturated, softmax, preflights, square, transfer, random, longer;
    size_t unbounded, protocols, budget;
    double fidelity, change;
    uint32_t steps; /* taken for every sample */
};
void flags_add(struct flag_sums *sums, const struct attack_result *result);
/* `sums` over the clean-correct of `count` samples. Returns how many of out[] are set. */
size_t flags_list(const struct flag_sums *sums, size_t count, const struct attack *attack,
                  const struct params *params, int n_classes, struct flag out[FLAGS_MAX]);

/*
 * What the pre-flight found, whether it raised a flag or not: gradient_fidelity, change (the
 * largest), shares zero_gradient_ce, zero_gradient_margin, zero_gradient_dlr, saturated and
 * softmax, and step_NAME, 1 where that step was possible. Returns how many; 0 without one.
 */
enum { PREFLIGHT_FINDINGS = 7 + PROTOCOL_STEPS };
struct finding {
    const char *name;
    double value;
};
size_t preflight_list(const struct flag_sums *sums, struct finding out[PREFLIGHT_FINDINGS]);
