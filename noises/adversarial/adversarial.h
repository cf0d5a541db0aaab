/*
 * Adversarial noise: attacks on one sample at a time, in the pixel domain [0,1] after
 * resize and crop and before mean and std (specs: "A0").
 *
 * One sample at a time is the design: an attack's path depends on its sample, its key and
 * the network alone, so results are the same for any batch, thread count and shard, and a
 * sample that is fooled stops costing anything at once.
 *
 * How to add one: write noises/adversarial/<name>.c ending in `const struct attack
 * attack_<name>`, and add the name to meson.build.
 */
#pragma once

#include "base/params.h"
#include "base/rng.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum norm { NORM_LINF, NORM_L2, NORM_L1 };

/* What is attacked: logits of a pixel array, and the gradient of them. The harness wraps a
 * session; tests wrap a formula. */
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

struct attack_result {
    bool broken;             /* a valid iterate is misclassified, float verdict */
    bool broken_8bit;        /* and so is its nearest lattice point inside the ball */
    bool budget_violated;    /* a misclassified iterate was outside the ball: not counted */
    int label;               /* class predicted at `adversarial` */
    double distance;         /* in the attack's norm, recomputed in double */
    float margin;            /* max over wrong classes minus z_y at the final point */
    uint32_t forwards, backwards, first_success; /* iteration of the first success */
    bool zero_gradient;      /* the gradient was all zero at the start */
    const char *broken_by;   /* member's name inside an ensemble */
};

struct attack_call {
    struct victim *victim;   /* decides success */
    struct victim *source;   /* gives gradients; the same unless transfer or BPDA */
    const float *x;          /* clean sample, [size] */
    int label;
    uint64_t seed;
    const char *key;         /* sample key: draws are keyed by (seed, key, attack, restart) */
    const struct params *params;
    float *adversarial;      /* out: best found point, [size]; always valid (in ball and box) */
};

struct attack {
    const char *name, *summary, *source;
    int impl;
    enum norm norm;
    bool needs_gradient;
    bool minimum_norm;       /* searches the smallest distance; eps is only the verdict's */
    const struct param *params;
    enum status (*run)(const struct attack_call *call, struct attack_result *out);
};
extern const struct attack *const attack_registry[];
enum status attack_find(const char *name, const struct attack **out);
