/*
 * Do the attacks work? Every one of the registry is run on victims whose truth is known:
 *
 *     linear     below the closed-form smallest distance it must fail, above it succeed;
 *                a minimum-norm attack must return the distance itself
 *     planted    an adversarial example exists by construction and must be found
 *     zero       a ball of radius 0 leaves the sample as it is
 *     unbounded  with the whole box to move in, accuracy falls to chance
 *     monotone   accuracy never rises with the radius
 *     scale      logits times 1000 change nothing for attacks on the ratio of logits
 *     masked     a gradient that is zero is flagged, and Square breaks what it hid
 *
 * A member that cannot meet a check by its nature (the null; one step; transfer attacks
 * that blur the gradient) has its own, stated bound.
 */
#pragma once

#include "noises/adversarial/adversarial.h"

struct selftest_line {
    const char *check, *attack;
    bool passed;
    char detail[160]; /* the figures */
};

/* Calls report for each check done; `failed` counts those not passed. `only`: one attack,
 * or NULL for all. */
enum status attacks_selftest(const char *only, uint64_t seed,
                             void (*report)(void *context, const struct selftest_line *),
                             void *context, int *failed);
