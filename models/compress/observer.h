/*
 * Observers: from the values a tensor takes on calibration data to the range its grid
 * covers.
 *
 * How to add one: write models/compress/observe_<name>.c ending in `const struct observer
 * observer_<name>`, and add the name to meson.build.
 *
 * All observers share one pass over the data: struct statistics keeps what any of them
 * asks for, in memory that does not grow with the data.
 */
#pragma once

#include "models/compress/grid.h"

enum { STATISTICS_BINS = 2048, STATISTICS_RAW = 1 << 16 };

struct statistics {
    uint64_t count;
    double low, high;           /* extremes */
    double mean_low, mean_high; /* moving averages of each batch's extremes, weight 0.9 */
    uint64_t batches;
    double width; /* of a bin of |x|; 0 before the first non-zero value */
    uint64_t positive[STATISTICS_BINS], negative[STATISTICS_BINS]; /* of x >= 0, x < 0 */
    float *raw;       /* the values themselves while there are few */
    size_t raw_count; /* 0 once there were more than STATISTICS_RAW */
};

/* Values are finite: sessions report NaN and infinity before they get here (assert). */
void statistics_add(struct statistics *statistics, const float *x, size_t count);
void statistics_clear(struct statistics *statistics);

/* Sum of |x - x'|^p over the values seen; from bin centres once they are many. Above
 * `enough` it is only known to be above. */
double statistics_error(const struct statistics *statistics, const struct grid *grid,
                        double p, double enough);

struct observer {
    const char *name, *summary, *source;
    void (*range)(const struct statistics *statistics, const struct grid_rule *rule,
                  double *low, double *high);
};
extern const struct observer *const observer_registry[];

/* NULL when there is none of this name. */
const struct observer *observer_find(const char *name);
