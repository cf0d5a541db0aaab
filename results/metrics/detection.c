#include "results/metrics/metrics.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

struct scored {
    double score;
    bool positive;
};

static int highest_first(const void *a, const void *b)
{
    double x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return (x < y) - (x > y);
}

struct detection detect(const double *positives, size_t n_positives,
                        const double *negatives, size_t n_negatives)
{
    const double nan = (double)NAN;
    if (!n_positives || !n_negatives)
        return (struct detection){nan, nan, nan, nan};
    size_t n = n_positives + n_negatives;
    struct scored *all = mem_array(n, sizeof *all);
    for (size_t i = 0; i < n_positives; i++)
        all[i] = (struct scored){positives[i], true};
    for (size_t i = 0; i < n_negatives; i++)
        all[n_positives + i] = (struct scored){negatives[i], false};
    qsort(all, n, sizeof *all, highest_first);

    struct detection d = {.fpr95 = 1};
    double p = (double)n_positives, q = (double)n_negatives;
    double found = 0, false_alarms = 0; /* at and above the threshold */
    /* Of each picture the share of the other side that it stands right to: their squares. */
    double squares_p = 0, squares_q = 0;
    for (size_t i = 0, next; i < n; i = next) {
        double hits = 0, misses = 0;
        for (next = i; next < n && all[next].score == all[i].score; next++)
            *(all[next].positive ? &hits : &misses) += 1;
        double above = (found + hits / 2) / p;
        double below = (q - false_alarms - misses / 2) / q;
        d.auroc += misses * above;
        squares_q += misses * above * above;
        squares_p += hits * below * below;
        found += hits;
        false_alarms += misses;
        d.aupr += hits * found / (found + false_alarms);
        if (found >= 0.95 * p && false_alarms / q < d.fpr95)
            d.fpr95 = false_alarms / q;
    }
    d.auroc /= q;
    d.aupr /= p;
    d.auroc_se = sqrt(fmax(0, (squares_p / p - d.auroc * d.auroc) / (p - 1)) +
                      fmax(0, (squares_q / q - d.auroc * d.auroc) / (q - 1)));
    free(all);
    return d;
}
