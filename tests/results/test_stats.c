#include "tests/test.h"

#include "tests/results/fixture.h"

#include "base/mem.h"
#include "base/rng.h"
#include "results/stats.h"

#include <math.h>
#include <string.h>

static void check_wilson(const char *line)
{
    long long ok, n;
    double lo, hi;
    assert_int_equal(sscanf(line, "%lld %lld %lf %lf", &ok, &n, &lo, &hi), 4);
    struct interval interval = stats_wilson(ok, n);
    assert_near(interval.lo, lo, 1e-12);
    assert_near(interval.hi, hi, 1e-12);
}

static void check_mcnemar(const char *line)
{
    long long lost, won;
    double p;
    assert_int_equal(sscanf(line, "%lld %lld %lf", &lost, &won, &p), 3);
    assert_near(stats_mcnemar(lost, won) / p, 1, 1e-9);
}

static void check_holm(char *line)
{
    double p[8], expected[8], adjusted[8];
    size_t count = 0, given = 0;
    bool right = false;
    for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
        if (!strcmp(word, "="))
            right = true;
        else if (right)
            expected[given++] = atof(word);
        else
            p[count++] = atof(word);
    assert_int_equal(count, given);
    stats_holm(p, count, adjusted);
    for (size_t i = 0; i < count; i++)
        assert_near(adjusted[i], expected[i], 1e-12);
}

/* Another generator's 20,000 replicates: the ends agree within a tenth of the width. */
static void check_bootstrap(const char *line)
{
    int n;
    double lo, hi;
    assert_int_equal(sscanf(line, "%d %lf %lf", &n, &lo, &hi), 3);
    double *x = mem_array((size_t)n, sizeof *x), *y = mem_array((size_t)n, sizeof *y);
    for (int i = 0; i < n; i++) {
        x[i] = (7 * i * i % 101) / 101.0;
        y[i] = 1 + i % 3;
    }
    struct bootstrap bootstrap;
    bootstrap_open(&bootstrap, (size_t)n, BOOTSTRAP_REPLICATES, 0);
    struct interval interval = bootstrap_interval(&bootstrap, x, y);
    assert_near(interval.lo, lo, 0.1 * (hi - lo));
    assert_near(interval.hi, hi, 0.1 * (hi - lo));
    bootstrap_close(&bootstrap);
    free(x);
    free(y);
}

static void equals_scipy_and_statsmodels(void **state)
{
    (void)state;
    FILE *file = fopen(source_path("tests/golden/stats.tsv"), "r");
    assert_non_null(file);
    char line[512];
    int checked = 0;
    while (fgets(line, sizeof line, file)) {
        char *rest = strchr(line, ' ');
        if (line[0] == '#' || !rest)
            continue;
        *rest++ = 0;
        if (!strcmp(line, "wilson"))
            check_wilson(rest);
        else if (!strcmp(line, "mcnemar"))
            check_mcnemar(rest);
        else if (!strcmp(line, "holm"))
            check_holm(rest);
        else if (!strcmp(line, "bootstrap"))
            check_bootstrap(rest);
        else
            fail_msg("unknown line %s", line);
        checked++;
    }
    fclose(file);
    assert_int_equal(checked, 30);
}

/* 5-0 is not significant and 6-0 is: the smallest there is. */
static void smallest_significant_result(void **state)
{
    (void)state;
    assert_near(stats_mcnemar(5, 0), 0.0625, 1e-15);
    assert_near(stats_mcnemar(6, 0), 0.03125, 1e-15);
}

/* The table of half-widths of specs/harness.md B5: 5 % flip one way or the other. */
static void paired_half_widths(void **state)
{
    (void)state;
    assert_near(196 * stats_paired_se(13, 12, 500), 1.96, 0.01);
    assert_near(196 * stats_paired_se(25, 25, 5000), 0.28, 0.005);
    assert_near(196 * stats_paired_se(1250, 1250, 50000), 0.20, 0.005);
    assert_near(stats_paired_se(0, 0, 100), 0, 0);
}

static void discordant_pairs(void **state)
{
    (void)state;
    uint8_t a[19], b[19];
    struct rng rng;
    rng_open(&rng, 0, "bits", "test", 0);
    int64_t only_a = 0, only_b = 0, left, right;
    for (size_t i = 0; i < sizeof a; i++) {
        a[i] = (uint8_t)rng_u32(&rng);
        b[i] = (uint8_t)rng_u32(&rng);
        for (int k = 0; k < 8; k++) {
            only_a += (a[i] >> k & 1) && !(b[i] >> k & 1);
            only_b += !(a[i] >> k & 1) && (b[i] >> k & 1);
        }
    }
    stats_discordant(a, b, sizeof a, &left, &right);
    assert_int_equal(left, only_a);
    assert_int_equal(right, only_b);
}

static bool apart(const void *context, size_t a, size_t b)
{
    const double *values = context;
    return fabs(values[a] - values[b]) > 1;
}

