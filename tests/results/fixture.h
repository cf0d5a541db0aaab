/*
 * A store to test on: networks that never existed, with predictions drawn from the
 * generator, so that every number can be computed a second way.
 */
#pragma once

#include "results/store.h"

enum { FIXTURE_MODELS = 3, FIXTURE_CLASSES = 10 };

struct fixture {
    char path[256];
    struct store *store;
    int64_t env, dataset, subset, run;
    int64_t model[FIXTURE_MODELS]; /* alpha fp32, alpha-int8 (its twin), beta fp32 */
    size_t n;
    int *labels;
};

/* A store in a fresh temporary folder, with n samples and nothing run yet. */
void fixture_open(struct fixture *fixture, size_t n);
/* Closes and removes the folder. */
void fixture_close(struct fixture *fixture);
void fixture_new_run(struct fixture *fixture);

/* "kind noise label severity eps": finds or makes the condition. */
int64_t fixture_condition(struct fixture *fixture, const char *kind, const char *noise,
                          const char *label, int severity, double eps);
/* Predictions that are right with probability `accuracy`, the same images being the hard
 * ones in every cell; `luck` tells draws apart. [n], the caller frees. */
int *fixture_predict(const struct fixture *fixture, double accuracy, int luck);
/* Stores them as a cell of `model` (an index) with key made of model, label and luck. */
int64_t fixture_cell(struct fixture *fixture, int model, int64_t condition, double accuracy,
                     int luck);
/* Some of every family for every model: 25 conditions, among them a decode and resize grid. */
void fixture_fill(struct fixture *fixture);

/* cmocka compares in single precision. */
#define assert_near(a, b, tolerance)                                                       \
    do {                                                                                   \
        double near_a = (a), near_b = (b);                                                 \
        if (!(near_a - near_b <= (tolerance) && near_b - near_a <= (tolerance)))           \
            fail_msg("%s is %.12g, not %.12g", #a, near_a, near_b);                        \
    } while (0)
