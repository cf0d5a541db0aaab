/*
 * The attacks that ensembles are made of, as functions of a running search: the same code,
 * draws and order as when they run alone. Internal to this folder.
 */
#pragma once

#include "noises/adversarial/search.h"

struct apgd_options {
    enum loss_kind loss;
    int targets;          /* 0: untargeted; else the highest wrong classes, in turn */
    int steps, restarts;
    bool staged;          /* L1: radii 3 eps, 2 eps, eps for 30, 30 and 40 % of the steps */
    double spread;        /* CE: logits scaled so that z_1 − z_2 is this at the clean sample
                             (Gupta & Ajanthan, arXiv:2003.13511); 0: as they are */
};
enum status apgd_search(struct search *s, const struct apgd_options *options);

struct fab_options {
    int targets;          /* 0: nearest hyperplane of all; else one target after another */
    int classes;          /* untargeted: candidates, by clean logit */
    int steps, restarts;
    int refine;           /* bisections of the last segment at the end */
};
enum status fab_search(struct search *s, const struct fab_options *options);

struct square_options {
    int queries, restarts;
    double p;             /* share of the picture in the first windows */
    bool rescale;         /* the schedule of p, written for 10,000 queries, to `queries` */
};
enum status square_search(struct search *s, const struct square_options *options);

struct momentum_options {
    int steps;
    double alpha;         /* step length; ≤ 0: eps/steps */
    double decay;         /* of the momentum */
    bool random_start;
    double diversity;     /* DI: probability of a resized and padded input */
    int kernel;           /* TI: odd length of the Gaussian on the gradient; 0: none */
    uint64_t index;
};
enum status momentum_search(struct search *s, const struct momentum_options *options);

struct spsa_options {
    int steps, draws;
    double sigma, rate;
};
enum status spsa_search(struct search *s, const struct spsa_options *options);

struct hopskip_options {
    int queries, start_draws, refine;
};
enum status hopskip_search(struct search *s, const struct hopskip_options *options);

/* What a minimum-norm attack has found: the nearest misclassified point so far. */
struct nearest {
    float *point;
    double distance; /* INFINITY: none yet */
};
void nearest_init(struct nearest *nearest, struct search *s, struct arena *arena);
/* After search_look on x: takes it when it is misclassified and nearer. */
void nearest_note(struct nearest *nearest, struct search *s, const float *x);
/* Halves the segment from the clean sample to the nearest point `refine` times, looking at
 * each midpoint, then offers the result. */
enum status nearest_finish(struct nearest *nearest, struct search *s, int refine);
