/*
 * Metrics that are plain functions of what a network said: stability over perturbation
 * sequences, and how well a score tells pictures of unknown classes from known ones.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261 (stability); Hendrycks &
 * Gimpel, ICLR 2017, arXiv:1610.02136 (detection).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * How a network takes a sequence of frames. Each is compared with the frame `step` before;
 * for noise, with the first frame. With step > 1 (ImageNet-P's difficulty) every start below
 * `step` makes a sequence of its own; noise always has step 1, its difficulty is in the
 * pixels. The flip probability is flips / pairs, the top-5 distance spread / pairs.
 *
 * logits  [frames][classes]; ties go to the lower class
 */
struct stability {
    int pairs;  /* compared; 0 where there are too few frames */
    int flips;  /* pairs whose classes differ */
    int spread; /* sum of their top5_distance(); -1 below five classes */
};
struct stability stability(const float *logits, int frames, int classes, bool noise,
                           int step);

/*
 * Distance of two rankings at the top: sum over i = 1..5 of |i - min(sigma(i), 6)|, sigma(i)
 * the place in b of the class that is i-th in a. Ties go to the lower class. At least five
 * classes.
 */
int top5_distance(const float *a, const float *b, int classes);

/*
 * Detection of out-of-distribution pictures (the positives) by a score that should be
 * higher for them, such as minus the largest softmax probability. Equal scores are one
 * threshold. NaN where one side is empty.
 *   auroc  chance that a positive scores above a negative, ties half; auroc_se is its
 *          standard error (DeLong et al. 1988, doi:10.2307/2531595), NaN for one a side
 *   aupr   average precision: sum of (R_n - R_{n-1}) P_n over thresholds
 *   fpr95  least false positive rate of a threshold that finds 95 % of the positives
 */
struct detection {
    double auroc, auroc_se, aupr, fpr95;
};
struct detection detect(const double *positives, size_t n_positives,
                        const double *negatives, size_t n_negatives);
