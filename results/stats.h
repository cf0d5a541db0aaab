/*
 * The statistics of boards and nightly comparisons. Everything that can be paired is:
 * two cells on the same samples differ by the samples that flip, and the rest cancels.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
    double lo, hi;
};

/* Wilson's 95 % score interval of `ok` right out of `n`; n > 0. */
struct interval stats_wilson(int64_t ok, int64_t n);

/* Exact two-sided McNemar test of `lost` against `won` discordant pairs: the binomial
 * test of fairness. 1 when nothing flipped. */
double stats_mcnemar(int64_t lost, int64_t won);

/* Standard error of the paired difference (won - lost) / n. */
double stats_paired_se(int64_t lost, int64_t won, int64_t n);

/* Discordant pairs of two bit vectors: right in a only, right in b only. */
void stats_discordant(const uint8_t *a, const uint8_t *b, size_t bytes, int64_t *only_a,
                      int64_t *only_b);

/* Holm's step-down adjustment (1979): adjusted[i] <= 0.05 is significant among all. */
void stats_holm(const double *p, size_t count, double *adjusted);

/*
 * Tie groups of rows sorted best first: the best row without a group opens one, and every
 * row without a group that `differ` cannot tell from it joins. group[i] counts from 1.
 */
void stats_tie_groups(size_t count, bool (*differ)(const void *context, size_t a, size_t b),
                      const void *context, int *group);

/*
 * Bootstrap over images: replicate r draws n images with replacement, the same for every
 * quantity asked of one struct bootstrap, so that all conditions and models of a board
 * are resampled jointly. Draws come from the Philox generator: same store, same interval.
 */
struct bootstrap {
    size_t n, replicates;
    uint8_t *weights; /* [replicates][n]: how often an image was drawn */
};

enum { BOOTSTRAP_REPLICATES = 1000 };

void bootstrap_open(struct bootstrap *bootstrap, size_t n, size_t replicates, uint64_t seed);
void bootstrap_close(struct bootstrap *bootstrap);

/* 95 % percentile interval of sum(x) / sum(y) over the images;
 * y NULL is all ones, that is, the mean of x. Replicates with sum(y) = 0 are left out. */
struct interval bootstrap_interval(const struct bootstrap *bootstrap, const double *x,
                                   const double *y);

/*
 * Steps in a series of n numbers, oldest first: the levels of the nearest (L1) piecewise
 * constant function, as many as an information criterion finds worth it; each of two
 * numbers at least, but for the last. steps.c.
 */
enum { STEPS_MAX = 8 };
struct step {
    size_t start; /* index of the first number of this level */
    double level; /* their median */
};
/* The number of levels, at least 1; 0 for an empty series. O(n^3): a year of nights takes some 10 ms. */
size_t stats_steps(const double *y, size_t n, struct step steps[STEPS_MAX]);
