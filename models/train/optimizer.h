/*
 * Optimisers, learning-rate schedules and weight averaging over one flat list of weights.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAMW };

struct optimizer_rule {
    enum optimizer_kind kind;
    double momentum;              /* SGD, Nesterov form (Sutskever et al. 2013) */
    double beta1, beta2, epsilon; /* AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) */
    double weight_decay;          /* SGD: added to the gradient; AdamW: decoupled */
};

/* State of one tensor; all-zero is fresh. */
struct optimizer {
    float *first, *second; /* momentum; AdamW's second moment */
    uint64_t steps;
};

/* One step on w[count]. `decay` is false for biases and norms, which do not decay. */
void optimizer_step(struct optimizer *state, const struct optimizer_rule *rule, float *w,
                    const float *gradient, size_t count, double rate, bool decay);
void optimizer_clear(struct optimizer *state);

/* average <- keep * average + (1 - keep) * w, with keep lowered at the start so that the
 * first steps do not linger: min(keep, (1 + step) / (10 + step)). */
void average_step(float *average, const float *w, size_t count, double keep,
                  uint64_t step);

enum schedule_kind { SCHEDULE_COSINE, SCHEDULE_STEP, SCHEDULE_CONSTANT };

struct schedule {
    enum schedule_kind kind;
    double rate;          /* peak */
    double warmup;        /* share of the run with a linear rise from 0 */
    double milestones[8]; /* SCHEDULE_STEP: shares of the run; 0 ends */
    double factor;        /* multiplied in at each milestone */
};

/* Learning rate at `progress` in [0, 1]. */
double schedule_rate(const struct schedule *schedule, double progress);
