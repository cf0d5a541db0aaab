/*
 * Moving average of each batch's extremes, r <- 0.9 r + 0.1 new.
 * Source: Jacob et al. 2018, arXiv:1712.05877; weight as in MQBench's EMA-MinMax.
 */
#include "models/compress/observer.h"

static void range(const struct statistics *s, const struct grid_rule *rule, double *low,
                  double *high)
{
    (void)rule;
    *low = s->mean_low;
    *high = s->mean_high;
}

const struct observer observer_average = {
    .name = "average",
    .summary = "moving average of each batch's extremes",
    .source = "arXiv:1712.05877",
    .range = range,
};
