#include "results/stats.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double z95 = 1.959963984540054; /* normal quantile of 0.975 */

struct interval stats_wilson(int64_t ok, int64_t n)
{
    double count = (double)n, p = (double)ok / count, zz = z95 * z95;
    double centre = (p + zz / (2 * count)) / (1 + zz / count);
    double half = z95 * sqrt(p * (1 - p) / count + zz / (4 * count * count)) / (1 + zz / count);
    /* At the ends the difference is rounding, and the bound is known. */
    return (struct interval){ok == 0 ? 0 : centre - half, ok == n ? 1 : centre + half};
}

double stats_mcnemar(int64_t lost, int64_t won)
{
    int64_t n = lost + won, least = lost < won ? lost : won;
    if (2 * least >= n - 1) /* the middle: both tails together are everything */
        return 1;
    /* P(X <= least), X ~ B(n, 1/2), from its largest term down: C(n,k-1)/C(n,k) = k/(n-k+1) */
    double log_top = lgamma((double)n + 1) - lgamma((double)least + 1) -
                     lgamma((double)(n - least) + 1) - (double)n * log(2);
    double term = 1, sum = 1;
    for (int64_t k = least; k > 0 && term > 1e-18; k--) {
        term *= (double)k / (double)(n - k + 1);
        sum += term;
    }
    return fmin(1, 2 * sum * exp(log_top));
}

double stats_paired_se(int64_t lost, int64_t won, int64_t n)
{
    double count = (double)n, b = (double)lost, c = (double)won;
    return sqrt(fmax(0, b + c - (b - c) * (b - c) / count)) / count;
}

void stats_discordant(const uint8_t *a, const uint8_t *b, size_t bytes, int64_t *only_a,
                      int64_t *only_b)
{
    int64_t in_a = 0, in_b = 0;
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t left, right;
        memcpy(&left, a + i, 8);
        memcpy(&right, b + i, 8);
        in_a += __builtin_popcountll(left & ~right);
        in_b += __builtin_popcountll(right & ~left);
    }
    for (; i < bytes; i++) {
        in_a += __builtin_popcount(a[i] & ~b[i] & 0xffu);
        in_b += __builtin_popcount(b[i] & ~a[i] & 0xffu);
    }
    *only_a = in_a;
    *only_b = in_b;
}

struct ranked {
    double p;
    size_t index;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->p != right->p)
        return left->p < right->p ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

void stats_holm(const double *p, size_t count, double *adjusted)
{
    struct ranked *order = mem_array(count + 1, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = (struct ranked){p[i], i};
    qsort(order, count, sizeof *order, by_p);
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fmin(1, (double)(count - i) * order[i].p));
        adjusted[order[i].index] = most;
    }
    free(order);
}

void stats_tie_groups(size_t count, bool (*differ)(const void *context, size_t a, size_t b),
                      const void *context, int *group)
{
    int groups = 0;
    memset(group, 0, count * sizeof *group);
    for (size_t anchor = 0; anchor < count; anchor++) {
        if (group[anchor])
            continue;
        group[anchor] = ++groups;
        for (size_t row = anchor + 1; row < count; row++)
            if (!group[row] && !differ(context, anchor, row))
                group[row] = groups;
    }
}

void bootstrap_open(struct bootstrap *bootstrap, size_t n, size_t replicates, uint64_t seed)
{
    *bootstrap = (struct bootstrap){n, replicates, mem_array(n * replicates + 1, 1)};
    for (size_t r = 0; r < replicates; r++) {
        uint8_t *weights = bootstrap->weights + r * n;
        struct rng rng;
        rng_open(&rng, seed, "images", "bootstrap", r);
        for (size_t draw = 0; draw < n; draw++) {
            uint8_t *weight = &weights[rng_below(&rng, (uint32_t)n)];
            *weight = (uint8_t)(*weight + (*weight < 255));
        }
    }
}

void bootstrap_close(struct bootstrap *bootstrap)
{
    free(bootstrap->weights);
    *bootstrap = (struct bootstrap){0};
}

/* Sums in integers are the same in any order, so the compiler may use wide registers. */
SIMD_CLONES static int64_t weigh(const uint8_t *weights, const int16_t *x, size_t n)
{
    enum { FEW = 256 }; /* 256 * 255 * 32767 < 2^31 */
    int64_t sum = 0;
    for (size_t start = 0; start < n; start += FEW) {
        int32_t few = 0;
        size_t end = start + FEW < n ? start + FEW : n;
        for (size_t i = start; i < end; i++)
            few += (int16_t)weights[i] * x[i]; /* pairs of 16 bits: one instruction */
        sum += few;
    }
    return sum;
}

/* Fixed point in units of max/32767. The rounding, 3e-5 of the largest, averages out over
 * the images. */
static int16_t *to_fixed(const double *x, size_t n, double *unit)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    *unit = most > 0 ? most / 32767 : 1;
    int16_t *fixed = mem_array(n + 1, sizeof *fixed);
    for (size_t i = 0; i < n; i++)
        fixed[i] = (int16_t)lrint(x[i] / *unit);
    return fixed;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Linear between the neighbours, as numpy.percentile. */
static double quantile(const double *sorted, size_t count, double share)
{
    double at = share * (double)(count - 1);
    size_t below = (size_t)at;
    size_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

struct interval bootstrap_interval(const struct bootstrap *bootstrap, const double *x,
                                   const double *y)
{
    size_t n = bootstrap->n, count = 0;
    double x_unit, y_unit = 1;
    int16_t *above = to_fixed(x, n, &x_unit);
    int16_t *below = y ? to_fixed(y, n, &y_unit) : NULL;
    double *values = mem_array(bootstrap->replicates + 1, sizeof *values);
    for (size_t r = 0; r < bootstrap->replicates; r++) {
        const uint8_t *weights = bootstrap->weights + r * n;
        double over = below ? (double)weigh(weights, below, n) * y_unit : (double)n;
        if (over != 0)
            values[count++] = (double)weigh(weights, above, n) * x_unit / over;
    }
    qsort(values, count, sizeof *values, by_value);
    struct interval interval = {(double)NAN, (double)NAN};
    if (count)
        interval = (struct interval){quantile(values, count, 0.025),
                                     quantile(values, count, 0.975)};
    free(above);
    free(below);
    free(values);
    return interval;
}
