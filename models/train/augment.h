/*
 * Augmentation: what training does to a picture before the network sees it. All draws come
 * from the generator that the caller keyed by (seed, sample, epoch).
 */
#pragma once

#include "base/image.h"
#include "base/rng.h"

#include <stdbool.h>

struct augment_rule {
    bool flip;        /* mirror left and right with probability 1/2 */
    int crop;         /* shift by up to this many pixels, border reflected */
    double jitter;    /* brightness, contrast, saturation by 1 +- jitter */
    int randaugment;  /* number of operations drawn per picture; 0: none */
    double magnitude; /* of each, 0..1 */
    double mixup;     /* alpha of the Beta law; 0: none */
    double cutmix;
};

/* In place; [H][W][3]. Everything but mixup and cutmix, which need a second picture. */
enum status augment_image(struct image *image, const struct augment_rule *rule,
                          struct rng *rng);

/*
 * Mixup (Zhang et al. 2018, arXiv:1710.09412) or CutMix (Yun et al. 2019,
 * arXiv:1905.04899) of x with another sample, both [3][H][W] float, into x. Gives the
 * weight of x's own label; 1 when neither is asked for. With both, each has half a chance.
 */
double augment_mix(float *x, const float *other, int height, int width,
                   const struct augment_rule *rule, struct rng *rng);

/* Beta(alpha, alpha) by two gammas (Marsaglia & Tsang 2000). */
double rng_beta(struct rng *rng, double alpha);
