/* Extremes of everything seen. Source: Jacob et al. 2018, arXiv:1712.05877. */
#include "models/compress/observer.h"

static void range(const struct statistics *s, const struct grid_rule *rule, double *low,
                  double *high)
{
    (void)rule;
    *low = s->low;
    *high = s->high;
}

const struct observer observer_minmax = {
    .name = "minmax",
    .summary = "smallest and largest value seen",
    .source = "arXiv:1712.05877",
    .range = range,
};
