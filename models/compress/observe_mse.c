/*
 * The shrunk range with the least mean |x - x'|^2.4: both ends times 1 - 0.01 i, i =
 * 0..79.
 *
 * Source: Li et al. 2021 (BRECQ), arXiv:2102.05426, whose range search uses p = 2.4.
 */
#include "models/compress/observer.h"

#include <math.h>

static void range(const struct statistics *s, const struct grid_rule *rule, double *low,
                  double *high)
{
    double least = HUGE_VAL;
    *low = s->low;
    *high = s->high;
    for (int i = 0; i < 80; i++) {
        double keep = 1 - 0.01 * i;
        struct grid grid = grid_for_range(rule, s->low * keep, s->high * keep);
        double error = statistics_error(s, &grid, 2.4, least);
        if (error < least) {
            least = error;
            *low = s->low * keep;
            *high = s->high * keep;
        }
    }
}

const struct observer observer_mse = {
    .name = "mse",
    .summary = "least mean |x - x'|^2.4 over 80 shrunk ranges",
    .source = "arXiv:2102.05426",
    .range = range,
};