static void ties_have_anchors(void **state)
{
    (void)state;
    /* 9.2 joins 10; 8.9 is apart from the anchor though not from 9.2 */
    const double values[] = {10, 9.2, 8.9, 8.5, 7};
    const int expected[] = {1, 1, 2, 2, 3};
    int group[5];
    stats_tie_groups(5, apart, values, group);
    assert_memory_equal(group, expected, sizeof group);
}

/* Of 300 samples of 200 coin tosses, the interval holds the truth in about 95 %. */
static void bootstrap_covers(void **state)
{
    (void)state;
    struct bootstrap bootstrap;
    bootstrap_open(&bootstrap, 200, BOOTSTRAP_REPLICATES, 3);
    int covered = 0;
    for (uint64_t trial = 0; trial < 300; trial++) {
        double x[200];
        struct rng rng;
        rng_open(&rng, 0, "coin", "trial", trial);
        for (int i = 0; i < 200; i++)
            x[i] = rng_uniform(&rng) < 0.7;
        struct interval interval = bootstrap_interval(&bootstrap, x, NULL);
        covered += interval.lo <= 0.7 && 0.7 <= interval.hi;
    }
    assert_in_range(covered, 270, 298); /* 285 expected, standard deviation 3.8 */
    bootstrap_close(&bootstrap);
}

/* What a choice of levels is worth: y[i] belongs to a new level where bit i of `cuts` is. */
static double criterion(const double *y, size_t n, unsigned cuts, double floor)
{
    double sum = 0;
    size_t pieces = 0;
    for (size_t start = 0, end; start < n; start = end, pieces++) {
        double sorted[16];
        for (end = start + 1; end < n && !(cuts >> end & 1); end++)
            ;
        size_t count = end - start;
        if (count == 1 && end < n) /* an outlier is no level */
            return (double)INFINITY;
        memcpy(sorted, y + start, count * sizeof *sorted);
        for (size_t i = 1; i < count; i++)
            for (size_t k = i; k && sorted[k - 1] > sorted[k]; k--) {
                double swap = sorted[k];
                sorted[k] = sorted[k - 1];
                sorted[k - 1] = swap;
            }
        for (size_t i = 0; i < count; i++)
            sum += fabs(sorted[i] - sorted[count / 2]);
    }
    return log(sum / (double)n + floor) + 4 * log((double)n) / (double)n * (double)(pieces - 1);
}

/* Against all 128 ways to cut eight numbers. */
static void steps_are_the_best_there_are(void **state)
{
    (void)state;
    for (uint64_t trial = 0; trial < 200; trial++) {
        struct rng rng;
        struct step steps[STEPS_MAX];
        double y[8], sorted[8];
        rng_open(&rng, trial, "steps", "test", 0);
        for (int i = 0; i < 8; i++)
            y[i] = sorted[i] = 5 + rng_uniform(&rng) + (i >= (int)(trial % 8) ? 2 : 0);
        for (int i = 1; i < 8; i++)
            for (int k = i; k && sorted[k - 1] > sorted[k]; k--) {
                double swap = sorted[k];
                sorted[k] = sorted[k - 1];
                sorted[k - 1] = swap;
            }
        double floor = 1e-3 * (sorted[3] + sorted[4]) / 2 + 1e-300;
        double least = (double)INFINITY;
        for (unsigned cuts = 0; cuts < 256; cuts += 2)
            least = fmin(least, criterion(y, 8, cuts, floor));
        unsigned found = 0;
        size_t count = stats_steps(y, 8, steps);
        for (size_t i = 1; i < count; i++)
            found |= 1u << steps[i].start;
        assert_near(criterion(y, 8, found, floor), least, 1e-9);
    }
}

static void steps_are_dated(void **state)
{
    (void)state;
    struct step steps[STEPS_MAX];
    struct rng rng;
    double y[60];
    rng_open(&rng, 3, "steps", "noise", 0);
    for (int i = 0; i < 60; i++) /* up by a third at 20, down again at 45, and one outlier */
        y[i] = (i >= 20 && i < 45 ? 4 : 3) * (1 + 0.02 * rng_uniform(&rng)) * (i == 8 ? 3 : 1);
    assert_int_equal(stats_steps(y, 60, steps), 3);
    assert_int_equal(steps[1].start, 20);
    assert_int_equal(steps[2].start, 45);
    assert_near(steps[1].level, 4.04, 0.04);
    for (int i = 0; i < 60; i++)
        y[i] = 7;
    assert_int_equal(stats_steps(y, 60, steps), 1);
    assert_int_equal(stats_steps(y, 1, steps), 1);
    assert_near(steps[0].level, 7, 0);
    assert_int_equal(stats_steps(y, 0, steps), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_scipy_and_statsmodels),
        cmocka_unit_test(smallest_significant_result),
        cmocka_unit_test(paired_half_widths),
        cmocka_unit_test(discordant_pairs),
        cmocka_unit_test(ties_have_anchors),
        cmocka_unit_test(bootstrap_covers),
        cmocka_unit_test(steps_are_the_best_there_are),
        cmocka_unit_test(steps_are_dated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
