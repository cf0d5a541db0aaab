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
        return (struct detection){nan, nan, nan};
    size_t n = n_positives + n_negatives;
    struct scored *all = mem_array(n, sizeof *all);
    for (size_t i = 0; i < n_positives; i++)
        all[i] = (struct scored){positives[i], true};
    for (size_t i = 0; i < n_negatives; i++)
        all[n_positives + i] = (struct scored){negatives[i], false};
    qsort(all, n, sizeof *all, highest_first);

    struct detection d = {0, 0, 1};
    double found = 0, false_alarms = 0; /* at and above the threshold */
    for (size_t i = 0, next; i < n; i = next) {
        double hits = 0, misses = 0;
        for (next = i; next < n && all[next].score == all[i].score; next++)
            *(all[next].positive ? &hits : &misses) += 1;
        d.auroc += misses * (found + hits / 2);
        found += hits;
        false_alarms += misses;
        d.aupr += hits * found / (found + false_alarms);
        double rate = false_alarms / (double)n_negatives;
        if (found >= 0.95 * (double)n_positives && rate < d.fpr95)
            d.fpr95 = rate;
    }
    d.auroc /= (double)n_positives * (double)n_negatives;
    d.aupr /= (double)n_positives;
    free(all);
    return d;
}
