/*
 * Steps in a series: the piecewise constant function that is nearest in L1, its number of
 * levels chosen by an information criterion. Exact, by dynamic programming in O(n^3).
 *
 * Source: the regression finder of airspeed velocity (asv.step_detect): Potts functional
 * with L1 distance, each step paying 4 ln(n)/n against ln of the mean deviation.
 */
#include "results/stats.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cost[i * n + j]: deviation of y[i..j] from its median, for j >= i. A level of one number
 * is an outlier, unless it is the last and may be the first of many. */
static double *deviations(const double *y, size_t n)
{
    double *cost = mem_array(n * n, sizeof *cost), *sorted = mem_array(n, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) {
            size_t count = j - i, at = count;
            for (; at && sorted[at - 1] > y[j]; at--)
                sorted[at] = sorted[at - 1];
            sorted[at] = y[j];
            double sum = 0, middle = sorted[(count + 1) / 2];
            for (size_t k = 0; k <= count; k++)
                sum += fabs(sorted[k] - middle);
            cost[i * n + j] = count || i == n - 1 ? sum : (double)INFINITY;
        }
    free(sorted);
    return cost;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double level(const double *y, size_t count)
{
    double *sorted = mem_array(count, sizeof *sorted);
    memcpy(sorted, y, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_value);
    double middle = count % 2 ? sorted[count / 2]
                              : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    free(sorted);
    return middle;
}

/* best[k * n + j]: the least deviation of y[0..j] in k+1 pieces; from[] where the last one
 * starts. */
static void fit(const double *cost, size_t n, size_t pieces, double *best, size_t *from)
{
    for (size_t j = 0; j < n; j++)
        best[j] = cost[j];
    for (size_t k = 1; k < pieces; k++)
        for (size_t j = 0; j < n; j++) {
            best[k * n + j] = (double)INFINITY;
            for (size_t i = k; i <= j; i++) {
                double sum = best[(k - 1) * n + i - 1] + cost[i * n + j];
                if (sum < best[k * n + j]) {
                    best[k * n + j] = sum;
                    from[k * n + j] = i;
                }
            }
        }
}

size_t stats_steps(const double *y, size_t n, struct step steps[STEPS_MAX])
{
    if (!n)
        return 0;
    size_t most = n < STEPS_MAX ? n : STEPS_MAX, count = 1;
    double *cost = deviations(y, n);
    double *best = mem_array(most * n, sizeof *best);
    size_t *from = mem_array(most * n, sizeof *from);
    fit(cost, n, most, best, from);
    /* Deviations below a thousandth of the level are no evidence of anything. */
    double floor = 1e-3 * fabs(level(y, n)) + 1e-300, least = (double)INFINITY;
    for (size_t k = 1; k <= most; k++) {
        double mean = best[(k - 1) * n + n - 1] / (double)n + floor;
        double criterion = log(mean) + 4 * log((double)n) / (double)n * (double)(k - 1);
        if (criterion < least - 1e-12) {
            least = criterion;
            count = k;
        }
    }
    for (size_t k = count, end = n; k-- > 0; end = steps[k].start) {
        steps[k].start = k ? from[k * n + end - 1] : 0;
        steps[k].level = level(y + steps[k].start, end - steps[k].start);
    }
    free(cost);
    free(best);
    free(from);
    return count;
}
