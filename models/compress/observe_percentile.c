/*
 * Quantiles 1e-5 and 1 - 1e-5 of the values seen, so that one outlier in 100,000 does not
 * set the scale. Source: McKinstry et al. 2018, arXiv:1809.04191; share as in MQBench.
 */
#include "models/compress/observer.h"

#include <math.h>

static const double tail = 1e-5;

/* The value of |x| in one half of the histogram above which `room` values lie. */
static double upper(const uint64_t *bins, double width, double room)
{
    double above = 0;
    for (size_t i = STATISTICS_BINS; i-- > 0;) {
        above += (double)bins[i];
        if (above > room)
            return ((double)i + 1) * width;
    }
    return 0;
}

static void range(const struct statistics *s, const struct grid_rule *rule, double *low,
                  double *high)
{
    (void)rule;
    double room = tail * (double)s->count;
    *low = fmax(s->low, -upper(s->negative, s->width, room));
    *high = fmin(s->high, upper(s->positive, s->width, room));
}

const struct observer observer_percentile = {
    .name = "percentile",
    .summary = "all but one value in 100,000 on either side",
    .source = "arXiv:1809.04191",
    .range = range,
};
