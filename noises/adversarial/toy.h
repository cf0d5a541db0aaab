/*
 * Victims given by a formula: what the self-tests of the attacks know the truth about.
 *
 *     linear   z = scale (W x + b): the smallest perturbation is known in closed form
 *     mlp      z = V tanh(U (x − 1/2)) + c: smooth, with gradients everywhere
 *     planted  two classes over another victim's logits f: z = (0, r² − ‖f(x) − f*‖²), where
 *              f* = f(x*) for a point x* of the ball: an adversarial example exists by
 *              construction (the idea of Zimmermann et al., NeurIPS 2022)
 */
#pragma once

#include "base/mem.h"
#include "noises/adversarial/adversarial.h"

struct toy {
    struct arena arena;
    struct victim victim;
    float *clean;          /* a sample of label `label` that is classified correctly */
    int label;

    double scale;          /* linear, mlp: of the logits */
    int hidden;            /* mlp */
    double *u, *v, *c;     /* mlp [hidden][size], [n][hidden], [n]; linear: v [n][size], c */
    double *activation;

    struct victim *under;  /* planted */
    float *goal, *feature, *dfeature;
    double radius2;
    bool masked;           /* backward gives zeros: a network that hides its gradient */
};

/* side × side × 3 values; clean samples in [0.45, 0.55] so that the box stays inactive. */
void toy_linear(struct toy *toy, int side, int n_classes, uint64_t seed);
void toy_mlp(struct toy *toy, int side, int n_classes, int hidden, uint64_t seed);
/* Around `under` at its clean sample x; x* lies on the surface of the ball. */
enum status toy_planted(struct toy *toy, struct victim *under, const float *x,
                        enum norm norm, double eps, uint64_t seed);
void toy_clear(struct toy *toy);

/* The smallest distance at which a linear victim's label changes at its clean sample. */
double toy_linear_distance(const struct toy *toy, enum norm norm);
